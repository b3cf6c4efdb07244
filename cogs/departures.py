"""Hears what is deleted in Discord, so that no setting speaks of what is no longer there.

Whatever was deleted while the bot was away is found when a server is heard of again.
"""

import logging

import discord
from discord.ext import commands

from jobs.errors import StorageError
from jobs.management import Management

logger = logging.getLogger(__name__)


class DeparturesCog(commands.Cog):
    """Lets go of deleted roles and channels."""

    def __init__(self, *, management: Management) -> None:
        self._management = management

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Look through a server that is known from now on."""
        await self._tidy(guild)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Look through a server that the bot was in before, perhaps."""
        await self._tidy(guild)

    @commands.Cog.listener()
    async def on_guild_role_delete(self, role: discord.Role) -> None:
        """Let go of a role."""
        await self._tidy(role.guild)

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Let go of a channel."""
        await self._tidy(channel.guild)

    async def _tidy(self, guild: discord.Guild) -> None:
        """Look through a server; what cannot be written now is found again later."""
        if guild.unavailable or not guild.roles or not guild.channels:
            return  # nothing is known of it: that is no reason to believe that all is gone
        try:
            await self._management.tidy(
                guild.id,
                has_role=lambda one: guild.get_role(one) is not None,
                has_channel=lambda one: guild.get_channel(one) is not None,
            )
        except StorageError:
            logger.exception("Server %s not tidied", guild.id, extra={"action": "tidy_failed"})
