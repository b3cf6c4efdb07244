"""Decides whom a message mentions and pings.

Source: Discord's "Message" resource, "Allowed Mentions Object": without one, a bot's message parses
everything and an interaction's or webhook's only users; with one, only what it lists.
"""

import re
from dataclasses import dataclass

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject
from bot.sandbox.rules.bounds import check_choice, check_length
from bot.sandbox.world.entities import Channel, Member
from bot.sandbox.world.mentions import Mentions

USER_MENTION = re.compile(r"<@!?(\d+)>")
ROLE_MENTION = re.compile(r"<@&(\d+)>")
EVERYONE_MENTION = re.compile("@(everyone|here)")

MESSAGE_PARSE = frozenset({"users", "roles", "everyone"})
WEBHOOK_PARSE = frozenset({"users"})
MAX_LISTED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedMentions:
    """What may ping."""

    parse: frozenset[str]
    users: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    pings_replied_user: bool = True
    """Without an allowed mentions object it is so; with one it "defaults to false"."""

    @classmethod
    def read(cls, payload: JsonObject, default: frozenset[str]) -> "AllowedMentions":
        """Read a payload's `allowed_mentions`.

        Raises:
            ApiError: 50035; `parse` and a list name the same kind, a list is too long, or `parse`
                holds something else than the three kinds.
        """
        given = payload.get("allowed_mentions")
        if not isinstance(given, dict):
            return cls(parse=default)
        parse = _listed(given, "parse")
        for kind in parse:
            check_choice(("allowed_mentions", "parse"), kind, MESSAGE_PARSE)
        for kind in ("users", "roles"):
            _check_list(kind, parse, _listed(given, kind))
        return cls(
            parse=parse,
            users=_listed(given, "users"),
            roles=_listed(given, "roles"),
            pings_replied_user=bool(given.get("replied_user")),
        )

    def found(self, text: str, channel: Channel, author: Member) -> Mentions:
        """Collect whom `text` mentions in `channel`, as far as that is allowed.

        The bot's own permissions decide for answers to interactions, too: Discord's change log,
        for 3 August 2022.
        """
        may_call = "mention_everyone" in author.permissions_in(channel)
        return Mentions(
            users=self._users(text) & frozenset(channel.guild.members),
            roles=self._roles(text, channel, may_call=may_call),
            everyone=may_call and self._calls_everyone(text),
        )

    def _users(self, text: str) -> frozenset[str]:
        mentioned = frozenset(USER_MENTION.findall(text))
        return mentioned if "users" in self.parse else mentioned & self.users

    def _roles(self, text: str, channel: Channel, *, may_call: bool) -> frozenset[str]:
        """Roles are mentioned if they are mentionable or the author may mention everyone."""
        mentioned = frozenset(ROLE_MENTION.findall(text)) & frozenset(channel.guild.roles)
        allowed = mentioned if "roles" in self.parse else mentioned & self.roles
        roles = channel.guild.roles
        return frozenset(id_ for id_ in allowed if may_call or roles[id_].is_mentionable)

    def _calls_everyone(self, text: str) -> bool:
        return "everyone" in self.parse and EVERYONE_MENTION.search(text) is not None


def reached(mentions: Mentions, channel: Channel) -> set[str]:
    """Tell who is pinged: who is mentioned and can see the channel ("Permissions", Threads)."""
    return {
        member.id
        for member in channel.guild.members.values()
        if (mentions.everyone or member.id in mentions.users or mentions.roles & {*member.role_ids})
        and member.sees(channel)
    }


def _listed(given: JsonObject, name: str) -> frozenset[str]:
    return frozenset(str(entry) for entry in given.get(name) or ())


def _check_list(kind: str, parse: frozenset[str], ids: frozenset[str]) -> None:
    path = ("allowed_mentions",)
    check_length((*path, kind), ids, 0, MAX_LISTED)
    if kind in parse and ids:
        code = "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"
        message = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
        raise invalid(path, code, message)
