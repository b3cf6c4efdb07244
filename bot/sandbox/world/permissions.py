"""Discord's permissions by name, and what somebody may do in a channel after all overwrites.

Source: Discord's "Permissions": the table "Bitwise Permission Flags" (names in lower case), the
section "Permission Overwrites". What is denied by implication (without View Channel nothing works)
is still set in the bits, as that page says: `rules/access.py` demands in the order that matters.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

PERMISSION_BITS = {
    "create_instant_invite": 0,
    "kick_members": 1,
    "ban_members": 2,
    "administrator": 3,
    "manage_channels": 4,
    "manage_guild": 5,
    "add_reactions": 6,
    "view_audit_log": 7,
    "view_channel": 10,
    "send_messages": 11,
    "send_tts_messages": 12,
    "manage_messages": 13,
    "embed_links": 14,
    "attach_files": 15,
    "read_message_history": 16,
    "mention_everyone": 17,
    "use_external_emojis": 18,
    "manage_roles": 28,
    "manage_webhooks": 29,
    "use_application_commands": 31,
    "manage_threads": 34,
    "create_public_threads": 35,
    "create_private_threads": 36,
    "send_messages_in_threads": 38,
    "moderate_members": 40,
    "bypass_slowmode": 52,
}

MEMBER_PERMISSIONS = frozenset(
    {
        "view_channel",
        "send_messages",
        "send_messages_in_threads",
        "embed_links",
        "attach_files",
        "read_message_history",
        "add_reactions",
        "use_application_commands",
        "create_public_threads",
    }
)
"""What @everyone may do in a new guild, as far as it concerns a bot."""

ALL_PERMISSIONS = frozenset(PERMISSION_BITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overwrite:
    """What a channel allows and denies one role or one member."""

    is_member: bool
    allow: frozenset[str] = field(default_factory=frozenset[str])
    deny: frozenset[str] = field(default_factory=frozenset[str])

    def allowing(self, names: Iterable[str]) -> "Overwrite":
        """Return the overwrite that also allows `names`."""
        given = frozenset(names)
        allow, deny = self.allow | given, self.deny - given
        return Overwrite(is_member=self.is_member, allow=allow, deny=deny)

    def denying(self, names: Iterable[str]) -> "Overwrite":
        """Return the overwrite that also denies `names`."""
        given = frozenset(names)
        allow, deny = self.allow - given, self.deny | given
        return Overwrite(is_member=self.is_member, allow=allow, deny=deny)


def apply_overwrites(base: Iterable[str], layers: Sequence[Sequence[Overwrite]]) -> set[str]:
    """Change guild-wide permissions by a channel's overwrites.

    Args:
        base: What the roles allow.
        layers: The overwrites that concern somebody: of @everyone, of all the roles together, of
            the member; within a layer a permission that one allows is allowed.
    """
    allowed = set(base)
    for layer in layers:
        allowed -= {name for overwrite in layer for name in overwrite.deny}
        allowed |= {name for overwrite in layer for name in overwrite.allow}
    return allowed


def permission_bits(names: Iterable[str]) -> int:
    """Turn names into a bit set.

    Raises:
        ValueError: A name is not one of Discord's.
    """
    bits = 0
    for name in names:
        if name not in PERMISSION_BITS:
            raise ValueError(f"unknown permission {name!r}")
        bits |= 1 << PERMISSION_BITS[name]
    return bits
