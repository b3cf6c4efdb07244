"""`/privacy`: what is stored about the one who asks, as a file, and its end.

Everybody may use it, also who is blocked or may not make videos; each answer is for them alone.
"""

import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

import discord
from discord import app_commands
from typing_extensions import override

from cogs.acknowledgement import fill, open_private, twice
from cogs.lasting_buttons import LastingButton
from cogs.privacy_pages import (
    ask_page,
    delete_button,
    deleted_sentence,
    holdings_page,
    nothing_sentence,
    package_sentence,
)
from jobs.errors import NotAllowedError
from jobs.moderation.guilds import Guilds
from jobs.ports import Catalogue, RetentionStore
from jobs.privacy.records import Whose
from jobs.privacy.rights import Privacy
from jobs.privacy.takeout import Takeout
from jobs.request import ProviderName

Act = Callable[[discord.Interaction, Whose], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnData:
    """What people do with the data about them, and what is let go of by itself.

    Attributes:
        days: How long ended videos are kept where a server says nothing; None is for good.
        departures: Knows which servers took the bot out.
    """

    privacy: Privacy
    takeout: Takeout
    departures: RetentionStore
    days: int | None = None


class PrivacyDesk:
    """Answers the commands, and the button that asks once more."""

    def __init__(self, *, own_data: OwnData, guilds: Guilds, catalogue: Catalogue) -> None:
        self._privacy = own_data.privacy
        self._takeout = own_data.takeout
        self._days = own_data.days
        self._guilds = guilds
        self._catalogue = catalogue

    async def show(self, interaction: discord.Interaction, whose: Whose) -> None:
        """Tell what is stored."""
        if not await open_private(interaction):
            return
        holdings = await self._privacy.holdings(whose)
        own = self._guilds.of(interaction.guild_id or 0).retention_days
        names = (ProviderName(one.name) for one in self._catalogue.providers())
        hosted = [name for name in names if name is not ProviderName.LOCAL]
        await fill(interaction, holdings_page(whose, holdings, own or self._days, hosted))

    async def export(self, interaction: discord.Interaction, whose: Whose) -> None:
        """Send what is stored as a file."""
        if not await open_private(interaction):
            return
        package = await self._takeout.pack(whose)

        async def answer() -> None:
            file = discord.File(io.BytesIO(package.content), filename=package.name)
            sentence = package_sentence(package)
            await interaction.edit_original_response(content=sentence, attachments=[file])

        await twice(interaction, answer)

    async def ask(self, interaction: discord.Interaction, whose: Whose) -> None:
        """Ask whether it shall really be deleted."""
        if not await open_private(interaction):
            return
        holdings = await self._privacy.holdings(whose)
        if holdings.is_empty:
            await fill(interaction, nothing_sentence(whose))
            return
        await fill(interaction, ask_page(whose, holdings, delete_button(custom_id_of(whose))))

    async def delete(self, interaction: discord.Interaction[Any], whose: Whose) -> None:
        """Delete it."""
        if interaction.user.id != whose.user_id:
            raise NotAllowedError("Only the one whose data it is can delete it.")
        if whose.guild_id not in (None, interaction.guild_id):
            raise NotAllowedError("This button belongs to another server.")
        if await open_private(interaction):
            deleted = await self._privacy.delete(whose)
            await fill(interaction, deleted_sentence(whose, deleted))


class PrivacyGroup(app_commands.Group):
    """The commands."""

    def __init__(self, *, desk: PrivacyDesk) -> None:
        super().__init__(name="privacy", description="What Flipbook stores about you")
        for name, description, act in (
            ("show", "What is stored about you", desk.show),
            ("export", "All that is stored about you, as a file", desk.export),
            ("delete", "Delete what is stored about you", desk.ask),
        ):
            self.add_command(_command(name, description, act))


def _command(name: str, description: str, act: Act) -> app_commands.Command[Any, ..., Any]:
    """Return a command about the data of the one who uses it."""

    @app_commands.command(name=name, description=description)
    @app_commands.describe(everywhere="In all servers, not only in this one")
    async def about_oneself(
        interaction: discord.Interaction,
        everywhere: bool = False,  # noqa: FBT001, FBT002 - an option of a command
    ) -> None:
        await act(interaction, whose_of(interaction, is_everywhere=everywhere))

    return about_oneself


class HasPrivacyDesk(Protocol):
    """The client that the button belongs to."""

    @property
    def privacy_desk(self) -> PrivacyDesk:
        """Return what answers it."""
        ...


class DeleteButton(
    LastingButton, template=r"privacy:delete:(?P<user>\d{1,20}):(?P<guild>\d{1,20})"
):
    """Deletes the data of the one who was asked; it holds their id and the server's, or 0."""

    @override
    async def press(self, interaction: discord.Interaction[Any]) -> None:
        user_id, guild_id = int(self.named["user"]), int(self.named["guild"])
        desk = cast("HasPrivacyDesk", interaction.client).privacy_desk
        await desk.delete(interaction, Whose(user_id=user_id, guild_id=guild_id or None))


def custom_id_of(whose: Whose) -> str:
    """Return the custom id of the button that deletes."""
    return f"privacy:delete:{whose.user_id}:{whose.guild_id or 0}"


def whose_of(interaction: discord.Interaction, *, is_everywhere: bool) -> Whose:
    """Return who asks, and about where."""
    guild_id = None if is_everywhere else interaction.guild_id
    return Whose(user_id=interaction.user.id, guild_id=guild_id)
