"""The books: buckets that are quick to ask, and the ledger that they can be recounted from.

`reserve` and `settle` run inside the job store's transactions, so a charge and the job that
it pays for are written together or not at all.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import assert_never

from jobs.errors import QuotaExceededError
from jobs.model import JobId, Requester
from jobs.quota import UNLIMITED, Charge, Drift, Settlement, Tier, Unit
from storage.database import Database
from storage.times import to_micros


class SqliteQuotaStore:
    """The `QuotaStore` of the SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tier_of(self, requester: Requester) -> Tier:
        """Return the tier that applies to a member."""
        return UNLIMITED

    async def audit(self) -> Sequence[Drift]:
        """Compare buckets, ledger and open reservations; an empty answer is a balanced book."""
        return await self._database.read(audit)


def reserve(
    connection: sqlite3.Connection, job_id: JobId, charges: Sequence[Charge], *, at: datetime
) -> None:
    """Put every charge on its account.

    Raises:
        QuotaExceededError: One does not fit; the caller's transaction must roll back.
    """
    for charge in charges:
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

    A refund goes to the window that the reservation was made in.

    Args:
        connection: In a transaction.
        job_id: The job that ends.
        settlement: How it ends.
        at: When.
        costs: What the job really cost; a commit takes no more than that of a unit named here,
            and no more than was reserved.
    """
    held = connection.execute(
        "SELECT account, window, unit, amount FROM reservation WHERE job_id = ? AND state = 'open'",
        (job_id,),
    ).fetchall()
    for row in held:
        used = _used(Unit(row["unit"]), row["amount"], settlement, costs or {})
        values = {**dict(row), "job_id": job_id, "at": to_micros(at), "used": used}
        _settle_one(connection, values, unused=row["amount"] - used)
    connection.execute(  # the last statement closes them
        "UPDATE reservation SET state = ? WHERE job_id = ? AND state = 'open'",
        (settlement.value, job_id),
    )


def _used(unit: Unit, amount: int, settlement: Settlement, costs: Mapping[Unit, int]) -> int:
    match settlement:
        case Settlement.COMMIT:
            return min(amount, costs.get(unit, amount))
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
        "limit": charge.limit,
    }
    connection.execute(
        "INSERT INTO bucket (account, window, unit) VALUES (:account, :window, :unit) "
        "ON CONFLICT DO NOTHING",
        values,
    )
    fitting = connection.execute(
        """
        UPDATE bucket SET reserved = reserved + :amount
        WHERE account = :account AND window = :window AND unit = :unit
            AND (:limit IS NULL OR used + reserved + :amount <= :limit)
        """,
        values,
    )
    if fitting.rowcount != 1:
        raise _exceeded(connection, charge)
    connection.execute(
        "INSERT INTO reservation (job_id, account, window, unit, amount, state) "
        "VALUES (:job_id, :account, :window, :unit, :amount, 'open')",
        values,
    )
    connection.execute(
        "INSERT INTO ledger (at, job_id, account, window, unit, kind, used_delta, reserved_delta) "
        "VALUES (:at, :job_id, :account, :window, :unit, 'reserve', 0, :amount)",
        values,
    )


def _exceeded(connection: sqlite3.Connection, charge: Charge) -> QuotaExceededError:
    row = connection.execute(
        "SELECT used + reserved AS taken FROM bucket WHERE account = ? AND window = ? AND unit = ?",
        (charge.account, charge.window, charge.unit.value),
    ).fetchone()
    limit = charge.limit or 0
    left = _number(charge.unit, max(0, limit - row["taken"]))
    return QuotaExceededError(
        f"This takes {_told(charge.unit, charge.amount)}, and {left} of your "
        f"{_told(charge.unit, limit)} are left{_reset_of(charge.window)}."
    )


def _told(unit: Unit, amount: int) -> str:
    number = _number(unit, amount)
    match unit:
        case Unit.VIDEOS:
            return f"{number} video" if amount == 1 else f"{number} videos"
        case Unit.VIDEO_MS:
            return f"{number} s of video"
        case Unit.MONEY_MICROS:
            return f"{number} of budget"
        case _:
            assert_never(unit)


def _number(unit: Unit, amount: int) -> str:
    match unit:
        case Unit.VIDEOS:
            return str(amount)
        case Unit.VIDEO_MS:
            return f"{amount / 1000:g}"
        case Unit.MONEY_MICROS:
            return f"{amount / 1_000_000:.2f}"
        case _:
            assert_never(unit)


def _reset_of(window: str) -> str:
    kind, _, day = window.partition(":")
    if kind != "day":
        return ""
    return f"; it resets on {date.fromisoformat(day) + timedelta(days=1)} at 00:00 UTC"
