"""Questions about many jobs at once; every one of them reads a partial index, none the history."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from jobs.model import Job, JobId
from storage.rows import SELECT_JOB, to_job
from storage.times import to_micros

LIKE_AMONG = 4  # how many times as many renders are looked through for ones of a size
_MICROS_PER_S = 1_000_000

QUEUED_AT = """
WHERE job.number IN (
    SELECT number FROM job INDEXED BY job_turn
    WHERE state = 'queued' AND is_put_off = 0 AND backend = :backend
    UNION ALL SELECT number FROM job INDEXED BY job_put_off
    WHERE state = 'queued' AND is_put_off = 1 AND backend = :backend AND held_until IS NULL
)
ORDER BY job.number
"""

CANCELLABLE = """
WHERE job.number IN (
    SELECT number FROM job INDEXED BY job_waiting
    WHERE state = 'queued' AND guild_id = :guild_id
        AND (:user_id IS NULL OR user_id = :user_id)
    UNION ALL SELECT number FROM job INDEXED BY job_open
    WHERE ended_at IS NULL AND guild_id = :guild_id
        AND (:user_id IS NULL OR user_id = :user_id)
        AND :is_running AND state IN ('submitting', 'running') AND cancel_requested = 0
)
ORDER BY job.number LIMIT :limit
"""


HELD = """
INDEXED BY job_held
WHERE job.state = 'queued' AND job.held_until IS NOT NULL AND job.guild_id = :guild_id
ORDER BY job.number LIMIT :limit
"""

OVERDUE = """
INDEXED BY job_held_until
WHERE job.state = 'queued' AND job.held_until IS NOT NULL AND job.held_until <= :now
ORDER BY job.held_until LIMIT :limit
"""


def orphans(connection: sqlite3.Connection, *, now: datetime) -> Sequence[Job]:
    """Return active jobs without a live lease that are due, oldest first."""
    return _jobs(
        connection,
        """
        INDEXED BY job_active
        WHERE job.state IN ('submitting', 'running', 'fetching', 'ready', 'delivering')
            AND coalesce(job.lease_until, 0) <= :now AND coalesce(job.due_at, 0) <= :now
        ORDER BY job.number
        """,
        {"now": to_micros(now)},
    )


def stale_cards(connection: sqlite3.Connection, *, limit: int) -> Sequence[Job]:
    """Return ended jobs whose card does not show their end yet, oldest first."""
    return _jobs(
        connection,
        """
        INDEXED BY job_stale_card
        WHERE job.ended_at IS NOT NULL AND job.card_is_shown = 0
        ORDER BY job.ended_at LIMIT :limit
        """,
        {"limit": limit},
    )


def queued_at(connection: sqlite3.Connection, backend: str) -> Sequence[Job]:
    """Return all that waits in a backend's queue, put off or not, oldest first."""
    return _jobs(connection, QUEUED_AT, {"backend": backend})


def made_as(connection: sqlite3.Connection, backend: str, provider_job_id: str) -> JobId | None:
    """Return the first job that a backend made under an id of its own."""
    row = connection.execute(
        """
        SELECT id FROM job INDEXED BY job_made_as WHERE backend = ? AND provider_job_id = ?
        ORDER BY number LIMIT 1
        """,
        (backend, provider_job_id),
    ).fetchone()
    return None if row is None else JobId(row["id"])


def endpoints(connection: sqlite3.Connection, backend: str) -> Sequence[str]:
    """Return where a backend's open jobs were submitted, each place once."""
    rows = connection.execute(
        """
        SELECT DISTINCT endpoint FROM job INDEXED BY job_open
        WHERE ended_at IS NULL AND backend = ? AND endpoint IS NOT NULL ORDER BY endpoint
        """,
        (backend,),
    )
    return [row["endpoint"] for row in rows]


def unconfirmed(connection: sqlite3.Connection, guild_id: int, *, limit: int) -> Sequence[Job]:
    """Return a server's jobs that wait for a provider's word, oldest first."""
    return _jobs(
        connection,
        """
        INDEXED BY job_unconfirmed
        WHERE job.state = 'unconfirmed' AND job.guild_id = :guild_id
        ORDER BY job.number LIMIT :limit
        """,
        {"guild_id": guild_id, "limit": limit},
    )


def cancellable(
    connection: sqlite3.Connection,
    guild_id: int,
    *,
    user_id: int | None,
    is_running: bool,
    limit: int,
) -> Sequence[Job]:
    """Return a server's waiting jobs, or one member's, oldest first.

    With `is_running`, also those being rendered that nobody has asked to stop yet.
    """
    values = {
        "guild_id": guild_id,
        "user_id": user_id,
        "is_running": is_running,
        "limit": limit,
    }
    return _jobs(connection, CANCELLABLE, values)


def held(connection: sqlite3.Connection, guild_id: int, *, limit: int) -> Sequence[Job]:
    """Return a server's jobs that wait for a moderator, oldest first."""
    return _jobs(connection, HELD, {"guild_id": guild_id, "limit": limit})


def overdue(connection: sqlite3.Connection, *, now: datetime, limit: int) -> Sequence[Job]:
    """Return held jobs whose time is over, of all servers."""
    return _jobs(connection, OVERDUE, {"now": to_micros(now), "limit": limit})


def waiting_by_member(
    connection: sqlite3.Connection, guild_id: int, *, limit: int
) -> Mapping[int, int]:
    """Return how many videos of whom wait in a server, most first."""
    rows = connection.execute(
        """
        SELECT user_id, COUNT(*) AS waiting FROM job INDEXED BY job_waiting
        WHERE state = 'queued' AND guild_id = ?
        GROUP BY user_id ORDER BY waiting DESC, user_id LIMIT ?
        """,
        (guild_id, limit),
    )
    return {row["user_id"]: row["waiting"] for row in rows}


def rates(
    connection: sqlite3.Connection, backend: str, *, limit: int, like: int | None = None
) -> Sequence[float]:
    """Return seconds per unit of cost of the newest finished renders, sorted.

    Args:
        connection: To read from.
        backend: Where they were made.
        limit: The most of them.
        like: Take only those that cost about as much: between half and double.
    """
    rows = connection.execute(
        """
        SELECT started_at, rendered_at, cost FROM (
            SELECT started_at, rendered_at, cost FROM job INDEXED BY job_rendered
            WHERE backend = :backend AND state IN ('done', 'undelivered')
                AND rendered_at IS NOT NULL AND started_at IS NOT NULL AND cost > 0
                AND NOT EXISTS (  -- when a render began whose lost submit was healed, nobody knows
                    SELECT 1 FROM job_event
                    WHERE job_id = job.id AND from_state = 'unconfirmed' AND to_state = 'running'
                )
            ORDER BY rendered_at DESC LIMIT :newest
        )
        WHERE :like IS NULL OR (2 * cost >= :like AND cost <= 2 * :like) LIMIT :limit
        """,
        {
            "backend": backend,
            "newest": limit if like is None else LIKE_AMONG * limit,
            "like": like,
            "limit": limit,
        },
    )
    return sorted(
        (row["rendered_at"] - row["started_at"]) / _MICROS_PER_S / row["cost"] for row in rows
    )


def open_jobs(
    connection: sqlite3.Connection, *, guild_id: int | None, user_id: int | None, limit: int
) -> Sequence[Job]:
    """Return jobs that have not ended, oldest first."""
    tail = """
        WHERE job.number IN (
            SELECT number FROM job INDEXED BY job_open
            WHERE ended_at IS NULL
                AND (:guild_id IS NULL OR guild_id = :guild_id)
                AND (:user_id IS NULL OR user_id = :user_id)
            ORDER BY number LIMIT :limit
        )
        ORDER BY job.number
    """
    values = {"guild_id": guild_id, "user_id": user_id, "limit": limit}
    return _jobs(connection, tail, values)


def ended_jobs(
    connection: sqlite3.Connection, *, guild_id: int | None, user_id: int | None, limit: int
) -> Sequence[Job]:
    """Return ended jobs, newest first."""
    values = {"guild_id": guild_id, "user_id": user_id, "limit": limit}
    return _jobs(connection, _ended_tail(guild_id=guild_id, user_id=user_id), values)


def _ended_tail(*, guild_id: int | None, user_id: int | None) -> str:
    if user_id is not None:
        return """
            INDEXED BY job_ended_user
            WHERE job.ended_at IS NOT NULL AND job.user_id = :user_id
                AND (:guild_id IS NULL OR job.guild_id = :guild_id)
            ORDER BY job.ended_at DESC LIMIT :limit
        """
    if guild_id is not None:
        return """
            INDEXED BY job_ended_guild
            WHERE job.ended_at IS NOT NULL AND job.guild_id = :guild_id
            ORDER BY job.ended_at DESC LIMIT :limit
        """
    return """
        INDEXED BY job_ended
        WHERE job.ended_at IS NOT NULL ORDER BY job.ended_at DESC LIMIT :limit
    """


def _jobs(
    connection: sqlite3.Connection, tail: str, values: Mapping[str, int | str | None]
) -> Sequence[Job]:
    return [to_job(row) for row in connection.execute(SELECT_JOB + tail, values)]
