"""Limits, extras and books, for commands: what is asked about them, and what changes them.

A change, its row of the audit and what follows for those who wait are one transaction.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from jobs.model import Requester
from jobs.moderation.acts import Act
from jobs.quota.admission import told
from jobs.quota.amounts import format_value
from jobs.quota.books import Bonus, Drift, Unit, account_of
from jobs.quota.statements import Entry, Statement, Terms
from jobs.quota.tiers import ALLOWANCES, Kind, OperatorRules, Rule, Setting, Target
from jobs.quota.windows import name_of, span_of
from storage.database import Database
from storage.moderation.audit import append_act
from storage.privacy.pseudonyms import former_account
from storage.quota import bonuses, books, rules, statements
from storage.times import to_micros


class SqliteQuotaStore:
    """The `QuotaStore` of the SQLite file; the methods are told in `jobs.ports`."""

    def __init__(
        self, database: Database, *, operator: OperatorRules | None = None, currency: str = ""
    ) -> None:
        self._database = database
        self._operator = operator or OperatorRules()
        self._currency = currency

    async def terms_of(self, requester: Requester, *, now: datetime) -> Terms:
        """Return what holds for a member who asks now."""
        return await self._database.read(
            lambda connection: rules.terms_of(connection, requester, self._operator, now=now)
        )

    async def statement(self, requester: Requester, *, now: datetime) -> Statement:
        """Return a member's limits with what is left of them."""
        return await self._database.read(
            lambda connection: statements.statement(connection, requester, self._operator, now=now)
        )

    async def history(self, requester: Requester, *, limit: int) -> Sequence[Entry]:
        """Return what moved a member's books, newest first."""
        return await self._database.read(
            lambda connection: statements.history(connection, requester, limit=limit)
        )

    async def rules(self, guild_id: int) -> Sequence[Rule]:
        """Return all limits that are set in a server."""
        return await self._database.read(lambda connection: rules.rules_of(connection, guild_id))

    async def audit(self) -> Sequence[Drift]:
        """Compare buckets, ledger and open reservations; an empty answer is a balanced book."""
        return await self._database.read(books.audit)

    async def set_rule(self, rule: Rule, *, act: Act) -> None:
        """Set a limit; what waits in the queue takes its turns by it from now on."""

        def work(connection: sqlite3.Connection) -> None:
            before = _matching(connection, act.guild_id, rule.target, rule.setting)
            rules.set_rule(connection, act.guild_id, rule)
            append_act(connection, act, before=self._told(before), after=self._told([rule]))
            rules.refresh_lanes(connection, act.guild_id, self._operator)

        await self._database.write(work)

    async def clear_rules(
        self, target: Target, setting: Setting | None, *, act: Act
    ) -> Sequence[Rule]:
        """Remove one limit of a target, or all of them; return what was there."""

        def work(connection: sqlite3.Connection) -> Sequence[Rule]:
            before = _matching(connection, act.guild_id, target, setting)
            for rule in before:
                rules.clear_rule(connection, act.guild_id, rule)
            if before:
                append_act(connection, act, before=self._told(before), after={})
                rules.refresh_lanes(connection, act.guild_id, self._operator)
            return before

        return await self._database.write(work)

    async def grant(
        self,
        requester: Requester,
        unit: Unit,
        amount: int,
        *,
        expires_at: datetime | None,
        act: Act,
    ) -> Bonus:
        """Give a member an extra."""

        def work(connection: sqlite3.Connection) -> Bonus:
            bonus = bonuses.grant(
                connection, requester, unit, amount, expires_at=expires_at, act=act
            )
            append_act(connection, act, before={}, after=self._told_bonuses([bonus]))
            return bonus

        return await self._database.write(work)

    async def revoke(self, requester: Requester, *, act: Act) -> Sequence[Bonus]:
        """Take what is left of a member's extras back; return them as they were."""

        def work(connection: sqlite3.Connection) -> Sequence[Bonus]:
            found = bonuses.open_bonuses(connection, requester, now=act.at)
            for bonus in found:
                bonuses.revoke(connection, bonus, at=act.at)
            if found:
                append_act(connection, act, before=self._told_bonuses(found), after={})
            return found

        return await self._database.write(work)

    async def reset(
        self, requester: Requester, setting: Setting | None, *, act: Act
    ) -> Mapping[Unit, int]:
        """Give back what a member has used in a span, or in all spans that run now."""

        def work(connection: sqlite3.Connection) -> Mapping[Unit, int]:
            given = _reset(connection, account_of(requester), setting, at=act.at)
            if given:
                append_act(connection, act, before=self._told_amounts(given), after={})
            return given

        return await self._database.write(work)

    def _told(self, some: Sequence[Rule]) -> Mapping[str, str]:
        return {
            rule.setting.label: format_value(rule.setting, rule.value, self._currency)
            for rule in some
        }

    def _told_amounts(self, amounts: Mapping[Unit, int]) -> Mapping[str, str]:
        """Write amounts for people; the unit says how, whatever the span."""
        return {unit.label: told(unit, amount, self._currency) for unit, amount in amounts.items()}

    def _told_bonuses(self, some: Sequence[Bonus]) -> Mapping[str, str]:
        totals: dict[Unit, int] = {}
        for bonus in some:
            totals[bonus.unit] = totals.get(bonus.unit, 0) + bonus.left
        ends = sorted({_end(bonus) for bonus in some})
        return {**self._told_amounts(totals), "until": ", ".join(ends)}


def _end(bonus: Bonus) -> str:
    """Say until when an extra lasts, as Discord writes times."""
    return "used up" if bonus.expires_at is None else f"<t:{int(bonus.expires_at.timestamp())}:f>"


def _matching(
    connection: sqlite3.Connection, guild_id: int, target: Target, setting: Setting | None
) -> Sequence[Rule]:
    found = list(rules.rules_of(connection, guild_id))
    if target.kind is Kind.MEMBER:
        member = Requester(guild_id=guild_id, user_id=target.id)
        kept = rules.kept_rules(connection, guild_id)
        found += rules.kept_for(connection, kept, member)
    return [rule for rule in found if rule.target == target and setting in (None, rule.setting)]


def _reset(
    connection: sqlite3.Connection, account: str, setting: Setting | None, *, at: datetime
) -> Mapping[Unit, int]:
    """Book back what was used on the days of one span, or of all spans that run now."""
    given: dict[Unit, int] = {}
    chosen = ALLOWANCES.values() if setting is None else [ALLOWANCES[setting]]
    for unit, window in chosen:
        span = span_of(window, at)
        rows = connection.execute(
            "SELECT account, window, used FROM bucket "
            "WHERE account IN (?, ?) AND window >= ? AND window < ? AND unit = ? AND used > 0",
            (
                account,
                former_account(connection, account),
                name_of(span.first),
                name_of(span.end),
                unit.value,
            ),
        ).fetchall()
        for row in rows:
            place = row["account"], row["window"]
            books.adjust(connection, *place, unit, -row["used"], at=to_micros(at))
            given[unit] = given.get(unit, 0) + row["used"]
    return given
