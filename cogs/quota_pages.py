"""What `/quota` and `/mod quota` show: pure functions to Components V2 and to sentences.

A line is short enough for a phone: first what is left, then, small, what became of the rest, when
it begins anew, and who set it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from discord.ui import LayoutView

from cogs.cards import GOOD, ODD, WORKING, page
from cogs.text import cut, safe
from cogs.verdicts import YOU, number, obstacles, source_words, verdict
from cogs.wording import bar
from jobs.quota.allowances import Account
from jobs.quota.amounts import format_amount, format_value
from jobs.quota.books import Bonus, Unit
from jobs.quota.statements import Balance, Entry, EntryKind
from jobs.quota.tiers import ALLOWANCES, LISTS, Kind, Rule, Setting, Target

MAX_PAGE_CHARS = 3600  # of Discord's 4000
MAX_LIST_CHARS = 300
MAX_EXTRAS = 5
OTHERS = [setting for setting in Setting if setting not in ALLOWANCES]
KINDS = list(Kind)


def own_page(account: Account) -> LayoutView:
    """Return what a member may read about their own quota."""
    title = "### Your quota"
    lines = limit_lines(account, YOU)
    if not lines and not obstacles(account):
        return page(GOOD, [title, "No limits here."])
    colour = ODD if obstacles(account) else WORKING
    return page(colour, fitted([title, verdict(account), *lines]))


def explained_page(account: Account, *, has_left: bool = False) -> LayoutView:
    """Return why a member can, or cannot, make a video: each number, and which layer set it."""
    who = f"<@{account.member.user_id}>"
    lines = [f"### Quota of {who}", verdict(account, who)]
    if has_left:
        lines.append(f"{who} is not in this server now: what roles allow is left out.")
    lines += [*limit_lines(account, who), *unlimited_lines(account), under_way_line(account)]
    return page(ODD if obstacles(account, who) else WORKING, fitted(lines))


def limit_lines(account: Account, who: str) -> Sequence[str]:
    """Return every limit that holds for somebody, and their extras."""
    statement, rules = account.statement, account.statement.terms.tier.rules
    own = [balance_lines(one, account, who) for one in statement.balances if one.rule]
    others = [other_line(rules[one], account, who) for one in OTHERS if one in rules]
    server = [balance_lines(one, account, who) for one in statement.server]
    extras = [extra_line(one, account.currency) for one in statement.bonuses]
    if len(extras) > MAX_EXTRAS:
        extras = [*extras[:MAX_EXTRAS], f"-# and {len(extras) - MAX_EXTRAS} more extras"]
    return [
        *own,
        *others,
        *(["**This server as a whole**", *server] if server else []),
        *(["**Extras**, used first", *extras] if extras else []),
    ]


def balance_lines(balance: Balance, account: Account, who: str) -> str:
    """Return an allowance: what is left, what is used and held, when it resets, who set it."""
    rule, name = balance.rule, f"**{balance.setting.label}**"
    if rule is None:
        return f"{name}: unlimited"
    source, unit = source_words(rule, who), ALLOWANCES[balance.setting][0]
    if not isinstance(rule.value, int) or rule.value == 0:
        return f"{name}: {format_value(balance.setting, rule.value)}\n-# {source}"
    left = number(unit, balance.left) if balance.left else "none"
    taken = balance.used + balance.reserved
    told = [
        bar(min(1.0, taken / rule.value)),
        f"{number(unit, balance.used)} used" if balance.used else "none used",
        f"{number(unit, balance.reserved)} held" if balance.reserved else "",
        f"resets <t:{_at(balance.resets_at)}:R>",
        source,
    ]
    whole = format_amount(unit, rule.value, account.currency)
    return f"{name}: {left} of {whole} left\n-# {' · '.join(part for part in told if part)}"


def other_line(rule: Rule, account: Account, who: str) -> str:
    """Return a limit that is not used up."""
    value = value_words(rule, account.currency)
    return f"**{rule.setting.label}**: {value} · {source_words(rule, who)}"


def value_words(rule: Rule, currency: str = "") -> str:
    """Write the value of a limit; names in a list are text from outside."""
    value = format_value(rule.setting, rule.value, currency)
    return safe(value, MAX_LIST_CHARS) if rule.setting in LISTS and rule.value else value


def extra_line(bonus: Bonus, currency: str) -> str:
    """Return what is left of an extra, until when, and who gave it."""
    left, whole = (format_amount(bonus.unit, one, currency) for one in (bonus.left, bonus.amount))
    until = f", until <t:{_at(bonus.expires_at)}:f>" if bonus.expires_at else ""
    by = f" · from <@{bonus.by_user_id}>" if bonus.by_user_id else ""
    reason = f": {safe(bonus.reason, 80)}" if bonus.reason else ""
    return f"{left} left of {whole}{until}\n-# given <t:{_at(bonus.created_at)}:R>{by}{reason}"


def unlimited_lines(account: Account) -> Sequence[str]:
    """Name what nobody limited, with what is used of it."""
    rules = account.statement.terms.tier.rules
    names = [_free_words(one, account) for one in account.statement.balances if one.rule is None]
    names += [one.label for one in OTHERS if one not in rules and one is not Setting.WEIGHT]
    return [f"-# Nobody limited: {', '.join(names)}."] if names else []


def under_way_line(account: Account) -> str:
    """Say how many videos wait, how many are being made, and how many nobody has decided on."""
    needs = "needs" if account.undecided == 1 else "need"
    decide = f" {account.undecided} {needs} a decision: `/mod jobs list`."
    return _under_way(account) + (decide if account.undecided else "")


def _under_way(account: Account) -> str:
    waiting, running = account.statement.waiting, account.running
    waits = f"{format_amount(Unit.VIDEOS, waiting)} {'waits' if waiting == 1 else 'wait'}"
    runs = f"{running} {'is' if running == 1 else 'are'} being made"
    if not waiting and not running:
        return "-# No video waits or is being made."
    return f"-# {waits if waiting else 'None waits'}, {runs if running else 'none is being made'}."


def history_page(entries: Sequence[Entry], currency: str = "") -> LayoutView:
    """Return what last moved a member's books, newest first."""
    title = "### What moved your quota"
    if not entries:
        return page(GOOD, [title, "Nothing yet: no video of yours was counted here."])
    return page(WORKING, fitted([title, *(entry_line(one, currency) for one in merged(entries))]))


def entry_line(entry: Entry, currency: str) -> str:
    """Return one line of the history."""
    amounts = amounts_words(dict(entry.amounts), currency) or "nothing"
    job = f" · `{entry.job_id}`" if entry.job_id else ""
    said = {
        EntryKind.HELD: f"{amounts} held{job}",
        EntryKind.USED: f"{amounts} used{job}",
        EntryKind.GIVEN_BACK: f"{amounts} given back{job}",
        EntryKind.RESET: f"a moderator gave back {amounts}",
        EntryKind.GRANTED: f"a moderator gave {amounts} extra",
    }
    return f"<t:{_at(entry.at)}:R> {said[entry.kind]}"


def merged(entries: Iterable[Entry]) -> Sequence[Entry]:
    """Put together what a moderator did at once; the books keep it by day and unit."""
    found: list[Entry] = []
    for (kind, job_id, at), group in groupby(entries, lambda one: (one.kind, one.job_id, one.at)):
        totals: dict[Unit, int] = {}
        for unit, amount in (pair for one in group for pair in one.amounts):
            totals[unit] = totals.get(unit, 0) + amount
        found.append(Entry(at=at, kind=kind, amounts=tuple(totals.items()), job_id=job_id))
    return found


def rules_page(
    rules: Sequence[Rule], *, known_roles: frozenset[int], currency: str = ""
) -> LayoutView:
    """Return all limits of a server by whom they are set for.

    Args:
        rules: All of them.
        known_roles: Those that Discord still has.
        currency: What money is counted in.
    """
    title = "### Limits here"
    if not rules:
        return page(GOOD, [title, "None is set: `/mod quota set` sets one."])
    ordered = sorted(rules, key=lambda rule: (-KINDS.index(rule.target.kind), rule.target.id))
    lines = [
        f"**{target_words(target, known_roles)}**\n{_settings_words(group, currency)}"
        for target, group in groupby(ordered, lambda rule: rule.target)
    ]
    return page(WORKING, fitted([title, *lines]))


def target_words(target: Target, known_roles: frozenset[int]) -> str:
    """Name whom a limit is for, also if Discord no longer has the role."""
    is_gone = target.kind is Kind.ROLE and target.id not in known_roles
    return f"a role that no longer exists ({target.id})" if is_gone else target.mention


def amounts_words(amounts: Mapping[Unit, int], currency: str = "") -> str:
    """Write amounts of several units; what is nothing is left out."""
    some = [format_amount(unit, amounts[unit], currency) for unit in Unit if amounts.get(unit)]
    return ", ".join(some)


def set_sentence(rule: Rule, currency: str = "") -> str:
    """Say which limit now holds for whom."""
    return (
        f"**{rule.setting.label}** for {rule.target.mention} is now {value_words(rule, currency)}."
    )


def cleared_sentence(target: Target, rules: Sequence[Rule], currency: str = "") -> str:
    """Say which limits were there and are no longer."""
    if not rules:
        return f"Nothing of the kind was set for {target.mention}, so nothing changed."
    return cut(f"Removed for {target.mention}: {_settings_words(rules, currency)}.", 1900)


def granted_sentence(bonus: Bonus, currency: str = "") -> str:
    """Say what a member got, and until when."""
    until = f" until <t:{_at(bonus.expires_at)}:f>" if bonus.expires_at else ""
    amount = format_amount(bonus.unit, bonus.amount, currency)
    return f"<@{bonus.user_id}> has {amount} extra{until}; extras are used before the allowance."


def revoked_sentence(user_id: int, bonuses: Sequence[Bonus], currency: str = "") -> str:
    """Say which extras were taken back."""
    totals: dict[Unit, int] = {}
    for bonus in bonuses:
        totals[bonus.unit] = totals.get(bonus.unit, 0) + bonus.left
    if not totals:
        return f"<@{user_id}> has no extras, so nothing changed."
    return f"Taken back from <@{user_id}>: {amounts_words(totals, currency)}."


def reset_sentence(user_id: int, given: Mapping[Unit, int], currency: str = "") -> str:
    """Say what was given back."""
    amounts = amounts_words(given, currency)
    if not amounts:
        return f"<@{user_id}> has used nothing of that, so nothing changed."
    return f"Given back to <@{user_id}>: {amounts}. What videos under way hold stays held."


def fitted(lines: Sequence[str]) -> list[str]:
    """Return lines in few components and as many characters as fit, and count the rest."""
    title, *rest = lines
    room, shown = MAX_PAGE_CHARS - _units(title), list[str]()
    for place, line in enumerate(rest):
        room -= _units(line) + 1
        if room < 0:
            shown.append(f"-# and {len(rest) - place} more")
            break
        shown.append(line)
    return [title, "\n".join(shown)]


def _settings_words(rules: Iterable[Rule], currency: str) -> str:
    order = list(Setting)
    found = sorted(rules, key=lambda rule: order.index(rule.setting))
    return "; ".join(f"{one.setting.label}: {value_words(one, currency)}" for one in found)


def _free_words(balance: Balance, account: Account) -> str:
    unit, name = ALLOWANCES[balance.setting][0], balance.setting.label
    used, held = (
        format_amount(unit, amount, account.currency) for amount in (balance.used, balance.reserved)
    )
    told = [f"{used} used"] if balance.used else []
    told += [f"{held} held"] if balance.reserved else []
    return f"{name} ({', '.join(told)})" if told else name


def _at(moment: datetime) -> int:
    return int(moment.timestamp())


def _units(text: str) -> int:
    """Count as Discord may: in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
