-- Webhooks that came in, and the attempts that they can be about.

-- Every token that was ever drawn for a job, so that a letter about an earlier attempt is known.
CREATE TABLE attempt (
    token TEXT NOT NULL PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    attempt INTEGER NOT NULL,
    backend TEXT NOT NULL,  -- where it was made: a job may move to another one
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX attempt_job ON attempt (job_id);

INSERT OR IGNORE INTO attempt (token, job_id, attempt, backend, at)
SELECT attempt_token, id, attempt, backend, created_at FROM job WHERE attempt_token IS NOT NULL;

CREATE TABLE letter (
    number INTEGER PRIMARY KEY,  -- the order of arrival
    token TEXT NOT NULL REFERENCES attempt (token) ON DELETE CASCADE,
    digest BLOB NOT NULL,  -- sha256 of the body
    body BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    read_at INTEGER,
    UNIQUE (token, digest)
) STRICT;

CREATE INDEX letter_unread ON letter (number) WHERE read_at IS NULL;

CREATE INDEX job_made_as ON job (backend, provider_job_id) WHERE provider_job_id IS NOT NULL;

CREATE INDEX job_unconfirmed ON job (guild_id, number) WHERE state = 'unconfirmed';
