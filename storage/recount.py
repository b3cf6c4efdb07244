"""Counts the lanes anew from the jobs: the jobs are the truth, the lanes only know it by heart.

It also measures how fast the backends are, and sweeps away lanes that nobody needs to remember.
"""

import sqlite3
from collections.abc import Sequence

from jobs.estimate import median_rate
from jobs.fairness import LaneDrift
from storage import lists

_USERS = """
WITH line AS (
    SELECT backend, party, user_id, COUNT(*) AS queued, SUM(cost) AS cost, MIN(number) AS turn
    FROM job INDEXED BY job_turn WHERE state = 'queued' AND is_put_off = 0
    GROUP BY backend, party, user_id
), work AS (
    SELECT backend, party, user_id, COUNT(*) AS running FROM job INDEXED BY job_active
    WHERE state IN ('submitting', 'running', 'fetching', 'ready', 'delivering')
        AND state IN ('submitting', 'running')
    GROUP BY backend, party, user_id
), place AS (
    SELECT backend, party, user_id FROM line
    UNION SELECT backend, party, user_id FROM work
    UNION SELECT backend, party, user_id FROM user_lane
)
SELECT backend, party, user_id, coalesce(line.turn, 0) AS turn,
    coalesce(user_lane.queued, 0) AS queued, coalesce(user_lane.cost, 0) AS cost,
    coalesce(user_lane.running, 0) AS running, coalesce(line.queued, 0) AS true_queued,
    coalesce(line.cost, 0) AS true_cost, coalesce(work.running, 0) AS true_running
FROM place LEFT JOIN user_lane USING (backend, party, user_id)
    LEFT JOIN line USING (backend, party, user_id) LEFT JOIN work USING (backend, party, user_id)
WHERE (coalesce(user_lane.queued, 0), coalesce(user_lane.cost, 0), coalesce(user_lane.running, 0))
    <> (coalesce(line.queued, 0), coalesce(line.cost, 0), coalesce(work.running, 0))
"""

_MEND_USER = """
INSERT INTO user_lane (backend, party, user_id, queued, cost, running, turn, vtime)
VALUES (:backend, :party, :user_id, :true_queued, :true_cost, :true_running, :turn, coalesce(
    (SELECT clock FROM party_lane WHERE backend = :backend AND party = :party), 0
))
ON CONFLICT DO UPDATE SET
    vtime = CASE queued WHEN 0 THEN max(vtime, excluded.vtime) ELSE vtime END,
    turn = CASE queued WHEN 0 THEN excluded.turn ELSE turn END,
    queued = excluded.queued, cost = excluded.cost, running = excluded.running
"""

_PARTIES = """
WITH counted AS (
    SELECT backend, party, SUM(queued) AS queued, SUM(cost) AS cost, SUM(running) AS running,
        MIN(CASE WHEN queued > 0 THEN turn END) AS turn
    FROM user_lane GROUP BY backend, party
), place AS (
    SELECT backend, party FROM counted UNION SELECT backend, party FROM party_lane
)
SELECT backend, party, NULL AS user_id, coalesce(counted.turn, 0) AS turn,
    coalesce(party_lane.queued, 0) AS queued, coalesce(party_lane.cost, 0) AS cost,
    coalesce(party_lane.running, 0) AS running, coalesce(counted.queued, 0) AS true_queued,
    coalesce(counted.cost, 0) AS true_cost, coalesce(counted.running, 0) AS true_running
FROM place LEFT JOIN party_lane USING (backend, party) LEFT JOIN counted USING (backend, party)
WHERE (
    coalesce(party_lane.queued, 0), coalesce(party_lane.cost, 0), coalesce(party_lane.running, 0)
) <> (coalesce(counted.queued, 0), coalesce(counted.cost, 0), coalesce(counted.running, 0))
"""

_MEND_PARTY = """
INSERT INTO party_lane (backend, party, queued, cost, running, turn, vtime)
VALUES (:backend, :party, :true_queued, :true_cost, :true_running, :turn, coalesce(
    (SELECT clock FROM backend_lane WHERE backend = :backend), 0
))
ON CONFLICT DO UPDATE SET
    vtime = CASE queued WHEN 0 THEN max(vtime, excluded.vtime) ELSE vtime END,
    turn = CASE queued WHEN 0 THEN excluded.turn ELSE turn END,
    queued = excluded.queued, cost = excluded.cost, running = excluded.running
"""

_BACKENDS = """
WITH counted AS (SELECT backend, SUM(running) AS running FROM party_lane GROUP BY backend)
SELECT backend, NULL AS party, NULL AS user_id, 0 AS queued, 0 AS cost,
    coalesce(backend_lane.running, 0) AS running, 0 AS true_queued, 0 AS true_cost,
    counted.running AS true_running
FROM counted LEFT JOIN backend_lane USING (backend)
WHERE backend_lane.running IS NULL OR backend_lane.running <> counted.running
"""

_MEND_BACKEND = """
INSERT INTO backend_lane (backend, running) VALUES (:backend, :true_running)
ON CONFLICT DO UPDATE SET running = excluded.running
"""

# The busy period is over: whoever comes next starts level, whatever was owed (the source's
# second rule, see jobs/fairness.py).
_REST = """
UPDATE backend_lane SET clock = max(clock, coalesce(
    (SELECT MAX(vtime) FROM party_lane WHERE party_lane.backend = backend_lane.backend), 0
))
WHERE NOT EXISTS (
    SELECT 1 FROM party_lane
    WHERE party_lane.backend = backend_lane.backend AND (queued > 0 OR running > 0)
)
"""

# A lane that waits for nothing and owes nothing is as good as a new one; its weight and its cap
# come with the next job.
_SWEEP_USERS = """
DELETE FROM user_lane WHERE queued = 0 AND running = 0 AND EXISTS (
    SELECT 1 FROM party_lane JOIN backend_lane USING (backend)
    WHERE party_lane.backend = user_lane.backend AND party_lane.party = user_lane.party
        AND (user_lane.vtime <= party_lane.clock OR (
            party_lane.queued = 0 AND party_lane.running = 0
            AND party_lane.vtime <= backend_lane.clock
        ))
)
"""

_SWEEP_PARTIES = """
DELETE FROM party_lane WHERE queued = 0 AND running = 0
    AND vtime <= (SELECT clock FROM backend_lane WHERE backend_lane.backend = party_lane.backend)
    AND NOT EXISTS (
        SELECT 1 FROM user_lane
        WHERE user_lane.backend = party_lane.backend AND user_lane.party = party_lane.party
    )
"""


def recount(connection: sqlite3.Connection) -> Sequence[LaneDrift]:
    """Mend every count that differs from the jobs, and return what it was."""
    drifts = [
        *_mend(connection, _USERS, _MEND_USER),
        *_mend(connection, _PARTIES, _MEND_PARTY),
        *_mend(connection, _BACKENDS, _MEND_BACKEND),
    ]
    for statement in (_REST, _SWEEP_USERS, _SWEEP_PARTIES):
        connection.execute(statement)
    _measure(connection)
    return drifts


def _mend(connection: sqlite3.Connection, question: str, cure: str) -> Sequence[LaneDrift]:
    found = connection.execute(question).fetchall()
    for row in found:
        connection.execute(cure, dict(row))
    return [
        LaneDrift(
            backend=row["backend"],
            party=row["party"],
            user_id=row["user_id"],
            told=(row["queued"], row["cost"], row["running"]),
            counted=(row["true_queued"], row["true_cost"], row["true_running"]),
        )
        for row in found
    ]


def _measure(connection: sqlite3.Connection) -> None:
    """Note how fast each backend has been, for the charges of the next claims."""
    for row in connection.execute("SELECT backend FROM backend_lane").fetchall():
        rate = median_rate(lists.rates(connection, row["backend"], limit=50))
        if rate is not None and rate > 0:
            connection.execute(
                "UPDATE backend_lane SET rate = ? WHERE backend = ?", (rate, row["backend"])
            )
