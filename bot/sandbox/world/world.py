"""The world of the stand-in Discord: its guilds, people, roles and channels, and all that is said.

What it remembers is in `state.py`, messages are in `talk.py`.
"""

from collections.abc import Iterable

from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.accounts import Role, User
from bot.sandbox.world.entities import Channel, ChannelKind, Guild, Member, Message
from bot.sandbox.world.files import UPLOAD_LIMITS
from bot.sandbox.world.message_kinds import MessageFlags
from bot.sandbox.world.names import named
from bot.sandbox.world.permissions import MEMBER_PERMISSIONS
from bot.sandbox.world.talk import Talk


class World(Talk):
    """Everything there is; people and places are made and changed here."""

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

    # Guilds and people

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

    def delete_role(self, guild: Guild, role: Role) -> None:
        """Delete a role; nobody has it any more, and channels no longer speak of it.

        That members lose it goes without an event of its own ("Gateway Events", Guild Role Delete).
        """
        del guild.roles[role.id]
        for member in guild.members.values():
            member.role_ids[:] = [id_ for id_ in member.role_ids if id_ != role.id]
        for channel in guild.channels.values():
            channel.overwrites.pop(role.id, None)
        self.announce("GUILD_ROLE_DELETE", {"guild_id": guild.id, "role_id": role.id})

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

    def open_direct(self, user: User) -> Channel:
        """Open the bot's direct channel with somebody, or find it."""
        for channel in self.direct_channels.values():
            if channel.recipient is user:
                return channel
        channel = Channel(
            id=self.snowflakes.new(),
            guild=self._pair(user),
            name=user.name,
            kind=ChannelKind.DIRECT,
            recipient=user,
            created_at=self.clock.now(),
            on_change=self.channel_changed,
        )
        self.direct_channels[channel.id] = channel
        return channel

    def _pair(self, user: User) -> Guild:
        """Return a guild of the bot and one other, which is listed nowhere."""
        guild = Guild(id=self.snowflakes.new(), name="", owner_id=self.bot.id, bot_id=self.bot.id)
        guild.roles = {guild.id: Role(id=guild.id, name="@everyone", permissions=set())}
        self._join(guild, self.bot)
        self._join(guild, user)
        return guild

    def _join(self, guild: Guild, user: User) -> Member:
        member = Member(guild=guild, user=user, joined_at=self.clock.now())
        guild.members[user.id] = member
        return member

    # Channels

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
        slowmode_s: int = 0,
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
            slowmode_s=slowmode_s,
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
