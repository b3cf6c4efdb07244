"""The state of the stand-in Discord: who is there, what was posted, which commands are known.

Every change that Discord would announce on the gateway goes out through `announce`; every change at
all wakes those who wait.
"""

from collections.abc import Callable, Iterable

from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.assumptions import Assumptions
from bot.sandbox.world.changes import Changes
from bot.sandbox.world.clock import SandboxClock
from bot.sandbox.world.entities import (
    UPLOAD_LIMITS,
    Attachment,
    Channel,
    ChannelKind,
    Guild,
    Member,
    Message,
    MessageFlags,
    Role,
    User,
    named,
)
from bot.sandbox.world.interaction import Interaction
from bot.sandbox.world.links import CdnLinks
from bot.sandbox.world.mentions import NOBODY, Mentions
from bot.sandbox.world.payloads import Payloads
from bot.sandbox.world.permissions import MEMBER_PERMISSIONS
from bot.sandbox.world.snowflakes import Snowflakes

Announce = Callable[[str, JsonObject], None]


class World:
    """Everything that persists while bots come and go."""

    def __init__(self, *, clock: SandboxClock) -> None:
        self.clock = clock
        self.assumptions = Assumptions()
        self.changes = Changes()
        self.snowflakes = Snowflakes(clock)
        self.links = CdnLinks(clock)
        self.bot = User(id=self.snowflakes.new(), name="flipbook", is_bot=True)
        self.owner = User(id=self.snowflakes.new(), name="operator")
        self.payloads = Payloads(bot=self.bot, links=self.links)
        self.users: dict[str, User] = {self.bot.id: self.bot, self.owner.id: self.owner}
        self.guilds: dict[str, Guild] = {}
        self.left_guilds: dict[str, Guild] = {}
        self.direct_channels: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: dict[str, Message] = {}
        self.files: dict[str, Attachment] = {}
        self.interactions: dict[str, Interaction] = {}
        self.commands: dict[str | None, dict[str, JsonObject]] = {}
        self._listeners: list[Announce] = []

    def listen(self, listener: Announce) -> None:
        """Have every gateway event handed to `listener` as name and payload."""
        self._listeners.append(listener)

    def announce(self, event: str, payload: JsonObject) -> None:
        """Send a gateway event and wake those who wait."""
        for listener in self._listeners:
            listener(event, payload)
        self.changes.notify()

    def commands_in(self, guild: Guild) -> list[JsonObject]:
        """List the commands that a member of `guild` can use: global ones and the guild's own."""
        found = {**self.commands.get(None, {}), **self.commands.get(guild.id, {})}
        return list(found.values())

    def guild(self, name: str) -> Guild:
        """Find a guild by name.

        Raises:
            SandboxError: The bot is in none of that name.
        """
        return named(self.guilds.values(), name)

    # People and places

    def add_guild(self, name: str, *, owner: User | None = None, premium_tier: int = 0) -> Guild:
        """Add a guild that the bot is a member of; `premium_tier` comes from boosts (0-3)."""
        owner = owner or self.owner
        guild = Guild(
            id=self.snowflakes.new(),
            name=name,
            owner_id=owner.id,
            bot_id=self.bot.id,
            premium_tier=premium_tier,
            upload_limit=UPLOAD_LIMITS[premium_tier],
        )
        everyone = Role(id=guild.id, name="@everyone", permissions=set(MEMBER_PERMISSIONS))
        own = Role(
            id=self.snowflakes.new(),
            name=self.bot.name,
            permissions=set(MEMBER_PERMISSIONS),
            position=1,
            is_managed=True,
        )
        guild.roles = {everyone.id: everyone, own.id: own}
        self._join(guild, owner)
        self._join(guild, self.bot).role_ids.append(own.id)
        self.guilds[guild.id] = guild
        payload = self.payloads.guild_create(guild)
        del payload["unavailable"]  # its absence tells a join from a guild that was there before
        self.announce("GUILD_CREATE", payload)
        return guild

    def remove_guild(self, guild: Guild) -> None:
        """Throw the bot out of a guild; all that is in it goes on without the bot."""
        self.left_guilds[guild.id] = self.guilds.pop(guild.id)
        self.announce("GUILD_DELETE", {"id": guild.id})

    def outage(self, guild: Guild) -> None:
        """Make a guild unavailable; the bot is still in it ("Gateway Events", Guild Delete)."""
        guild.is_available = False
        self.announce("GUILD_DELETE", {"id": guild.id, "unavailable": True})

    def restore(self, guild: Guild) -> None:
        """Make a guild available again ("Gateway Events", Guild Create)."""
        guild.is_available = True
        self.announce("GUILD_CREATE", self.payloads.guild_create(guild))

    def add_role(self, guild: Guild, name: str, permissions: Iterable[str] = ()) -> Role:
        """Add a role to a guild."""
        role = Role(
            id=self.snowflakes.new(),
            name=name,
            permissions=set(permissions),
            position=len(guild.roles),
        )
        guild.roles[role.id] = role
        payload = {"guild_id": guild.id, "role": self.payloads.role(role)}
        self.announce("GUILD_ROLE_CREATE", payload)
        return role

    def add_member(
        self, guild: Guild, name: str, *, permissions: Iterable[str] = (), user: User | None = None
    ) -> Member:
        """Add a member, with `permissions` on top of everyone's; `user` may be of another guild."""
        member = self._join(guild, user or self.add_user(name))
        payload = self.payloads.member(member) | {"guild_id": guild.id}
        self.announce("GUILD_MEMBER_ADD", payload)
        if permissions:
            self.grant(member, *permissions)
        return member

    def grant(self, member: Member, *permissions: str) -> Role:
        """Give a member a role of its own with `permissions`: members have them no other way."""
        role = self.add_role(member.guild, f"{member.name}'s", permissions)
        self.give_role(member, role)
        return role

    def give_role(self, member: Member, role: Role) -> None:
        """Make a member one of a role's."""
        member.role_ids.append(role.id)
        payload = self.payloads.member(member) | {"guild_id": member.guild.id}
        self.announce("GUILD_MEMBER_UPDATE", payload)

    def add_user(self, name: str) -> User:
        """Add an account that is in no guild yet."""
        user = User(id=self.snowflakes.new(), name=name)
        self.users[user.id] = user
        return user

    def open_direct(self, user: User) -> str:
        """Open the bot's direct channel with somebody, or find it; return its id."""
        known = [id_ for id_, other in self.direct_channels.items() if other is user]
        id_ = known[0] if known else self.snowflakes.new()
        self.direct_channels[id_] = user
        return id_

    def _join(self, guild: Guild, user: User) -> Member:
        member = Member(guild=guild, user=user, joined_at=self.clock.now())
        guild.members[user.id] = member
        return member

    def add_channel(self, guild: Guild, name: str, *, nsfw: bool = False) -> Channel:
        """Add a text channel."""
        channel = Channel(
            id=self.snowflakes.new(),
            guild=guild,
            name=name,
            nsfw=nsfw,
            created_at=self.clock.now(),
            on_change=self.channel_changed,
        )
        return self._open(channel, "CHANNEL_CREATE")

    def add_thread(
        self,
        parent: Channel,
        name: str,
        *,
        owner: Member | None = None,
        message: Message | None = None,
        auto_archive_minutes: int = 1440,
    ) -> Channel:
        """Add a public thread below a text channel, maybe to a message; it has the message's id."""
        owner_id = owner.id if owner else parent.guild.owner_id
        thread = Channel(
            id=message.id if message else self.snowflakes.new(),
            guild=parent.guild,
            name=name,
            kind=ChannelKind.PUBLIC_THREAD,
            parent=parent,
            owner_id=owner_id,
            created_at=self.clock.now(),
            auto_archive_minutes=auto_archive_minutes,
            joined={owner_id: self.clock.now()},
            on_change=self.channel_changed,
        )
        self._open(thread, "THREAD_CREATE")
        if message is not None:
            message.thread = thread
            message.flags |= MessageFlags.HAS_THREAD
            self.message_changed(message)
        return thread

    def _open(self, channel: Channel, event: str) -> Channel:
        channel.guild.channels[channel.id] = channel
        self.channels[channel.id] = channel
        extra = {"newly_created": True} if channel.is_thread else {}  # "Thread Create"
        self.announce(event, self.payloads.channel(channel) | extra)
        return channel

    def archive_thread(self, thread: Channel, *, locked: bool = False) -> None:
        """Archive a thread, as Discord does when it grows quiet; `locked` keeps it so."""
        thread.locked = locked
        self._set_archived(thread, archived=True)

    def revive_thread(self, thread: Channel) -> None:
        """Take a thread out of the archive."""
        self._set_archived(thread, archived=False)

    def _set_archived(self, thread: Channel, *, archived: bool) -> None:
        thread.archived, thread.archive_changed_at = archived, self.clock.now()
        self.channel_changed(thread)

    def channel_changed(self, channel: Channel) -> None:
        """Tell of new settings of a channel, e.g. its age limit."""
        event = "THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE"
        self.announce(event, self.payloads.channel(channel))

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel with its threads and messages."""
        threads = [other for other in self.channels.values() if other.parent is channel]
        for thread in threads:
            self.delete_channel(thread)
        payload = self.payloads.channel(channel)
        self._forget(channel)
        if channel.is_thread:  # "Thread Delete": just these fields of it
            payload = {key: payload[key] for key in ("id", "guild_id", "parent_id", "type")}
        self.announce("THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE", payload)

    def _forget(self, channel: Channel) -> None:
        self.channels.pop(channel.id, None)
        channel.guild.channels.pop(channel.id, None)
        for message in list(channel.messages.values()):
            self._drop(message)

    # Messages

    def say(
        self,
        member: Member,
        channel: Channel,
        content: str,
        *,
        mentions: Mentions = NOBODY,
        pings: Iterable[str] = (),
    ) -> Message:
        """Post a member's ordinary message, whatever the rules say (`client/speech.py` obeys)."""
        message = Message(
            id=self.snowflakes.new(),
            channel=channel,
            author=member.user,
            content=content,
            mentions=mentions,
            pings=set(pings),
            created_at=self.clock.now(),
        )
        self.post(message)
        return message

    def post(self, message: Message) -> None:
        """Put a message where it belongs; an ephemeral one does not stand in the channel."""
        self.messages[message.id] = message
        if message.is_ephemeral:
            self.changes.notify()
            return
        message.channel.messages[message.id] = message
        self._announce_message("MESSAGE_CREATE", message)

    def message_changed(self, message: Message) -> None:
        """Tell that a message has new content."""
        if message.is_ephemeral:
            self.changes.notify()
        else:
            self._announce_message("MESSAGE_UPDATE", message)

    def _announce_message(self, event: str, message: Message) -> None:
        payload = self.payloads.message(message) | {"guild_id": message.channel.guild.id}
        self.announce(event, payload)

    def delete_message(self, message: Message) -> None:
        """Delete a message."""
        self._drop(message)
        place = {"channel_id": message.channel.id, "guild_id": message.channel.guild.id}
        if message.is_ephemeral:
            self.changes.notify()
        else:
            self.announce("MESSAGE_DELETE", {"id": message.id, **place})

    def _drop(self, message: Message) -> None:
        message.is_deleted = True
        self.messages.pop(message.id, None)
        message.channel.messages.pop(message.id, None)
        for attachment in message.attachments:
            self.files.pop(attachment.id, None)

    def set_attachments(self, message: Message, attachments: list[Attachment]) -> None:
        """Give a message its files; those that it had before and has no more are gone."""
        for attachment in message.attachments:
            self.files.pop(attachment.id, None)
        message.attachments = attachments
        self.files.update({attachment.id: attachment for attachment in attachments})
