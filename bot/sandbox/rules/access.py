"""Checks what the bot may do in a place before a request touches it.

Source: Discord's "Permissions" and the permission notes of each endpoint in "Message", "Channel"
and "Threads": without View Channel everything is 50001, without another permission 50013 (observed;
the pages name the permissions, the list of error codes their meaning). Answers to interactions are
not checked here: they are webhooks, and may always have files and embeds (discord-api-docs#5316).
"""

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.world.entities import Channel, Guild, Message
from bot.sandbox.world.world import World


class Access:
    """Finds things for the bot, or refuses as Discord would."""

    def __init__(self, world: World) -> None:
        self._world = world

    # Finding

    def guild(self, id_: str) -> Guild:
        """Find a guild that the bot is in.

        Raises:
            ApiError: 10004, or 50001 where the bot has been thrown out.
        """
        if id_ in self._world.left_guilds:
            raise ApiError(Problem.MISSING_ACCESS)
        guild = self._world.guilds.get(id_)
        if guild is None:
            raise ApiError(Problem.UNKNOWN_GUILD)
        return guild

    def channel(self, id_: str) -> Channel:
        """Find a channel that the bot can see; the parent decides for a thread.

        Raises:
            ApiError: 10003 or 50001.
        """
        channel = self._world.channels.get(id_)
        if channel is None:
            raise ApiError(Problem.UNKNOWN_CHANNEL)
        if channel.guild.id not in self._world.guilds:
            raise ApiError(Problem.MISSING_ACCESS)
        if not self.sees(channel):
            raise ApiError(Problem.MISSING_ACCESS)
        return channel

    def place(self, id_: str) -> Channel:
        """Find where messages stand: a channel that the bot can see, or a direct one.

        Raises:
            ApiError: 10003 or 50001.
        """
        return self._world.direct_channels.get(id_) or self.channel(id_)

    def sees(self, channel: Channel) -> bool:
        """Whether the bot can see a channel, so that lists name it."""
        return channel.guild.bot.sees(channel)

    def thread(self, id_: str) -> Channel:
        """Find a thread that the bot can see.

        Raises:
            ApiError: 10003, 50001, or 50024 for another channel.
        """
        channel = self.channel(id_)
        if not channel.is_thread:
            raise ApiError(Problem.WRONG_CHANNEL_TYPE)
        return channel

    def message(self, channel: Channel, id_: str) -> Message:
        """Find a message that stands in the channel; an ephemeral one does not.

        Raises:
            ApiError: 10008.
        """
        message = channel.messages.get(id_)
        if message is None:
            raise ApiError(Problem.UNKNOWN_MESSAGE)
        return message

    def editable(self, channel: Channel, id_: str, *, is_flags_only: bool) -> Message:
        """Find a message that the bot may edit: its own, or the flags of anybody's.

        "Other users can only edit `flags` and only if they have the MANAGE_MESSAGES permission"
        ("Edit Message").

        Raises:
            ApiError: 10008, 50005 or 50013.
        """
        message = self.message(channel, id_)
        if message.author is not self._world.bot:
            if not is_flags_only:
                raise ApiError(Problem.NOT_THE_AUTHOR)
            self.demand(channel, "manage_messages")
        return message

    # Permissions

    def demand(self, channel: Channel, name: str) -> None:
        """Refuse unless the bot has a permission in the channel.

        Raises:
            ApiError: 50013.
        """
        if name not in channel.bot_permissions:
            raise ApiError(Problem.MISSING_PERMISSIONS)

    def demand_posting(self, channel: Channel, payload: JsonObject, *, has_files: bool) -> None:
        """Refuse unless the bot may post this there ("Create Message", Limitations).

        Raises:
            ApiError: 50013 or 160005.
        """
        self.demand(channel, channel.writing_permission)
        self._demand_content(channel, payload, has_files=has_files)
        if payload.get("tts"):
            self.demand(channel, "send_tts_messages")
        self._demand_unlocked(channel)

    def demand_editing(self, channel: Channel, payload: JsonObject, *, has_files: bool) -> None:
        """Refuse unless the bot may change a message so.

        Raises:
            ApiError: 50013 or 160005.
        """
        self._demand_unlocked(channel)
        self._demand_content(channel, payload, has_files=has_files)

    def demand_deleting(self, message: Message) -> None:
        """Refuse unless the bot may delete a message.

        Raises:
            ApiError: 50013 or 160005.
        """
        if message.author is not self._world.bot:
            self.demand(message.channel, "manage_messages")
        if message.channel.archived:
            # "Only be allowed in locked threads if that thread is also active" ("Threads").
            self._demand_unlocked(message.channel)

    def demand_replying(self, channel: Channel) -> None:
        """Refuse unless the bot may read what it replies to.

        Raises:
            ApiError: 160002.
        """
        if "read_message_history" not in channel.bot_permissions:
            raise ApiError(Problem.CANNOT_REPLY)

    def _demand_content(self, channel: Channel, payload: JsonObject, *, has_files: bool) -> None:
        if has_files:
            self.demand(channel, "attach_files")
        if objects(payload.get("embeds")):
            # Observed: discordjs/discord.js#7544. Links without a preview are not modelled.
            self.demand(channel, "embed_links")

    def _demand_unlocked(self, channel: Channel) -> None:
        """Refuse in a locked thread: there only moderators create and update messages."""
        if channel.is_closed_to(channel.bot_permissions):
            raise ApiError(Problem.THREAD_LOCKED)
