"""`/mod block`: whom a server's moderators keep from asking for videos."""

import discord
from discord import app_commands
from discord.app_commands import Range

from cogs.access import Access
from cogs.acknowledgement import fill, open_private
from cogs.desk import requester_of
from cogs.moderation.pages import blocked_sentence, blocks_page
from jobs.errors import NotAllowedError
from jobs.moderation.blocking import Blocking

ReasonOption = Range[str, 1, 200]
ExpiryOption = Range[str, 1, 40]


class BlockGroup(app_commands.Group):
    """Keeps members out and lets them in again."""

    def __init__(self, *, access: Access, blocking: Blocking) -> None:
        super().__init__(name="block", description="Members who may make no videos here")
        self._access = access
        self._blocking = blocking

    @app_commands.command(name="add", description="Keep a member from asking for videos here")
    @app_commands.describe(
        member="Whom",
        reason="Why; the member is told",
        expires="When it ends by itself, such as 2h or 7d; without it, never",
    )
    async def add(
        self,
        interaction: discord.Interaction,
        member: discord.User,
        reason: ReasonOption,
        expires: ExpiryOption = "",
    ) -> None:
        """Block a member."""
        self._access.check_moderator(interaction)
        self._check_blockable(interaction, member)
        if not await open_private(interaction):
            return
        blocked = await self._blocking.add(
            member.id, by=requester_of(interaction), reason=reason, lasts=expires
        )
        await fill(interaction, blocked_sentence(blocked))

    @app_commands.command(name="remove", description="Let a member ask for videos again")
    @app_commands.describe(member="Whom", reason="Why; it is kept in the audit")
    async def remove(
        self, interaction: discord.Interaction, member: discord.User, reason: ReasonOption = ""
    ) -> None:
        """End a block."""
        self._access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        by = requester_of(interaction)
        block = await self._blocking.remove(member.id, by=by, reason=reason)
        await fill(interaction, f"<@{block.user_id}> may make videos here again.")

    @app_commands.command(name="list", description="Who is blocked, why, and until when")
    async def list_blocks(self, interaction: discord.Interaction) -> None:
        """Show the server's blocks."""
        self._access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        await fill(interaction, blocks_page(await self._blocking.blocks(interaction.guild_id or 0)))

    def _check_blockable(
        self, interaction: discord.Interaction, member: discord.User | discord.Member
    ) -> None:
        """Refuse what would only be a mistake, or a quarrel among moderators.

        Raises:
            NotAllowedError: It is oneself, a bot, or somebody who moderates here.
        """
        if member.id == interaction.user.id:
            raise NotAllowedError("You cannot block yourself.")
        if member.bot:
            raise NotAllowedError("Bots ask for no videos, so there is nothing to block.")
        if self._access.moderates(interaction, member):
            raise NotAllowedError(
                f"<@{member.id}> moderates or manages this server: "
                "take their permission or role away first."
            )
