"""The books: buckets that are quick to ask, and the ledger that they can be recounted from.

Everything here runs inside the transaction of whoever moves a job, so a charge and the job that
it pays for are written together or not at all. Charges are booked by the day; a week and a month
are sums over at most 31 of them.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import assert_never

from jobs.model import JobId
from jobs.quota.admission import refusal
from jobs.quota.books import Charge, Drift, Settlement, SpanLimit, Unit
from jobs.quota.windows import Span, name_of, span_of
from storage.privacy.pseudonyms import former_account
from storage.times import to_micros


def reserve(
    connection: sqlite3.Connection, job_id: JobId, charges: Sequence[Charge], *, at: datetime
) -> None:
    """Put every charge on its account.

    Raises:
        QuotaExceededError: One does not fit; the caller's transaction must roll back.
    """
    for charge in charges:
        for limit in charge.limits:
            _check_room(connection, charge, limit)
        _reserve_one(connection, job_id, charge, at=at)


def settle(
    connection: sqlite3.Connection,
    job_id: JobId,
    settlement: Settlement,
    *,
    at: datetime,
    costs: Mapping[Unit, int] | None = None,
) -> None:
    """Commit or release what a job still holds; what is settled does not move again.

    A refund goes to the day that the reservation was made on. Where an extra and an allowance
    share a charge, the extra is used first.

    Args:
        connection: In a transaction.
        job_id: The job that ends.
        settlement: How it ends.
        at: When.
        costs: What the job really cost; a commit takes no more than that of a unit named here
            on either side, and no more than was reserved.
    """
    held = connection.execute(
        "SELECT account, window, unit, amount, side FROM reservation "
        "WHERE job_id = ? AND state = 'open' ORDER BY side, unit, account LIKE 'bonus:%' DESC, "
        "account, window",
        (job_id,),
    ).fetchall()
    owed: dict[tuple[str, str], int] = {}
    for row in held:
        key = (row["side"], row["unit"])
        most = owed.get(key, (costs or {}).get(Unit(row["unit"])))
        used = _used(row["amount"], settlement, most)
        if most is not None:
            owed[key] = most - used
        values = {**dict(row), "job_id": job_id, "at": to_micros(at), "used": used}
        _settle_one(connection, values, unused=row["amount"] - used)
    connection.execute(  # the last statement closes them
        "UPDATE reservation SET state = ? WHERE job_id = ? AND state = 'open'",
        (settlement.value, job_id),
    )


def adjust(
    connection: sqlite3.Connection, account: str, window: str, unit: Unit, change: int, *, at: int
) -> None:
    """Book a change of what is used that no job makes: what a moderator gives back."""
    values = {"at": at, "account": account, "window": window, "unit": unit, "change": change}
    connection.execute(
        "UPDATE bucket SET used = used + :change "
        "WHERE account = :account AND window = :window AND unit = :unit",
        values,
    )
    connection.execute(
        "INSERT INTO ledger (at, job_id, account, window, unit, kind, used_delta, reserved_delta) "
        "VALUES (:at, NULL, :account, :window, :unit, 'adjust', :change, 0)",
        values,
    )


def taken_in(
    connection: sqlite3.Connection, account: str, unit: Unit, span: Span
) -> tuple[int, int]:
    """Return what an account has used and reserved of a unit in a span of days.

    What a member used before they had their data deleted counts.
    """
    former = former_account(connection, account)
    row = connection.execute(
        """
        SELECT coalesce(SUM(used), 0) AS used, coalesce(SUM(reserved), 0) AS reserved FROM bucket
        WHERE account IN (?, ?) AND window >= ? AND window < ? AND unit = ?
        """,
        (account, former, name_of(span.first), name_of(span.end), unit.value),
    ).fetchone()
    return row["used"], row["reserved"]


def span_of_charge(charge: Charge, limit: SpanLimit) -> Span:
    """Return the span that a charge falls into; it is booked on a day."""
    day = datetime.strptime(charge.window, "day:%Y-%m-%d").replace(tzinfo=UTC)
    return span_of(limit.window, day)


def _check_room(connection: sqlite3.Connection, charge: Charge, limit: SpanLimit) -> None:
    span = span_of_charge(charge, limit)
    taken = sum(taken_in(connection, charge.account, charge.unit, span))
    if taken + charge.amount > limit.limit:
        raise refusal(charge, limit, taken=taken, span=span)


def _reserve_one(
    connection: sqlite3.Connection, job_id: JobId, charge: Charge, *, at: datetime
) -> None:
    values = {
        "job_id": job_id,
        "at": to_micros(at),
        "account": charge.account,
        "window": charge.window,
        "unit": charge.unit.value,
        "amount": charge.amount,
        "side": charge.side.value,
    }
    for statement in (
        """
        INSERT INTO bucket (account, window, unit, reserved)
        VALUES (:account, :window, :unit, :amount)
        ON CONFLICT DO UPDATE SET reserved = reserved + :amount
        """,
        """
        INSERT INTO reservation (job_id, account, window, unit, amount, state, side)
        VALUES (:job_id, :account, :window, :unit, :amount, 'open', :side)
        """,
        """
        INSERT INTO ledger (at, job_id, account, window, unit, kind, used_delta, reserved_delta)
        VALUES (:at, :job_id, :account, :window, :unit, 'reserve', 0, :amount)
        """,
    ):
        connection.execute(statement, values)


def _used(amount: int, settlement: Settlement, most: int | None) -> int:
    match settlement:
        case Settlement.COMMIT:
            return amount if most is None else min(amount, most)
        case Settlement.RELEASE:
            return 0
        case _:
            assert_never(settlement)


def _settle_one(
    connection: sqlite3.Connection, values: Mapping[str, object], *, unused: int
) -> None:
    """Book what was used and what is given back, each as a line of the ledger."""
    for kind, share in (("commit", values["used"]), ("release", unused)):
        connection.execute(
            """
            INSERT INTO ledger (at, job_id, account, window, unit, kind, used_delta, reserved_delta)
            SELECT :at, :job_id, :account, :window, :unit, :kind,
                CASE :kind WHEN 'commit' THEN :share ELSE 0 END, -:share
            WHERE :share > 0
            """,
            {**values, "kind": kind, "share": share},
        )
    connection.execute(
        "UPDATE bucket SET reserved = reserved - :amount, used = used + :used "
        "WHERE account = :account AND window = :window AND unit = :unit",
        values,
    )


def audit(connection: sqlite3.Connection) -> Sequence[Drift]:
    """Recount every bucket from the ledger, and what is reserved also from open reservations.

    A reservation that outlived its job's end counts as drift: nothing would ever settle it.
    """
    return [
        Drift(
            account=row["account"],
            window=row["window"],
            unit=Unit(row["unit"]),
            told=row["told"],
            counted=row["counted"],
            kind=row["kind"],
        )
        for row in connection.execute(_AUDIT)
    ]


_AUDIT = """
WITH booked AS (
    SELECT account, window, unit, SUM(used_delta) AS used, SUM(reserved_delta) AS reserved
    FROM ledger GROUP BY account, window, unit
), held AS (
    SELECT account, window, unit, SUM(amount) AS reserved
    FROM reservation JOIN job ON job.id = reservation.job_id
    WHERE reservation.state = 'open' AND job.ended_at IS NULL
    GROUP BY account, window, unit
), place AS (
    SELECT account, window, unit FROM bucket
    UNION SELECT account, window, unit FROM booked
), compared AS (
    SELECT account, window, unit, 'used' AS kind,
        coalesce(bucket.used, 0) AS told, coalesce(booked.used, 0) AS counted
    FROM place LEFT JOIN bucket USING (account, window, unit)
        LEFT JOIN booked USING (account, window, unit)
    UNION SELECT account, window, unit, 'reserved',
        coalesce(bucket.reserved, 0), coalesce(booked.reserved, 0)
    FROM place LEFT JOIN bucket USING (account, window, unit)
        LEFT JOIN booked USING (account, window, unit)
    UNION SELECT account, window, unit, 'reserved',
        coalesce(bucket.reserved, 0), coalesce(held.reserved, 0)
    FROM place LEFT JOIN bucket USING (account, window, unit)
        LEFT JOIN held USING (account, window, unit)
)
SELECT account, window, unit, kind, told, counted FROM compared WHERE told <> counted
ORDER BY account, window, unit, kind, counted
"""
