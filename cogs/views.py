"""The buttons on cards and results.

They hold no state but a job's id, so they work for ever, also on messages that were posted
before the bot was last started.
"""

import re
from abc import abstractmethod
from collections.abc import Coroutine
from typing import Any, Protocol, Self, cast

import discord
from discord.ui import Button, DynamicItem, LayoutView
from typing_extensions import override

from cogs.desk import Desk
from cogs.errors import report
from jobs.model import JobId

JOB = r"(?P<job>[0-9A-Za-z_-]{1,40})"


class HasDesk(Protocol):
    """The client that the buttons belong to."""

    @property
    def desk(self) -> Desk:
        """Return the desk that takes their orders."""
        ...


class JobButton(DynamicItem[Button[LayoutView]], template=JOB):
    """A button that names a job in its custom id; each kind has a template and a press."""

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
        await answered(interaction, self.press(desk_of(interaction), interaction))

    @abstractmethod
    async def press(self, desk: Desk, interaction: discord.Interaction[Any]) -> None:
        """Leave the order at the desk."""


class CancelButton(JobButton, template=rf"vid:cancel:{JOB}"):
    """Cancels a job; the desk asks whether the one who pressed may."""

    @override
    async def press(self, desk: Desk, interaction: discord.Interaction[Any]) -> None:
        await desk.cancel(interaction, self.job_id)


class AgainButton(JobButton, template=rf"vid:again:{JOB}"):
    """Asks for the same video with a new seed, on behalf of whoever pressed."""

    @override
    async def press(self, desk: Desk, interaction: discord.Interaction[Any]) -> None:
        await desk.again(interaction, self.job_id)


BUTTONS = (CancelButton, AgainButton)


def desk_of(interaction: discord.Interaction[Any]) -> Desk:
    """Return the desk of the client that received an interaction."""
    return cast("HasDesk", interaction.client).desk


async def answered(interaction: discord.Interaction[Any], press: Coroutine[Any, Any, None]) -> None:
    """Carry a press out; whatever goes wrong is answered, for discord.py would only log it."""
    try:
        await press
    except Exception as error:  # noqa: BLE001 - the outer edge of a press; `report` logs it
        await report(interaction, error)
    interaction.client.dispatch("answered", interaction)
