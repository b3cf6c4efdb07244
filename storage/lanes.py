"""The lanes in which jobs wait for their turn, kept in step with the jobs by the same transaction.

What is counted here is counted again from the jobs by `storage.recount`; the rules are in
`jobs.fairness`, and the next turn is found by `storage.turns`.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from jobs import fairness
from jobs.errors import StaleAttemptError
from jobs.model import Job, JobId
from jobs.states import JobState

_AT_WORK = ("submitting", "running")  # these hold a slot of the backend
_ELSEWHERE = frozenset(
    {JobState.FETCHING, JobState.READY, JobState.DELIVERING, JobState.DONE, JobState.UNDELIVERED}
)

SELECT_PLACE = """
SELECT number, backend, party, user_id, cost, charged_us, state, is_put_off FROM job
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a job's row says about its lanes."""

    number: int
    backend: str
    party: str
    user_id: int
    cost: int
    charged_us: int
    is_in_line: bool
    is_at_work: bool


def place_of(connection: sqlite3.Connection, job_id: JobId) -> Place:
    """Return where a job's row says that it is, which decides what its lanes count.

    Raises:
        StaleAttemptError: There is no such row any more.
    """
    row = connection.execute(SELECT_PLACE + "WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        raise StaleAttemptError(f"Job {job_id} is gone.")
    return to_place(row)


def enter(connection: sqlite3.Connection, job_id: JobId) -> None:
    """Put a job that was just inserted in line, unless it is to wait outside."""
    place = place_of(connection, job_id)
    backend_of(connection, place.backend)  # there are lanes of its member's now
    if place.is_in_line:
        get_in_line(connection, place)


def may_move_lanes(before: JobState, after: JobState) -> bool:
    """Say whether a move changes what lanes count: once a render is over, nothing does."""
    return not {before, after} <= _ELSEWHERE


def follow(
    connection: sqlite3.Connection, before: Place, state: JobState, saved: Job, *, now: datetime
) -> None:
    """Bring the lanes after a job that was just written.

    Args:
        connection: In the transaction that wrote it.
        before: Its place before that.
        state: Its state before that.
        saved: As it was written.
        now: When.
    """
    owed_us = fairness.charge_after(state, saved, before.charged_us, now=now)
    after = place_of(connection, saved.id)
    if before.is_at_work and after.is_at_work and owed_us == before.charged_us:
        return
    _leave(connection, before)
    if owed_us != before.charged_us:
        _correct(connection, before, owed_us)
    if after.is_in_line:
        get_in_line(connection, after, has_been_served=saved.attempt > 0)
    if after.is_at_work:
        party_of(connection, after)  # swept away, perhaps, while nobody knew of a lost submit
        user_of(connection, after)
        _count_running(connection, after, 1)


def to_place(row: sqlite3.Row) -> Place:
    """Read a row of `SELECT_PLACE`."""
    return Place(
        number=row["number"],
        backend=row["backend"],
        party=row["party"],
        user_id=row["user_id"],
        cost=row["cost"],
        charged_us=row["charged_us"],
        is_in_line=row["state"] == "queued" and not row["is_put_off"],
        is_at_work=row["state"] in _AT_WORK,
    )


def get_in_line(
    connection: sqlite3.Connection, place: Place, *, has_been_served: bool = False
) -> None:
    """Count a job in its lanes, and wake those that were idle."""
    party = party_of(connection, place)
    user = user_of(connection, place)
    backend = backend_of(connection, place.backend)
    values = keys_of(place) | {
        "party_vtime": _vtime_in_line(party, backend["clock"], has_been_served=has_been_served),
        "user_vtime": _vtime_in_line(user, party["clock"], has_been_served=has_been_served),
    }
    connection.execute(
        """
        UPDATE party_lane SET turn = CASE queued WHEN 0 THEN :number ELSE turn END,
            vtime = :party_vtime, queued = queued + 1, cost = cost + :cost
        WHERE backend = :backend AND party = :party
        """,
        values,
    )
    connection.execute(
        """
        UPDATE user_lane SET turn = CASE queued WHEN 0 THEN :number ELSE turn END,
            vtime = :user_vtime, queued = queued + 1, cost = cost + :cost
        WHERE backend = :backend AND party = :party AND user_id = :user_id
        """,
        values,
    )


def _vtime_in_line(lane: sqlite3.Row, clock: int, *, has_been_served: bool) -> int:
    vtime: int = lane["vtime"]
    if lane["queued"]:
        return vtime
    return fairness.woken(vtime, clock=clock, has_been_served=has_been_served)


def _leave(connection: sqlite3.Connection, place: Place) -> None:
    """Take a job out of the counts of its lanes; a count that was lost stops no job."""
    if place.is_in_line:
        for statement in (
            """
            UPDATE party_lane SET queued = max(0, queued - 1), cost = max(0, cost - :cost)
            WHERE backend = :backend AND party = :party
            """,
            """
            UPDATE user_lane SET queued = max(0, queued - 1), cost = max(0, cost - :cost)
            WHERE backend = :backend AND party = :party AND user_id = :user_id
            """,
        ):
            connection.execute(statement, keys_of(place))
    if place.is_at_work:
        _count_running(connection, place, -1)


def _count_running(connection: sqlite3.Connection, place: Place, change: int) -> None:
    values = keys_of(place) | {"change": change}
    for statement in (
        "UPDATE backend_lane SET running = max(0, running + :change) WHERE backend = :backend",
        """
        UPDATE party_lane SET running = max(0, running + :change)
        WHERE backend = :backend AND party = :party
        """,
        """
        UPDATE user_lane SET running = max(0, running + :change)
        WHERE backend = :backend AND party = :party AND user_id = :user_id
        """,
    ):
        connection.execute(statement, values)


def _correct(connection: sqlite3.Connection, place: Place, owed_us: int) -> None:
    """Charge a job's lanes what it really took instead of what was estimated."""
    change_us = owed_us - place.charged_us
    backend = backend_of(connection, place.backend)
    party, user = party_of(connection, place), user_of(connection, place)
    values = keys_of(place) | {
        "charged_us": owed_us,
        "party_vtime": fairness.corrected(
            party["vtime"], change_us, party["weight"], clock=backend["clock"]
        ),
        "user_vtime": fairness.corrected(
            user["vtime"], change_us, user["weight"], clock=party["clock"]
        ),
    }
    for statement in (
        "UPDATE job SET charged_us = :charged_us WHERE number = :number",
        "UPDATE party_lane SET vtime = :party_vtime WHERE backend = :backend AND party = :party",
        """
        UPDATE user_lane SET vtime = :user_vtime
        WHERE backend = :backend AND party = :party AND user_id = :user_id
        """,
    ):
        connection.execute(statement, values)


def backend_of(connection: sqlite3.Connection, backend: str) -> sqlite3.Row:
    """Return a backend's clock and rate."""
    values = {"backend": backend}
    connection.execute(
        "INSERT INTO backend_lane (backend) VALUES (:backend) ON CONFLICT DO NOTHING", values
    )
    row: sqlite3.Row = connection.execute(
        "SELECT clock, rate FROM backend_lane WHERE backend = :backend", values
    ).fetchone()
    return row


def party_of(connection: sqlite3.Connection, place: Place) -> sqlite3.Row:
    """Return the lane of a job's party; idle ones are swept away, so it may have to be made."""
    connection.execute(
        "INSERT INTO party_lane (backend, party) VALUES (:backend, :party) ON CONFLICT DO NOTHING",
        keys_of(place),
    )
    row: sqlite3.Row = connection.execute(
        "SELECT weight, queued, vtime, clock FROM party_lane "
        "WHERE backend = :backend AND party = :party",
        keys_of(place),
    ).fetchone()
    return row


def user_of(connection: sqlite3.Connection, place: Place) -> sqlite3.Row:
    """Return the lane of a job's member, made if it is new."""
    connection.execute(
        "INSERT INTO user_lane (backend, party, user_id) VALUES (:backend, :party, :user_id) "
        "ON CONFLICT DO NOTHING",
        keys_of(place),
    )
    row: sqlite3.Row = connection.execute(
        "SELECT weight, queued, vtime FROM user_lane "
        "WHERE backend = :backend AND party = :party AND user_id = :user_id",
        keys_of(place),
    ).fetchone()
    return row


def keys_of(place: Place) -> dict[str, object]:
    """Return what the statements about a job's lanes are bound to."""
    return {
        "backend": place.backend,
        "party": place.party,
        "user_id": place.user_id,
        "number": place.number,
        "cost": place.cost,
    }
