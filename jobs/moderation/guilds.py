"""What a server's managers decide for it, and whom its moderators keep out."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from jobs.request import ProviderName


class ModeratorPermission(StrEnum):
    """The permission that makes a member a moderator here; managers always are."""

    MANAGE_MESSAGES = "manage_messages"
    MODERATE_MEMBERS = "moderate_members"
    MANAGE_GUILD = "manage_guild"

    @property
    def label(self) -> str:
        """What Discord's settings call it."""
        match self:
            case ModeratorPermission.MANAGE_MESSAGES:
                return "Manage Messages"
            case ModeratorPermission.MODERATE_MEMBERS:
                return "Timeout Members"
            case ModeratorPermission.MANAGE_GUILD:
                return "Manage Server"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildSettings:
    """The settings of one server; as they stand here if nobody touched them.

    Attributes:
        channels: Where `/video` works, also in their threads; empty is everywhere.
        log_channel_id: Where Flipbook tells moderators what they should know; None is nowhere.
        default_provider: Who renders if the member does not say.
        default_model: What renders if the member does not say.
        moderator_permission: Who has it is a moderator.
        moderator_roles: Who has one of these is a moderator too.
        retention_days: How long ended videos are kept; None is as the operator says.
    """

    guild_id: int
    channels: frozenset[int] = frozenset()
    log_channel_id: int | None = None
    default_provider: ProviderName | None = None
    default_model: str | None = None
    moderator_permission: ModeratorPermission = ModeratorPermission.MANAGE_MESSAGES
    moderator_roles: frozenset[int] = frozenset()
    retention_days: int | None = None

    def evolve(self, **changes: object) -> Self:
        """Return a copy with other values."""
        return dataclasses.replace(self, **changes)

    def words(self) -> Mapping[str, str]:
        """Tell each setting by its name, in words; ids as Discord writes mentions."""
        log_channel = self.log_channel_id
        return {
            "channels": ", ".join(f"<#{one}>" for one in sorted(self.channels)) or "everywhere",
            "log channel": "none" if log_channel is None else f"<#{log_channel}>",
            "default provider": self.default_provider or "none",
            "default model": self.default_model or "none",
            "moderators' permission": self.moderator_permission.label,
            "moderators' roles": ", ".join(f"<@&{one}>" for one in sorted(self.moderator_roles))
            or "none",
            "videos are kept for": days_words(self.retention_days),
        }


def days_words(days: int | None) -> str:
    """Say for how long videos are kept."""
    if days is None:
        return "as long as the operator says"
    return "1 day" if days == 1 else f"{days:,} days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A member who may ask for no videos in a server.

    Attributes:
        expires_at: When it ends by itself; None is never.
    """

    guild_id: int
    user_id: int
    reason: str
    by_user_id: int
    created_at: datetime
    expires_at: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Say whether it has ended by itself."""
        return self.expires_at is not None and now >= self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something for a server's log channel that was not posted there yet.

    Attributes:
        number: The order in which it happened.
        channel_id: The log channel as it is set now.
        text: What to post, in Discord's markdown.
        key: What they are about, such as `act:7` or `case:3`; some kinds bring buttons.
    """

    number: int
    guild_id: int
    channel_id: int
    text: str
    key: str = ""


class Guilds:
    """The settings of all servers, in memory: a command asks before it has three seconds to lose.

    One process writes them, so what is here is what the store holds.
    """

    def __init__(self, settings: Iterable[GuildSettings] = ()) -> None:
        self._known = {one.guild_id: one for one in settings}

    def of(self, guild_id: int) -> GuildSettings:
        """Return the settings of a server."""
        return self._known.get(guild_id) or GuildSettings(guild_id=guild_id)

    def learn(self, settings: GuildSettings) -> None:
        """Note what was just written."""
        self._known[settings.guild_id] = settings
