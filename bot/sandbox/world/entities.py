"""The things of a Discord world that know each other: guilds, members, channels, messages.

They are the sandbox's state and therefore change; whoever changes one tells the world. They stand
in one module because each leads to the others; what leads nowhere has a module of its own.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from typing_extensions import override

from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.accounts import Role, User
from bot.sandbox.world.components import Button, buttons, shown_urls, texts
from bot.sandbox.world.embeds import embed_text, embed_urls
from bot.sandbox.world.files import UPLOAD_LIMITS, Attachment
from bot.sandbox.world.mentions import NOBODY, Mentions
from bot.sandbox.world.message_kinds import NO_FLAGS, MessageFlags, MessageKind
from bot.sandbox.world.names import named
from bot.sandbox.world.permissions import (
    ALL_PERMISSIONS,
    Overwrite,
    apply_overwrites,
)

SHOWN = 60
"""So much of a message is enough to tell it from another."""

MAX_SLOWMODE_S = 21600  # resource "Channel", `rate_limit_per_user`


class ChannelKind(IntEnum):
    """Discord's "Channel Types", those that the sandbox has."""

    TEXT = 0
    DIRECT = 1
    PUBLIC_THREAD = 11


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Guild:
    """A community server."""

    id: str
    name: str
    owner_id: str
    bot_id: str
    premium_tier: int = 0
    upload_limit: int = UPLOAD_LIMITS[0]
    announced_limit: int | None = None
    """What interactions say instead of `upload_limit`: Discord has over-promised before
    (discord-api-docs#7603)."""
    blocked_words: set[str] = field(default_factory=set[str])
    """What AutoMod refuses here."""
    is_available: bool = True
    locale: str = "en-US"
    roles: dict[str, Role] = field(default_factory=dict[str, Role])
    members: dict[str, "Member"] = field(default_factory=dict[str, "Member"])
    channels: dict[str, "Channel"] = field(default_factory=dict[str, "Channel"])

    @override
    def __repr__(self) -> str:
        return f"<Guild {self.id} {self.name!r}>"

    @property
    def bot(self) -> "Member":
        """The bot as a member."""
        return self.members[self.bot_id]

    def member(self, name: str) -> "Member":
        """Find a member by name.

        Raises:
            SandboxError: There is none of that name.
        """
        return named(self.members.values(), name)

    def role(self, name: str) -> Role:
        """Find a role by name.

        Raises:
            SandboxError: There is none of that name.
        """
        return named(self.roles.values(), name)

    def channel(self, name: str) -> "Channel":
        """Find a channel or a thread by name.

        Raises:
            SandboxError: There is none of that name.
        """
        return named(self.channels.values(), name)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Member:
    """A user in a guild."""

    guild: Guild
    user: User
    joined_at: datetime
    role_ids: list[str] = field(default_factory=list[str])
    upload_limit: int = 0
    locale: str = "en-US"

    @override
    def __repr__(self) -> str:
        return f"<Member {self.id} {self.name!r}>"

    @property
    def id(self) -> str:
        """The user's id."""
        return self.user.id

    @property
    def name(self) -> str:
        """The user's name."""
        return self.user.name

    @property
    def mention(self) -> str:
        """The text that mentions this member."""
        return self.user.mention

    @property
    def largest_file(self) -> int:
        """The most bytes of a file from this member: Nitro's limit or the guild's, the higher."""
        return max(self.guild.upload_limit, self.upload_limit)

    @property
    def roles(self) -> list[Role]:
        """The member's roles, without @everyone."""
        return [self.guild.roles[id_] for id_ in self.role_ids if id_ in self.guild.roles]

    @property
    def permissions(self) -> set[str]:
        """What the member may do in the guild: owner and administrators may do everything."""
        everyone = self.guild.roles[self.guild.id]
        allowed = {name for role in [everyone, *self.roles] for name in role.permissions}
        is_owner = self.guild.owner_id == self.id
        return set(ALL_PERMISSIONS) if is_owner or "administrator" in allowed else allowed

    def permissions_in(self, channel: "Channel") -> set[str]:
        """What the member may do in a channel; a thread takes its parent's overwrites."""
        if "administrator" in self.permissions:
            return set(ALL_PERMISSIONS)
        overwrites = (channel.parent or channel).overwrites
        ids = ([self.guild.id], self.role_ids, [self.id])
        layers = [[overwrites[id_] for id_ in layer if id_ in overwrites] for layer in ids]
        return apply_overwrites(self.permissions, layers)

    def sees(self, channel: "Channel") -> bool:
        """Whether the member can see a channel."""
        return "view_channel" in self.permissions_in(channel)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Channel:
    """A place to write; a thread takes permissions and age limit from its parent."""

    id: str
    guild: Guild
    name: str
    created_at: datetime
    kind: ChannelKind = ChannelKind.TEXT
    parent: "Channel | None" = field(default=None)
    owner_id: str | None = None
    nsfw: bool = False
    archived: bool = False
    locked: bool = False
    slowmode_s: int = 0
    auto_archive_minutes: int = 1440
    archive_changed_at: datetime | None = None
    """When a thread was last archived or revived."""
    joined: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Since when somebody is a member of a thread, by user id."""
    messages: dict[str, "Message"] = field(default_factory=dict[str, "Message"])
    overwrites: dict[str, Overwrite] = field(default_factory=dict[str, Overwrite])
    """What roles and members may do here in particular, by their ids."""
    recipient: User | None = None
    """With whom the bot speaks here alone. Discord's direct channels are in no guild; ours are in
    one of the two that nothing lists, so that a message is a message everywhere."""
    on_change: Callable[["Channel"], None]

    @override
    def __repr__(self) -> str:
        return f"<Channel {self.id} {self.name!r}>"

    @property
    def is_thread(self) -> bool:
        """Whether this is a thread."""
        return self.parent is not None

    @property
    def mention(self) -> str:
        """The text that links to the channel."""
        return f"<#{self.id}>"

    @property
    def is_age_restricted(self) -> bool:
        """Whether the channel, or a thread's parent, is for adults; threads carry no flag."""
        return self.nsfw if self.parent is None else self.parent.nsfw

    @property
    def bot_permissions(self) -> set[str]:
        """What the bot may do here, by Discord's names."""
        return self.guild.bot.permissions_in(self)

    @property
    def writing_permission(self) -> str:
        """The permission that lets somebody write here ("Threads", Permissions)."""
        return "send_messages_in_threads" if self.is_thread else "send_messages"

    def is_closed_to(self, permissions: Collection[str]) -> bool:
        """Whether this is a locked thread, and for these permissions, too ("Threads")."""
        return self.locked and "manage_threads" not in permissions

    def allow(self, *names: str, to: Role | Member | None = None) -> None:
        """Give a role, a member or (`to` left out) the bot permissions in this channel."""
        self._overwrite(to, lambda overwrite: overwrite.allowing(names))

    def deny(self, *names: str, to: Role | Member | None = None) -> None:
        """Take permissions in this channel from a role, a member or the bot."""
        self._overwrite(to, lambda overwrite: overwrite.denying(names))

    def _overwrite(
        self, to: Role | Member | None, changed: Callable[[Overwrite], Overwrite]
    ) -> None:
        holder = self.parent or self
        id_ = self.guild.bot_id if to is None else to.id
        empty = Overwrite(is_member=not isinstance(to, Role))
        holder.overwrites[id_] = changed(holder.overwrites.get(id_, empty))
        self.on_change(holder)


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Message:
    """What stands in a channel, or what one member alone sees."""

    id: str
    channel: Channel
    author: User
    created_at: datetime
    content: str = ""
    embeds: list[JsonObject] = field(default_factory=list[JsonObject])
    components: list[JsonObject] = field(default_factory=list[JsonObject])
    attachments: list[Attachment] = field(default_factory=list[Attachment])
    flags: MessageFlags = NO_FLAGS
    kind: MessageKind = MessageKind.DEFAULT
    reference: "Message | None" = None
    nonce: str | int | None = None
    is_spoken: bool = False
    """Whether it was sent to be read aloud (`tts`)."""
    metadata: JsonObject | None = None
    ephemeral_to: Member | None = None
    edited_at: datetime | None = None
    edits: list[str] = field(default_factory=list[str])
    mentions: Mentions = NOBODY
    """Whom it mentions now; an edit of its text decides this anew."""
    pings: set[str] = field(default_factory=set[str])
    """Who has been mentioned at any time and can see it, by user id. Discord does not say whether
    an edit notifies; ours counts it, so that a test notices an edit that forgot to forbid it."""
    thread: Channel | None = None
    is_deleted: bool = False

    @override
    def __repr__(self) -> str:
        return f"<Message {self.id} of {self.author.name}: {self.text[:SHOWN]!r}>"

    @property
    def is_ephemeral(self) -> bool:
        """Whether only one member sees it."""
        return self.ephemeral_to is not None

    def is_for(self, user_id: str) -> bool:
        """Whether it is for everybody in the channel, or whispered to this account."""
        return self.ephemeral_to is None or self.ephemeral_to.id == user_id

    @property
    def is_loading(self) -> bool:
        """Whether it is a deferral that still says "thinking"."""
        return MessageFlags.LOADING in self.flags

    @property
    def uses_components_v2(self) -> bool:
        """Whether components are all that it shows."""
        return MessageFlags.COMPONENTS_V2 in self.flags

    @property
    def text(self) -> str:
        """All text that a reader sees: content, embeds, text displays, in order."""
        parts = [self.content, *(embed_text(embed) for embed in self.shown_embeds)]
        return "\n".join(part for part in [*parts, *texts(self.components)] if part)

    @property
    def buttons(self) -> list[Button]:
        """The buttons below the message, in order."""
        return buttons(self.components)

    @property
    def shown_embeds(self) -> list[JsonObject]:
        """The embeds, unless SUPPRESS_EMBEDS hides them."""
        return [] if MessageFlags.SUPPRESS_EMBEDS in self.flags else self.embeds

    @property
    def listed_attachments(self) -> list[Attachment]:
        """The files that `attachments` lists to the bot: not those that embeds or components show.

        Intended, says discord-api-docs#8279: those are found in the embeds and components.
        """
        urls = [*embed_urls(self.embeds), *shown_urls(self.components)]
        return [attachment for attachment in self.attachments if not attachment.is_shown_by(urls)]

    @property
    def shown_attachments(self) -> list[Attachment]:
        """The files that a reader sees: with Components V2 only those that a component shows."""
        if not self.uses_components_v2:
            return self.attachments
        urls = shown_urls(self.components)
        return [attachment for attachment in self.attachments if attachment.is_shown_by(urls)]
