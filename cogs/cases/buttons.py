"""The buttons of cases: report a video, appeal a refusal, accept, deny, tell me."""

from typing import Any, Protocol, cast

import discord
from typing_extensions import override

from cogs.cases.desk import CaseDesk
from cogs.lasting_buttons import JOB, LastingButton
from jobs.model import JobId
from jobs.moderation.cases import CaseState

STATES = {"accept": CaseState.ACCEPTED, "deny": CaseState.DENIED}


class HasCaseDesk(Protocol):
    """The client that the buttons belong to."""

    @property
    def case_desk(self) -> CaseDesk:
        """Return the desk that takes what is pressed."""
        ...


class ReportButton(LastingButton, template=rf"case:report:{JOB}"):
    """Opens the form of a report; anybody may press it."""

    @override
    async def press(self, interaction: discord.Interaction[Any]) -> None:
        await case_desk_of(interaction).ask_report(interaction, JobId(self.named["job"]))


class DecisionButton(LastingButton, template=r"case:(?P<what>accept|deny):(?P<number>\d{1,12})"):
    """Decides a case; the desk asks whether the one who pressed may."""

    @override
    async def press(self, interaction: discord.Interaction[Any]) -> None:
        number, state = int(self.named["number"]), STATES[self.named["what"]]
        await case_desk_of(interaction).decide(interaction, number, state)


class AppealButton(LastingButton, template=r"case:appeal:(?P<refusal>\d{1,18})"):
    """Opens the form of an appeal against a refused prompt, for the one who was refused."""

    @override
    async def press(self, interaction: discord.Interaction[Any]) -> None:
        refusal = int(self.named["refusal"])
        await case_desk_of(interaction).ask_prompt_appeal(interaction, refusal)


class DmButton(LastingButton, template=r"case:dm:(?P<word>on|off):(?P<number>\d{1,12})"):
    """Notes whether whoever brought a case wants a direct message about it."""

    @override
    async def press(self, interaction: discord.Interaction[Any]) -> None:
        number, wants_dm = int(self.named["number"]), self.named["word"] == "on"
        await case_desk_of(interaction).wish_dm(interaction, number, wants_dm=wants_dm)


CASE_BUTTONS = (ReportButton, AppealButton, DecisionButton, DmButton)


def case_desk_of(interaction: discord.Interaction[Any]) -> CaseDesk:
    """Return the desk of the client that received an interaction."""
    return cast("HasCaseDesk", interaction.client).case_desk
