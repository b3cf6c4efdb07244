-- Jobs, their events, the books that are written with them, and single values.
-- Times are integers: microseconds since 1970-01-01 in UTC. JSON is text.

CREATE TABLE job (
    number INTEGER PRIMARY KEY,  -- the order of arrival
    id TEXT NOT NULL UNIQUE,
    origin TEXT NOT NULL,
    origin_key TEXT NOT NULL,
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    backend TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN (
        'queued', 'submitting', 'running', 'fetching', 'ready', 'delivering',
        'done', 'failed', 'cancelled', 'undelivered', 'unconfirmed'
    )),
    attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    attempt_token TEXT,
    setbacks INTEGER NOT NULL DEFAULT 0 CHECK (setbacks >= 0),
    lease_until INTEGER,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    created_at INTEGER NOT NULL,
    due_at INTEGER,
    ready_at INTEGER NOT NULL GENERATED ALWAYS AS (coalesce(due_at, created_at)) VIRTUAL,
    started_at INTEGER,
    rendered_at INTEGER,
    ended_at INTEGER,
    cost INTEGER NOT NULL CHECK (cost >= 0),
    estimate_s REAL,
    provider_job_id TEXT,
    endpoint TEXT,
    card_id INTEGER,
    card_is_shown INTEGER NOT NULL DEFAULT 0 CHECK (card_is_shown IN (0, 1)),  -- its last state
    message_id INTEGER,
    parent_id TEXT,
    address TEXT NOT NULL,
    asked TEXT NOT NULL,
    request TEXT NOT NULL,
    warnings TEXT NOT NULL,
    receipt TEXT,
    artifact TEXT,
    failure TEXT,
    UNIQUE (origin, origin_key),
    CHECK ((ended_at IS NOT NULL) = (state IN ('done', 'failed', 'cancelled', 'undelivered')))
) STRICT;

-- Each index is partial, so finished jobs cost a claim nothing, however many there are.
CREATE INDEX job_queue ON job (backend, ready_at, number, cost) WHERE state = 'queued';
CREATE INDEX job_active ON job (backend, state)
    WHERE state IN ('submitting', 'running', 'fetching', 'ready', 'delivering');
CREATE INDEX job_open ON job (guild_id, user_id) WHERE ended_at IS NULL;
CREATE INDEX job_ended ON job (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX job_ended_guild ON job (guild_id, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX job_ended_user ON job (user_id, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX job_stale_card ON job (ended_at) WHERE ended_at IS NOT NULL AND card_is_shown = 0;
CREATE INDEX job_rendered ON job (backend, rendered_at) WHERE state IN ('done', 'undelivered');

CREATE TABLE job_event (
    number INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    from_state TEXT,  -- NULL for the first one
    to_state TEXT NOT NULL,
    note TEXT NOT NULL
) STRICT;

CREATE INDEX job_event_job ON job_event (job_id);

CREATE TRIGGER job_event_is_never_changed BEFORE UPDATE ON job_event
BEGIN
    SELECT RAISE(ABORT, 'job_event is append-only');
END;

-- An event goes only together with its job: by then the job's row is gone.
CREATE TRIGGER job_event_goes_with_its_job BEFORE DELETE ON job_event
WHEN EXISTS (SELECT 1 FROM job WHERE id = OLD.job_id)
BEGIN
    SELECT RAISE(ABORT, 'job_event is append-only');
END;

CREATE TABLE bucket (
    account TEXT NOT NULL,
    window TEXT NOT NULL,
    unit TEXT NOT NULL CHECK (unit IN ('videos', 'video_ms', 'money_micros')),
    used INTEGER NOT NULL DEFAULT 0 CHECK (used >= 0),
    -- No CHECK against a limit: a moderator may lower it below what is used.
    reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    PRIMARY KEY (account, window, unit)
) STRICT, WITHOUT ROWID;

CREATE TABLE reservation (
    job_id TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    account TEXT NOT NULL,
    window TEXT NOT NULL,
    unit TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount >= 0),
    state TEXT NOT NULL CHECK (state IN ('open', 'commit', 'release')),
    PRIMARY KEY (job_id, account, window, unit),
    FOREIGN KEY (account, window, unit) REFERENCES bucket (account, window, unit)
) STRICT, WITHOUT ROWID;

CREATE INDEX reservation_open ON reservation (account, window, unit) WHERE state = 'open';

CREATE TRIGGER reservation_settles_before_it_goes BEFORE DELETE ON reservation
WHEN OLD.state = 'open'
BEGIN
    SELECT RAISE(ABORT, 'an open reservation may not be deleted');
END;

CREATE TRIGGER reservation_settles_once BEFORE UPDATE ON reservation
WHEN OLD.state <> 'open' OR NEW.state = 'open' OR NEW.amount <> OLD.amount
BEGIN
    SELECT RAISE(ABORT, 'a reservation settles once');
END;

CREATE TABLE ledger (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    job_id TEXT NOT NULL,  -- outlives its job
    account TEXT NOT NULL,
    window TEXT NOT NULL,
    unit TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('reserve', 'commit', 'release')),
    used_delta INTEGER NOT NULL,
    reserved_delta INTEGER NOT NULL,
    CHECK (CASE kind
        WHEN 'reserve' THEN used_delta = 0 AND reserved_delta >= 0
        WHEN 'commit' THEN reserved_delta <= 0 AND used_delta = -reserved_delta
        ELSE reserved_delta <= 0 AND used_delta = 0
    END)
) STRICT;

CREATE TRIGGER ledger_is_never_changed BEFORE UPDATE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

CREATE TRIGGER ledger_is_never_shortened BEFORE DELETE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

CREATE TABLE value (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
