-- What prompts may not hold, by server; and jobs that wait until a moderator has looked at them.

CREATE TABLE policy_rule (
    number INTEGER PRIMARY KEY,  -- by which moderators name it
    guild_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('word', 'phrase', 'regex')),
    text TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('flag', 'hold', 'refuse')),
    reason TEXT NOT NULL,
    by_user_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (guild_id, kind, text)
) STRICT;

-- A held job is queued and put off, with no time at which it is due: it is in no lane, and no claim
-- finds it. Its reservation stays open until somebody decides, or until `held_until`.
ALTER TABLE job ADD COLUMN held_until INTEGER;
ALTER TABLE job ADD COLUMN held_for TEXT NOT NULL DEFAULT '';  -- what a moderator should look at
CREATE INDEX job_held ON job (guild_id, number) WHERE state = 'queued' AND held_until IS NOT NULL;
CREATE INDEX job_held_until ON job (held_until)
    WHERE state = 'queued' AND held_until IS NOT NULL;
