-- The HTTP door: who may use it, and what its callers are still to be told.

CREATE TABLE api_key (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL UNIQUE,  -- SHA-256; the key itself is kept nowhere
    created_at INTEGER NOT NULL,
    requests_per_minute INTEGER CHECK (requests_per_minute > 0),
    revoked_at INTEGER
) STRICT;

-- A revoked key keeps its row: jobs and books name it.
CREATE TRIGGER api_key_is_never_deleted BEFORE DELETE ON api_key
BEGIN
    SELECT RAISE(ABORT, 'jobs and books name this key');
END;

-- Webhooks to be sent: one for the end of each job that asked for it. A try is counted before it is
-- made, so however often a process dies, nobody is told more often than the tries allow.
CREATE TABLE callback (
    number INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL UNIQUE,  -- the same for every try, so a receiver knows it again
    job_id TEXT UNIQUE REFERENCES job (id) ON DELETE CASCADE,  -- NULL: a mock event
    host TEXT NOT NULL,  -- one receiver is told one thing at a time
    url TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    due_at INTEGER,  -- NULL: told, or given up
    outcome TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE INDEX callback_due ON callback (host, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX job_waiting_key ON job (party) WHERE state = 'queued' AND user_id = 0;
