"""Hears what is deleted in Discord, so that no setting speaks of what is no longer there.

Whatever was deleted while the bot was away is found when a server is heard of again. A server
that takes the bot out is noted, and what is stored of it goes after a time of grace; one that is
unavailable, because Discord has an outage, has not left.
"""

import logging

import discord
from discord.ext import commands

from jobs.errors import StorageError
from jobs.moderation.management import Management
from jobs.ports import Clock, RetentionStore

logger = logging.getLogger(__name__)


class DeparturesCog(commands.Cog):
    """Lets go of deleted roles and channels, and notes which servers the bot is in."""

    def __init__(
        self,
        *,
        client: discord.Client,
        management: Management,
        departures: RetentionStore,
        clock: Clock,
    ) -> None:
        self._client = client
        self._management = management
        self._departures = departures
        self._clock = clock

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Note who took the bot out while it was away; an unavailable server is still listed."""
        here = {guild.id for guild in self._client.guilds}
        try:
            gone = await self._departures.reconcile(here, at=self._clock.now())
        except StorageError:
            logger.exception("Servers not looked through", extra={"action": "departures_failed"})
            return
        if gone:
            logger.info("Not in %d servers any more", len(gone), extra={"action": "servers_gone"})

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Note that a server took the bot out; discord.py tells of an outage elsewhere."""
        try:
            await self._departures.note_departure(guild.id, at=self._clock.now())
        except StorageError:
            logger.exception("Server %s", guild.id, extra={"action": "departures_failed"})
        else:
            logger.info("Server %s took the bot out", guild.id, extra={"action": "server_left"})

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Look through a server that is known from now on."""
        await self._tidy(guild)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Look through a server that the bot was in before, perhaps."""
        try:
            await self._departures.note_return(guild.id)
        except StorageError:  # the next start notes it, long before the time of grace is over
            logger.exception("Server %s", guild.id, extra={"action": "departures_failed"})
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
