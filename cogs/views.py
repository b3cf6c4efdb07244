"""The buttons on cards and results; they hold no state but a job's id."""

from typing import Any, Protocol, cast

import discord
from typing_extensions import override

from cogs.desk import Desk
from cogs.lasting_buttons import JOB, LastingButton
from jobs.model import JobId


class HasDesk(Protocol):
    """The client that the buttons belong to."""

    @property
    def desk(self) -> Desk:
        """Return the desk that takes their orders."""
        ...


class CancelButton(LastingButton, template=rf"vid:cancel:{JOB}"):
    """Cancels a job; the desk asks whether the one who pressed may."""

    @override
    async def press(self, interaction: discord.Interaction[Any]) -> None:
        await desk_of(interaction).cancel(interaction, JobId(self.named["job"]))


class AgainButton(LastingButton, template=rf"vid:again:{JOB}"):
    """Asks for the same video with a new seed, on behalf of whoever pressed."""

    @override
    async def press(self, interaction: discord.Interaction[Any]) -> None:
        await desk_of(interaction).again(interaction, JobId(self.named["job"]))


BUTTONS = (CancelButton, AgainButton)


def desk_of(interaction: discord.Interaction[Any]) -> Desk:
    """Return the desk of the client that received an interaction."""
    return cast("HasDesk", interaction.client).desk
