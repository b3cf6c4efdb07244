"""Answers "why can't I make a video?" in plain words, from what the books say.

The rules are those by which a job is admitted (`jobs.quota.admission`); what is told here for
nobody's video in particular leaves out what depends on one, such as its size or its price.
"""

from collections.abc import Sequence

from cogs.text import safe
from jobs.quota.allowances import Account
from jobs.quota.amounts import SHORTEST_MS, format_amount, format_value
from jobs.quota.books import Unit
from jobs.quota.statements import Balance
from jobs.quota.tiers import ALLOWANCES, Kind, Rule, Setting
from jobs.quota.windows import Window

YOU = "You"
SPANS = {Window.DAY: "today", Window.WEEK: "this week", Window.MONTH: "this month"}
LEAST = {Unit.VIDEOS: 1, Unit.VIDEO_MS: SHORTEST_MS, Unit.MONEY_MICROS: 1}  # that is worth asking
MAX_REASON_CHARS = 200


def verdict(account: Account, who: str = YOU) -> str:
    """Say whether somebody can make a video now, how many, and if not, why.

    Args:
        account: Theirs.
        who: What they are called at the start of a sentence.
    """
    reasons = obstacles(account, who)
    if not reasons:
        lines = [f"**{who} can make {_room(account)}.**", *_dear(account, who)]
        return "\n".join(lines)
    if len(reasons) == 1:
        return f"**{who} cannot make a video now**: {reasons[0]}."
    return "\n".join([f"**{who} cannot make a video now**:", *(f"- {one}" for one in reasons)])


def obstacles(account: Account, who: str = YOU) -> Sequence[str]:
    """Return everything that keeps somebody from making any video at all."""
    return [
        *_block(account),
        *_empty(account, who),
        *_line(account, who),
        *_used_up(account, who, (Unit.VIDEOS, Unit.VIDEO_MS)),
    ]


def source_words(rule: Rule, who: str = YOU) -> str:
    """Say which layer set a limit."""
    match rule.target.kind:
        case Kind.OPERATOR:
            return f"set by {rule.target.mention}"
        case Kind.MEMBER if who == YOU:
            return "set for you"
        case _:
            return f"set for {rule.target.mention}"


def extras_of(account: Account, unit: Unit) -> int:
    """Return what is left of somebody's extras."""
    return sum(bonus.left for bonus in account.statement.bonuses if bonus.unit is unit)


def number(unit: Unit, amount: int) -> str:
    """Write an amount without its unit, where the unit follows anyway."""
    return format_amount(unit, amount).partition(" ")[0]


def _block(account: Account) -> list[str]:
    block = account.statement.terms.block
    if block is None:
        return []
    until = f" until <t:{int(block.expires_at.timestamp())}:f>" if block.expires_at else ""
    reason = f", because: {safe(block.reason, MAX_REASON_CHARS)}" if block.reason else ""
    return [f"blocked by a moderator{until}{reason}"]


def _empty(account: Account, who: str) -> list[str]:
    """Name the limits beside the allowances that let nothing through."""
    rules = account.statement.terms.tier.rules
    found = [rules.get(one) for one in (Setting.AT_ONCE, Setting.PROVIDERS, Setting.MODELS)]
    nothing = (0, frozenset[str]())
    return [
        f"{rule.setting.label}: none, {source_words(rule, who)}"
        for rule in found
        if rule is not None and rule.value in nothing
    ]


def _line(account: Account, who: str) -> list[str]:
    waiting = account.statement.waiting
    rule = account.statement.terms.tier.rules.get(Setting.WAITING)
    if rule is None or not isinstance(rule.value, int) or waiting < rule.value:
        return []
    most = format_value(rule.setting, rule.value)
    already = f"{format_amount(Unit.VIDEOS, waiting)} {'waits' if waiting == 1 else 'wait'}"
    so_far = f"{already} already, and " if waiting else ""
    return [f"{so_far}at most {most} may wait at a time, {source_words(rule, who)}"]


def _used_up(account: Account, who: str, units: Sequence[Unit]) -> list[str]:
    """Name the allowances that have no room for the smallest video."""
    own = [
        _spent(balance, "the", account, source_words(balance.rule, who))
        for balance in account.statement.balances
        if balance.rule is not None and _is_spent(balance, units, account)
    ]
    server = [
        _spent(balance, "this server's", account, source_words(balance.rule, who))
        for balance in account.statement.server
        if balance.rule is not None and _is_spent(balance, units)
    ]
    return [*own, *server]


def _is_spent(balance: Balance, units: Sequence[Unit], account: Account | None = None) -> bool:
    """Say whether nothing fits any more; `account` has extras that count beside it."""
    unit, _ = ALLOWANCES[balance.setting]
    extras = 0 if account is None else extras_of(account, unit)
    return unit in units and balance.left is not None and balance.left + extras < LEAST[unit]


def _spent(balance: Balance, whose: str, account: Account, source: str) -> str:
    unit, window = ALLOWANCES[balance.setting]
    limit = balance.rule.value if balance.rule is not None else None
    if not isinstance(limit, int) or limit == 0:
        return f"{balance.setting.label}: none, {source}"
    amount = format_amount(unit, limit, account.currency)
    verb = "is" if (unit, limit) == (Unit.VIDEOS, 1) else "are"
    spent = "used up or held" if balance.reserved else "used up"
    back = f"<t:{int(balance.resets_at.timestamp())}:R>"
    return f"{whose} {amount} a {window} {verb} {spent}, {source}; it resets {back}"


def _dear(account: Account, who: str) -> list[str]:
    """Say that nothing that costs money can be made, if that is all that is used up."""
    reasons = _used_up(account, who, (Unit.MONEY_MICROS,))
    return [f"But nothing that costs money: {reason}." for reason in reasons[:1]]


def _room(account: Account) -> str:
    """Say how many videos, and how long in all, may still be asked for."""
    videos, seconds = _left(account, Unit.VIDEOS), _left(account, Unit.VIDEO_MS)
    length = "" if seconds is None else f", at most {_told(seconds, Unit.VIDEO_MS)}"
    if videos is None:
        return f"videos{length}" if length else "as many videos as there is time for"
    from_extras = min(extras_of(account, Unit.VIDEOS), videos[0])
    of_them = f" ({number(Unit.VIDEOS, from_extras)} of them extra)" if from_extras else ""
    amount, window = videos
    noun = "video" if amount == 1 else "videos"
    return f"{amount} more {noun} {SPANS[window]}{of_them}{length}"


def _told(left: tuple[int, Window], unit: Unit) -> str:
    amount, window = left
    return f"{format_amount(unit, amount)} {SPANS[window]}"


def _left(account: Account, unit: Unit) -> tuple[int, Window] | None:
    """Return what may still be asked for, and until the end of what; None is unlimited."""
    extras = extras_of(account, unit)
    own = [_with(balance, extras) for balance in account.statement.balances]
    server = [_with(balance, 0) for balance in account.statement.server]
    found = [one for one in [*own, *server] if one is not None and one[0] is unit]
    if not found:
        return None
    _, amount, window = min(found, key=lambda one: one[1])
    return amount, window


def _with(balance: Balance, extras: int) -> tuple[Unit, int, Window] | None:
    if balance.left is None:
        return None
    unit, window = ALLOWANCES[balance.setting]
    return unit, balance.left + extras, window
