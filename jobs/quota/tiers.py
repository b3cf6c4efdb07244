"""Who may make how much: what can be limited, for whom, and which layer has the word.

Each limit is looked up by itself: what is set for the member, else the most generous of what is
set for their roles, else what is set for everyone in the server, else what the operator set. A
limit that nobody set is none at all. There is no bare 0 and no magic number for "no limit": the
words are `none` and `unlimited`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from typing_extensions import override

from jobs.quota.books import Unit
from jobs.quota.windows import Window
from jobs.request import ResolvedRequest


class Setting(StrEnum):
    """What can be limited."""

    VIDEOS_PER_DAY = "videos_per_day"
    VIDEOS_PER_WEEK = "videos_per_week"
    VIDEOS_PER_MONTH = "videos_per_month"
    SECONDS_PER_DAY = "seconds_per_day"
    SECONDS_PER_WEEK = "seconds_per_week"
    SECONDS_PER_MONTH = "seconds_per_month"
    MONEY_PER_DAY = "money_per_day"
    MONEY_PER_WEEK = "money_per_week"
    MONEY_PER_MONTH = "money_per_month"
    AT_ONCE = "at_once"  # renders of one member under way at each provider
    WAITING = "waiting"  # videos of one member in the queue, over all providers
    LONGEST_SIDE = "longest_side"  # pixels
    LONGEST_VIDEO = "longest_video"  # milliseconds
    PROVIDERS = "providers"
    MODELS = "models"
    WEIGHT = "weight"  # share of the turns; 1 is normal

    @property
    def label(self) -> str:
        """What people call it."""
        return self.value.replace("_", " ")


ALLOWANCES: Mapping[Setting, tuple[Unit, Window]] = {
    Setting.VIDEOS_PER_DAY: (Unit.VIDEOS, Window.DAY),
    Setting.VIDEOS_PER_WEEK: (Unit.VIDEOS, Window.WEEK),
    Setting.VIDEOS_PER_MONTH: (Unit.VIDEOS, Window.MONTH),
    Setting.SECONDS_PER_DAY: (Unit.VIDEO_MS, Window.DAY),
    Setting.SECONDS_PER_WEEK: (Unit.VIDEO_MS, Window.WEEK),
    Setting.SECONDS_PER_MONTH: (Unit.VIDEO_MS, Window.MONTH),
    Setting.MONEY_PER_DAY: (Unit.MONEY_MICROS, Window.DAY),
    Setting.MONEY_PER_WEEK: (Unit.MONEY_MICROS, Window.WEEK),
    Setting.MONEY_PER_MONTH: (Unit.MONEY_MICROS, Window.MONTH),
}
LISTS = frozenset({Setting.PROVIDERS, Setting.MODELS})
# What can be said of a whole server, beside its allowances; only the operator sets these.
OF_A_SERVER = frozenset({Setting.AT_ONCE, Setting.WEIGHT})

Value = int | float | frozenset[str] | None
"""An amount in the smallest unit, a weight, or the ids that are allowed; None is unlimited."""


class Kind(StrEnum):
    """Whom a limit is set for."""

    MEMBER = "member"
    ROLE = "role"
    EVERYONE = "everyone"  # each member of the server, by themselves
    SERVER = "server"  # all its members together: the server's budget
    KEY = "key"  # an API key; its limits stand beside those of no server
    OPERATOR = "operator"  # each member of every server; set in the operator's own file


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whom a limit is set for: a member, a role, everyone, the whole server."""

    kind: Kind
    id: int = 0  # of the member or the role

    @override
    def __str__(self) -> str:
        """Write it as the store does: `role:123`, `everyone`."""
        return f"{self.kind}:{self.id}" if self.id else self.kind.value

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote.

        Raises:
            ValueError: It is no target.
        """
        kind, _, number = text.partition(":")
        return cls(kind=Kind(kind), id=int(number or 0))

    @property
    def mention(self) -> str:
        """What a member reads in a message; Discord shows ids as names."""
        match self.kind:
            case Kind.MEMBER:
                return f"<@{self.id}>"
            case Kind.ROLE:
                return f"<@&{self.id}>"
            case Kind.EVERYONE:
                return "everyone here"
            case Kind.SERVER:
                return "the whole server"
            case Kind.KEY:
                return "this API key"
            case Kind.OPERATOR:
                return "the bot's operator"


EVERYONE = Target(kind=Kind.EVERYONE)
SERVER = Target(kind=Kind.SERVER)
OPERATOR = Target(kind=Kind.OPERATOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One limit, and for whom it was set."""

    target: Target
    setting: Setting
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The limits that apply to somebody; one that is not in it is unlimited."""

    rules: Mapping[Setting, Rule] = field(default_factory=dict[Setting, Rule])

    def __getitem__(self, setting: Setting) -> Value:
        """Return a limit; None is unlimited."""
        rule = self.rules.get(setting)
        return None if rule is None else rule.value

    def limit(self, setting: Setting) -> int | None:
        """Return a limit that is a whole number; None is unlimited.

        Raises:
            TypeError: The setting is a list or a weight.
        """
        value = self[setting]
        if value is not None and not isinstance(value, int):
            raise TypeError(f"{setting} is no whole number.")
        return value

    def allowed(self, setting: Setting) -> frozenset[str] | None:
        """Return the ids that a list allows; None is all.

        Raises:
            TypeError: The setting is no list.
        """
        value = self[setting]
        if value is not None and not isinstance(value, frozenset):
            raise TypeError(f"{setting} is no list.")
        return value

    @property
    def weight(self) -> float:
        """The share of the turns; 1 is normal."""
        value = self[Setting.WEIGHT]
        return float(value) if isinstance(value, int | float) else 1.0


UNLIMITED = Tier()


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRules:
    """What the operator set: the bottom layer, and what no server may exceed.

    Attributes:
        member: For each member of every server, where the server says nothing.
        server: For each server as a whole, at most.
        servers: The same for single servers, by id.
        key: For each API key, where nothing was set for that one.
    """

    member: Sequence[Rule] = ()
    server: Sequence[Rule] = ()
    servers: Mapping[int, Sequence[Rule]] = field(default_factory=dict[int, Sequence[Rule]])
    key: Sequence[Rule] = ()


def tier_of_member(
    rules: Iterable[Rule], *, user_id: int, role_ids: Iterable[int], operator: OperatorRules
) -> Tier:
    """Return the limits of one member.

    Args:
        rules: All that are set in their server.
        user_id: The member.
        role_ids: Their roles.
        operator: The bottom layer.
    """
    roles = frozenset(role_ids)
    ranked: list[tuple[int, Rule]] = [
        *((rank, rule) for rule in rules if (rank := _rank(rule.target, user_id, roles))),
        *((1, rule) for rule in operator.member),
    ]
    found: dict[Setting, tuple[int, Rule]] = {}
    for rank, rule in ranked:
        known = found.get(rule.setting)
        if known is None or rank > known[0]:
            found[rule.setting] = (rank, rule)
        elif rank == known[0]:
            found[rule.setting] = (rank, _more_generous(known[1], rule))
    return Tier(rules={setting: rule for setting, (_, rule) in found.items()})


def tier_of_key(rules: Iterable[Rule], *, key_id: int, operator: OperatorRules) -> Tier:
    """Return the limits of an API key: its own, else those that the operator set for all."""
    own = Target(kind=Kind.KEY, id=key_id)
    found = {rule.setting: rule for rule in operator.key}
    return Tier(rules=found | {rule.setting: rule for rule in rules if rule.target == own})


def tier_of_server(rules: Iterable[Rule], *, guild_id: int, operator: OperatorRules) -> Tier:
    """Return the limits of a whole server: its own budget, never above the operator's."""
    found = {rule.setting: rule for rule in operator.server}
    found |= {rule.setting: rule for rule in operator.servers.get(guild_id, ())}
    for rule in rules:
        if rule.target == SERVER:
            known = found.get(rule.setting)
            found[rule.setting] = rule if known is None else _stricter(known, rule)
    return Tier(rules=found)


def may_use(tier: Tier, request: ResolvedRequest) -> bool:
    """Say whether a member may use the provider and the model of a request."""
    providers, models = tier.allowed(Setting.PROVIDERS), tier.allowed(Setting.MODELS)
    is_provider_allowed = providers is None or request.provider.value in providers
    return is_provider_allowed and (models is None or request.model in models)


def _rank(target: Target, user_id: int, roles: frozenset[int]) -> int:
    """Return how much a layer counts for a member; 0 if it is not theirs."""
    match target.kind:
        case Kind.MEMBER:
            return 4 if target.id == user_id else 0
        case Kind.ROLE:
            return 3 if target.id in roles else 0
        case Kind.EVERYONE:
            return 2
        case Kind.SERVER | Kind.KEY | Kind.OPERATOR:
            return 0


def _more_generous(one: Rule, other: Rule) -> Rule:
    """Return the better of two roles' limits; two lists allow what either of them does."""
    if isinstance(one.value, frozenset) and isinstance(other.value, frozenset):
        return Rule(target=one.target, setting=one.setting, value=one.value | other.value)
    return max(one, other, key=_size)


def _stricter(one: Rule, other: Rule) -> Rule:
    return min(one, other, key=_size)


def _size(rule: Rule) -> float:
    return float(rule.value) if isinstance(rule.value, int | float) else float("inf")
