"""The buttons of cases: report a video, accept, deny; they work for ever."""

import re
from typing import Any, Protocol, Self, cast

import discord
from discord.ui import Button, DynamicItem, LayoutView
from typing_extensions import override

from cogs.case_desk import JOB, CaseDesk
from cogs.views import answered
from jobs.cases import CaseState
from jobs.model import JobId

STATES = {"accept": CaseState.ACCEPTED, "deny": CaseState.DENIED}


class HasCaseDesk(Protocol):
    """The client that the buttons belong to."""

    @property
    def case_desk(self) -> CaseDesk:
        """Return the desk that takes what is pressed."""
        ...


class ReportButton(DynamicItem[Button[LayoutView]], template=rf"case:report:{JOB}"):
    """Opens the form of a report; anybody may press it."""

    def __init__(self, button: Button[LayoutView], job_id: JobId) -> None:
        super().__init__(button)
        self.job_id = job_id

    @classmethod
    @override
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """Make the button anew from the one on the message that was pressed."""
        return cls(cast("Button[LayoutView]", item), JobId(match["job"]))

    @override
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Answer a press."""
        desk = case_desk_of(interaction)
        await answered(interaction, desk.ask_report(interaction, self.job_id))


class DecisionButton(
    DynamicItem[Button[LayoutView]],
    template=r"case:(?P<what>accept|deny):(?P<number>\d{1,12})",
):
    """Decides a case; the desk asks whether the one who pressed may."""

    def __init__(self, button: Button[LayoutView], number: int, state: CaseState) -> None:
        super().__init__(button)
        self.number = number
        self.state = state

    @classmethod
    @override
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: discord.ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """Make the button anew from the one on the message that was pressed."""
        button = cast("Button[LayoutView]", item)
        return cls(button, int(match["number"]), STATES[match["what"]])

    @override
    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Answer a press."""
        desk = case_desk_of(interaction)
        await answered(interaction, desk.decide(interaction, self.number, self.state))


CASE_BUTTONS = (ReportButton, DecisionButton)


def case_desk_of(interaction: discord.Interaction[Any]) -> CaseDesk:
    """Return the desk of the client that received an interaction."""
    return cast("HasCaseDesk", interaction.client).case_desk
