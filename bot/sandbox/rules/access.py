"""Checks what the bot may do in a channel before a request touches it.

Source: Discord's "Permissions" and the permission notes of each endpoint in "Message" and
"Channel": without View Channel everything is 50001, without another permission 50013.
"""

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.world.entities import Channel, Guild, Message
from bot.sandbox.world.world import World


class Access:
    """Finds things for the bot, or refuses as Discord would."""

    def __init__(self, world: World) -> None:
        self._world = world

    def guild(self, id_: str) -> Guild:
        """Find a guild that the bot is in."""
        guild = self._world.guilds.get(id_)
        if guild is None:
            raise ApiError(Problem.UNKNOWN_GUILD)
        return guild

    def channel(self, id_: str) -> Channel:
        """Find a channel that the bot can see."""
        channel = self._world.channels.get(id_)
        if channel is None:
            raise ApiError(Problem.UNKNOWN_CHANNEL)
        if channel.guild.id not in self._world.guilds:
            raise ApiError(Problem.MISSING_ACCESS)
        if "view_channel" not in channel.bot_permissions:
            raise ApiError(Problem.MISSING_ACCESS)
        return channel

    def message(self, channel: Channel, id_: str) -> Message:
        """Find a message that stands in the channel; an ephemeral one does not."""
        message = channel.messages.get(id_)
        if message is None:
            raise ApiError(Problem.UNKNOWN_MESSAGE)
        return message

    def own_message(self, channel: Channel, id_: str) -> Message:
        """Find a message of the bot's."""
        message = self.message(channel, id_)
        if message.author is not self._world.bot:
            raise ApiError(Problem.NOT_THE_AUTHOR)
        return message

    def demand(self, channel: Channel, name: str) -> None:
        """Refuse unless the bot has a permission in the channel."""
        if name not in channel.bot_permissions:
            raise ApiError(Problem.MISSING_PERMISSIONS)

    def demand_posting(self, channel: Channel, *, has_files: bool) -> None:
        """Refuse unless the bot may post there, with files if it has some."""
        self.demand(channel, "send_messages_in_threads" if channel.is_thread else "send_messages")
        if has_files:
            self.demand(channel, "attach_files")
        if channel.locked and "manage_threads" not in channel.bot_permissions:
            raise ApiError(Problem.THREAD_LOCKED)
