"""The buttons of cases: report a video, accept, deny."""

from typing import Any, Protocol, cast

import discord
from typing_extensions import override

from cogs.case_desk import CaseDesk
from cogs.lasting_buttons import JOB, LastingButton
from jobs.cases import CaseState
from jobs.model import JobId

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


CASE_BUTTONS = (ReportButton, DecisionButton)


def case_desk_of(interaction: discord.Interaction[Any]) -> CaseDesk:
    """Return the desk of the client that received an interaction."""
    return cast("HasCaseDesk", interaction.client).case_desk
