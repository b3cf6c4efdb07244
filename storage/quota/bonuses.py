"""The extras that moderators gave: what is left of each follows from the books."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from jobs.model import Requester
from jobs.moderation.acts import Act
from jobs.quota.books import EVER, Bonus, Unit
from storage.times import from_micros, from_micros_or_none, to_micros, to_micros_or_none

_BONUSES = f"""
SELECT bonus.number, guild_id, user_id, bonus.unit, amount, created_at, expires_at, by_user_id,
    reason, amount - coalesce(used + reserved, 0) AS remaining
FROM bonus LEFT JOIN bucket ON bucket.account = 'bonus:' || bonus.number
    AND bucket.window = '{EVER}' AND bucket.unit = bonus.unit
"""  # noqa: S608 - a constant of ours


def open_bonuses(
    connection: sqlite3.Connection, requester: Requester, *, now: datetime
) -> Sequence[Bonus]:
    """Return a member's extras that have something left, those that expire first in front."""
    rows = connection.execute(
        _BONUSES
        + """
        WHERE guild_id = ? AND user_id = ? AND ended_at IS NULL
            AND (expires_at IS NULL OR expires_at > ?) AND remaining > 0
        ORDER BY expires_at IS NULL, expires_at, bonus.number
        """,
        (requester.guild_id, requester.user_id, to_micros(now)),
    )
    return [_to_bonus(row) for row in rows]


def grant(
    connection: sqlite3.Connection,
    requester: Requester,
    unit: Unit,
    amount: int,
    *,
    expires_at: datetime | None,
    act: Act,
) -> Bonus:
    """Insert an extra."""
    row = connection.execute(
        """
        INSERT INTO bonus (
            guild_id, user_id, unit, amount, created_at, expires_at, by_user_id, reason
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING number
        """,
        (
            requester.guild_id,
            requester.user_id,
            unit.value,
            amount,
            to_micros(act.at),
            to_micros_or_none(expires_at),
            act.actor_id,
            act.reason,
        ),
    ).fetchone()
    number: int = row["number"]
    found = connection.execute(_BONUSES + "WHERE bonus.number = ?", (number,)).fetchone()
    return _to_bonus(found)


def revoke(connection: sqlite3.Connection, bonus: Bonus, *, at: datetime) -> None:
    """Take back what is left of an extra; what jobs hold of it is theirs."""
    connection.execute(
        "UPDATE bonus SET ended_at = ? WHERE number = ?", (to_micros(at), bonus.number)
    )


def _to_bonus(row: sqlite3.Row) -> Bonus:
    return Bonus(
        number=row["number"],
        guild_id=row["guild_id"],
        user_id=row["user_id"],
        unit=Unit(row["unit"]),
        amount=row["amount"],
        left=row["remaining"],
        created_at=from_micros(row["created_at"]),
        expires_at=from_micros_or_none(row["expires_at"]),
        by_user_id=row["by_user_id"],
        reason=row["reason"],
    )
