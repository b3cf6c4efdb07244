"""A queued job's place in the order of turns; counts lanes, not the jobs in them."""

import sqlite3

from jobs import fairness
from jobs.model import JobId

_MINE = """
SELECT job.backend, job.party, job.user_id, job.created_at, job.number,
    coalesce(backend_lane.rate, :default_rate) AS rate,
    party_lane.vtime AS party_vtime, party_lane.turn AS party_turn,
    party_lane.weight AS party_weight, user_lane.vtime AS user_vtime,
    user_lane.turn AS user_turn, user_lane.weight AS user_weight
FROM job JOIN backend_lane USING (backend) JOIN party_lane USING (backend, party)
    JOIN user_lane USING (backend, party, user_id)
WHERE job.id = :id AND job.state = 'queued'
"""

_OWN = """
SELECT COUNT(*) AS number, coalesce(SUM(cost), 0) AS cost FROM job INDEXED BY job_turn
WHERE state = 'queued' AND is_put_off = 0
    AND backend = :backend AND party = :party AND user_id = :user_id
    AND (created_at, number) < (:created_at, :number)
"""

# Of each lane whose turn comes earlier: how many of its jobs start before `:start`, if they all
# cost the same. At the same virtual time the lane that woke first wins.
_FIRST = """
SELECT coalesce(SUM(jobs), 0) AS number,
    coalesce(SUM(CASE jobs WHEN queued THEN cost ELSE jobs * (cost / queued) END), 0) AS cost
FROM (
    SELECT queued, cost, min(queued, (:start - vtime + step - 1) / step
        + ((:start - vtime) % step = 0 AND turn < :turn)) AS jobs
    FROM (
        SELECT vtime, turn, queued, cost,
            max(1, CAST(max(1, cost / queued * :rate * 1e6) / weight AS INTEGER)) AS step
        FROM {lanes}
    )
)
"""

_MEMBERS = _FIRST.format(
    lanes="""user_lane INDEXED BY user_lane_waiting WHERE queued > 0 AND backend = :backend
            AND party = :party AND vtime <= :start AND user_id <> :user_id"""
)

_PARTIES = _FIRST.format(
    lanes="""party_lane INDEXED BY party_lane_waiting WHERE queued > 0 AND backend = :backend
            AND vtime <= :start AND party <> :party"""
)

_AT_WORK = """
SELECT COUNT(*) AS number, coalesce(SUM(cost), 0) AS cost FROM job INDEXED BY job_active
WHERE state IN ('submitting', 'running', 'fetching', 'ready', 'delivering')
    AND state IN ('submitting', 'running') AND backend = :backend
"""


def ahead_of(connection: sqlite3.Connection, job_id: JobId) -> tuple[int, int]:
    """Count the renders under way and those whose turn comes before a queued job's; sum their cost.

    Nobody can know who else will ask, so this is the order as it stands now: exact if the jobs
    of a lane cost the same and take what is estimated.
    """
    mine = connection.execute(
        _MINE, {"id": job_id, "default_rate": fairness.DEFAULT_RATE}
    ).fetchone()
    if mine is None:
        return 0, 0
    values: dict[str, object] = dict(mine)
    number, cost = _counted(connection, _OWN, values)
    for question, level in ((_MEMBERS, "user"), (_PARTIES, "party")):
        start = _start(mine[f"{level}_vtime"], cost, mine["rate"], mine[f"{level}_weight"])
        turn: int = mine[f"{level}_turn"]
        more, more_cost = _counted(connection, question, values | {"start": start, "turn": turn})
        number, cost = number + more, cost + more_cost
    at_work, at_work_cost = _counted(connection, _AT_WORK, values)
    return number + at_work, cost + at_work_cost


def _start(vtime: int, cost: int, rate: float, weight: float) -> int:
    """Return the virtual time of a lane once what is before a job in it was served."""
    return vtime if cost == 0 else fairness.charged(vtime, fairness.charge_us(cost, rate), weight)


def _counted(
    connection: sqlite3.Connection, question: str, values: dict[str, object]
) -> tuple[int, int]:
    row = connection.execute(question, values).fetchone()
    return row["number"], row["cost"]
