"""What the books say about one member: the balance of each allowance, and what moved it."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from jobs.model import JobId, Requester
from jobs.quota.books import Unit, account_of, server_account
from jobs.quota.statements import Balance, Entry, EntryKind, Statement
from jobs.quota.tiers import ALLOWANCES, OperatorRules, Setting, Tier
from jobs.quota.windows import span_of
from storage.quota import books, rules
from storage.quota.admission import waiting_of
from storage.quota.bonuses import open_bonuses
from storage.times import from_micros

# A member's own account, and those of the extras that they were given.
_ACCOUNTS = """
SELECT :account AS account
UNION ALL SELECT 'bonus:' || number FROM bonus WHERE guild_id = :guild_id AND user_id = :user_id
"""

_HISTORY = f"""
WITH mine AS ({_ACCOUNTS}), moved AS (
    SELECT ledger.number, at, job_id, unit, used_delta, reserved_delta
    FROM mine JOIN ledger USING (account)
)
SELECT MAX(number) AS number, MAX(at) AS at, job_id, unit, SUM(used_delta) AS used,
    SUM(reserved_delta) AS reserved, SUM(max(reserved_delta, 0)) AS ever_reserved
FROM moved GROUP BY coalesce(job_id, number), unit
ORDER BY number DESC LIMIT :rows
"""  # noqa: S608 - constants of ours

_GRANTS = """
SELECT number, unit, amount, created_at FROM bonus
WHERE guild_id = ? AND user_id = ? ORDER BY number DESC LIMIT ?
"""


def statement(
    connection: sqlite3.Connection, requester: Requester, operator: OperatorRules, *, now: datetime
) -> Statement:
    """Return everything about a member's quota."""
    terms = rules.terms_of(connection, requester, operator, now=now)
    server = _balances(connection, server_account(requester.guild_id), terms.server, now=now)
    return Statement(
        terms=terms,
        balances=_balances(connection, account_of(requester), terms.tier, now=now),
        server=[balance for balance in server if balance.left is not None],
        bonuses=open_bonuses(connection, requester, now=now),
        waiting=waiting_of(connection, requester),
    )


def history(connection: sqlite3.Connection, requester: Requester, *, limit: int) -> Sequence[Entry]:
    """Return what moved a member's books, newest first."""
    values: Mapping[str, object] = {
        "account": account_of(requester),
        "guild_id": requester.guild_id,
        "user_id": requester.user_id,
        "rows": limit * len(Unit),  # a job has a row for each unit
    }
    found: dict[object, Entry] = {}
    for row in connection.execute(_HISTORY, values):
        key = row["job_id"] or row["number"]
        entry = _to_entry(row)
        known = found.get(key)
        if known is not None:
            entry = Entry(
                at=max(known.at, entry.at),
                kind=known.kind,
                amounts=(*known.amounts, *entry.amounts),
                job_id=known.job_id,
            )
        found[key] = entry
    entries = [*found.values(), *_grants(connection, requester, limit=limit)]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:limit]


def _balances(
    connection: sqlite3.Connection, account: str, tier: Tier, *, now: datetime
) -> Sequence[Balance]:
    return [_balance(connection, account, tier, setting, now=now) for setting in ALLOWANCES]


def _balance(
    connection: sqlite3.Connection, account: str, tier: Tier, setting: Setting, *, now: datetime
) -> Balance:
    unit, window = ALLOWANCES[setting]
    span = span_of(window, now)
    used, reserved = books.taken_in(connection, account, unit, span)
    return Balance(
        setting=setting,
        rule=tier.rules.get(setting),
        used=used,
        reserved=reserved,
        resets_at=span.resets_at,
    )


def _to_entry(row: sqlite3.Row) -> Entry:
    """Read what a job, or a moderator, did to one unit."""
    if row["job_id"] is None:
        kind, amount = EntryKind.RESET, -row["used"]
    elif row["reserved"] > 0:
        kind, amount = EntryKind.HELD, row["reserved"]
    elif row["used"] > 0:
        kind, amount = EntryKind.USED, row["used"]
    else:
        kind, amount = EntryKind.GIVEN_BACK, row["ever_reserved"]
    return Entry(
        at=from_micros(row["at"]),
        kind=kind,
        amounts=((Unit(row["unit"]), amount),),
        job_id=None if row["job_id"] is None else JobId(row["job_id"]),
    )


def _grants(connection: sqlite3.Connection, requester: Requester, *, limit: int) -> Sequence[Entry]:
    rows = connection.execute(_GRANTS, (requester.guild_id, requester.user_id, limit))
    return [
        Entry(
            at=from_micros(row["created_at"]),
            kind=EntryKind.GRANTED,
            amounts=((Unit(row["unit"]), row["amount"]),),
        )
        for row in rows
    ]
