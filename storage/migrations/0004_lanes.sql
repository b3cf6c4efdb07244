-- Whose turn it is: lanes of parties (a server, an API key) and of their members, per backend.
-- Virtual times are microseconds per unit of weight (jobs/fairness.py).

ALTER TABLE job ADD COLUMN party TEXT NOT NULL DEFAULT 'guild:0';
-- In the queue, but not in line before its `due_at`; the claim that finds it due puts it in line.
ALTER TABLE job ADD COLUMN is_put_off INTEGER NOT NULL DEFAULT 0 CHECK (is_put_off IN (0, 1));
ALTER TABLE job ADD COLUMN charged_us INTEGER NOT NULL DEFAULT 0;  -- what its lanes were charged

UPDATE job SET party = 'guild:' || guild_id;
UPDATE job SET is_put_off = 1 WHERE state = 'queued' AND due_at IS NOT NULL;

DROP INDEX job_queue;
ALTER TABLE job DROP COLUMN ready_at;
CREATE INDEX job_turn ON job (backend, party, user_id, created_at, number, cost)
    WHERE state = 'queued' AND is_put_off = 0;
CREATE INDEX job_put_off ON job (backend, due_at) WHERE state = 'queued' AND is_put_off = 1;

CREATE TABLE backend_lane (
    backend TEXT NOT NULL PRIMARY KEY,
    running INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
    clock INTEGER NOT NULL DEFAULT 0,  -- the largest virtual time of a party that was served
    rate REAL CHECK (rate > 0)  -- seconds per unit of cost; NULL: not measured yet
) STRICT, WITHOUT ROWID;

CREATE TABLE party_lane (
    backend TEXT NOT NULL,
    party TEXT NOT NULL,
    weight REAL NOT NULL DEFAULT 1 CHECK (weight > 0),
    queued INTEGER NOT NULL DEFAULT 0 CHECK (queued >= 0),
    cost INTEGER NOT NULL DEFAULT 0 CHECK (cost >= 0),  -- of what is queued
    running INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
    vtime INTEGER NOT NULL DEFAULT 0,
    turn INTEGER NOT NULL DEFAULT 0,  -- the number of the job that woke it: breaks ties
    clock INTEGER NOT NULL DEFAULT 0,  -- the largest virtual time of a member that was served
    PRIMARY KEY (backend, party)
) STRICT, WITHOUT ROWID;

CREATE TABLE user_lane (
    backend TEXT NOT NULL,
    party TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    weight REAL NOT NULL DEFAULT 1 CHECK (weight > 0),
    queued INTEGER NOT NULL DEFAULT 0 CHECK (queued >= 0),
    cost INTEGER NOT NULL DEFAULT 0 CHECK (cost >= 0),
    running INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
    vtime INTEGER NOT NULL DEFAULT 0,
    turn INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (backend, party, user_id)
) STRICT, WITHOUT ROWID;

-- Only lanes that wait are in these, so a claim never walks past those that do not.
CREATE INDEX party_lane_turn ON party_lane (backend, vtime, turn) WHERE queued > 0;
CREATE INDEX user_lane_turn ON user_lane (backend, party, vtime, turn) WHERE queued > 0;

INSERT INTO user_lane (backend, party, user_id, queued, cost, running, turn)
SELECT backend, party, user_id, SUM(state = 'queued'),
    SUM(CASE WHEN state = 'queued' THEN cost ELSE 0 END), SUM(state <> 'queued'), MIN(number)
FROM job WHERE state IN ('queued', 'submitting', 'running') AND is_put_off = 0
GROUP BY backend, party, user_id;

INSERT INTO party_lane (backend, party, queued, cost, running, turn)
SELECT backend, party, SUM(queued), SUM(cost), SUM(running), MIN(turn)
FROM user_lane GROUP BY backend, party;

INSERT INTO backend_lane (backend, running)
SELECT backend, SUM(running) FROM party_lane GROUP BY backend;
