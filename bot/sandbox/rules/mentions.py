"""Decides whom a message really pings.

Source: Discord's "Message", section "Allowed Mentions Object": without one, a bot's message parses
everything and an interaction's or webhook's only users; with one, only what it lists.
"""

import re
from dataclasses import dataclass

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.entities import Channel

USER_MENTION = re.compile(r"<@!?(\d+)>")
MESSAGE_PARSE = frozenset({"users", "roles", "everyone"})
WEBHOOK_PARSE = frozenset({"users"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedMentions:
    """What may ping."""

    parse: frozenset[str]
    users: frozenset[str] = frozenset()
    pings_replied_user: bool = True

    @classmethod
    def read(cls, payload: JsonObject, default: frozenset[str]) -> "AllowedMentions":
        """Read a payload's `allowed_mentions`.

        Raises:
            ApiError: 50035; `parse` and a list name the same kind, or a list is too long.
        """
        given = payload.get("allowed_mentions")
        if not isinstance(given, dict):
            return cls(parse=default)
        parse = frozenset(str(kind) for kind in given.get("parse") or ())
        users = frozenset(str(id_) for id_ in given.get("users") or ())
        if len(users) > 100 or ("users" in parse and users):
            path = ("allowed_mentions",)
            code = "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"
            raise invalid(path, code, 'parse:["users"] and users: [ids...] are mutually exclusive.')
        return cls(parse=parse, users=users, pings_replied_user=bool(given.get("replied_user")))

    def pinged(self, text: str, channel: Channel) -> set[str]:
        """Collect the ids of the members that `text` pings in `channel`."""
        members = set(channel.guild.members)
        mentioned = set(USER_MENTION.findall(text)) & members
        pinged = mentioned if "users" in self.parse else mentioned & self.users
        calls_everyone = "@everyone" in text or "@here" in text
        may_call = "everyone" in self.parse and "mention_everyone" in channel.bot_permissions
        return members if calls_everyone and may_call else pinged
