"""Finds whose turn it is, and takes their next job.

A claim looks at the first entry of two partial indexes, so it takes the same effort however
many jobs, lanes and finished videos there are. Lanes at a cap of their own are in no index;
those at a cap that holds for all are walked past, and are no more than renders under way.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from jobs import fairness
from jobs.fairness import Caps
from jobs.model import JobId
from storage import lanes
from storage.lanes import Place
from storage.times import to_micros

NO_CAP = 2**62

CALL_BACK = """
UPDATE job INDEXED BY job_put_off SET is_put_off = 0
WHERE state = 'queued' AND is_put_off = 1 AND backend = :backend AND due_at <= :now
    AND held_until IS NULL
RETURNING number
"""

# `INDEXED BY` holds the plan, whatever ANALYZE makes the planner believe of the tables.
PICK = """
SELECT party, user_id FROM (
    SELECT party_lane.party, party_lane.vtime, party_lane.turn, (
        SELECT user_lane.user_id FROM user_lane INDEXED BY user_lane_turn
        WHERE user_lane.backend = :backend AND user_lane.party = party_lane.party
            AND user_lane.queued > 0 AND user_lane.running < user_lane.most
            AND user_lane.running < :per_user
        ORDER BY user_lane.vtime, user_lane.turn LIMIT 1
    ) AS user_id
    FROM party_lane INDEXED BY party_lane_turn
    WHERE party_lane.backend = :backend AND party_lane.queued > 0
        AND party_lane.running < party_lane.most AND party_lane.running < :per_party
) WHERE user_id IS NOT NULL ORDER BY vtime, turn LIMIT 1
"""

TAKE = """
UPDATE job
SET state = 'submitting', attempt = attempt + 1, attempt_token = :token, lease_until = :lease_until
WHERE number = (
    SELECT number FROM job INDEXED BY job_turn
    WHERE state = 'queued' AND is_put_off = 0
        AND backend = :backend AND party = :party AND user_id = :user_id
    ORDER BY created_at, number LIMIT 1
)
RETURNING id
"""


class LostCountError(Exception):
    """A lane counts a queued job that there is not: the lanes must be recounted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimer:
    """Who claims, and until when; as in `JobStore.claim`."""

    backend: str
    token: str
    now: datetime
    lease_until: datetime


def claim(connection: sqlite3.Connection, claimer: Claimer, caps: Caps) -> JobId | None:
    """Take the next due job of a backend by turns and charge its lanes; None if there is none.

    Raises:
        LostCountError: A lane's count is wrong; roll nothing back, recount, and try again.
    """
    _call_back(connection, claimer.backend, now=claimer.now)
    if _is_full(connection, claimer.backend, caps):
        return None
    picked = connection.execute(
        PICK,
        {
            "backend": claimer.backend,
            "per_user": NO_CAP if caps.per_user is None else caps.per_user,
            "per_party": NO_CAP if caps.per_party is None else caps.per_party,
        },
    ).fetchone()
    if picked is None:
        return None
    values = {
        "backend": claimer.backend,
        "party": picked["party"],
        "user_id": picked["user_id"],
        "token": claimer.token,
        "lease_until": to_micros(claimer.lease_until),
    }
    taken = connection.execute(TAKE, values).fetchone()
    if taken is None:
        raise LostCountError
    _serve(connection, lanes.place_of(connection, JobId(taken["id"])))
    return JobId(taken["id"])


def _call_back(connection: sqlite3.Connection, backend: str, *, now: datetime) -> None:
    """Put jobs in line whose time has come, oldest first."""
    values = {"backend": backend, "now": to_micros(now)}
    due = connection.execute(CALL_BACK, values).fetchall()
    for number in sorted(row["number"] for row in due):
        row = connection.execute(lanes.SELECT_PLACE + "WHERE number = ?", (number,)).fetchone()
        lanes.get_in_line(connection, lanes.to_place(row), has_been_served=True)


def _is_full(connection: sqlite3.Connection, backend: str, caps: Caps) -> bool:
    if caps.per_backend is None:
        return False
    row = connection.execute(
        "SELECT running FROM backend_lane WHERE backend = ?", (backend,)
    ).fetchone()
    return row is not None and row["running"] >= caps.per_backend


def _serve(connection: sqlite3.Connection, place: Place) -> None:
    """Charge the lanes of a job that was just taken, and move the clocks on to their starts."""
    backend = lanes.backend_of(connection, place.backend)
    party, user = lanes.party_of(connection, place), lanes.user_of(connection, place)
    amount_us = fairness.charge_us(place.cost, backend["rate"])
    values = lanes.keys_of(place) | {
        "charged_us": amount_us,
        "backend_clock": max(backend["clock"], party["vtime"]),
        "party_clock": max(party["clock"], user["vtime"]),
        "party_vtime": fairness.charged(party["vtime"], amount_us, party["weight"]),
        "user_vtime": fairness.charged(user["vtime"], amount_us, user["weight"]),
    }
    for statement in (
        "UPDATE job SET charged_us = :charged_us WHERE number = :number",
        """
        UPDATE backend_lane SET running = running + 1, clock = :backend_clock
        WHERE backend = :backend
        """,
        """
        UPDATE party_lane SET queued = max(0, queued - 1), cost = max(0, cost - :cost),
            running = running + 1, vtime = :party_vtime, clock = :party_clock
        WHERE backend = :backend AND party = :party
        """,
        """
        UPDATE user_lane SET queued = max(0, queued - 1), cost = max(0, cost - :cost),
            running = running + 1, vtime = :user_vtime
        WHERE backend = :backend AND party = :party AND user_id = :user_id
        """,
    ):
        connection.execute(statement, values)
