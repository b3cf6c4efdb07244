-- What people may ask of their data: to have it deleted; and how long servers keep it.

ALTER TABLE guild ADD COLUMN retention_days INTEGER CHECK (retention_days > 0);

-- Whose data is to go; the row is written first and goes last, so a crash forgets no deletion.
CREATE TABLE erasure (
    user_id INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,  -- 0 is everywhere
    asked_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, guild_id)
) STRICT, WITHOUT ROWID;

-- Servers that took the bot out; what is theirs goes after a time of grace.
CREATE TABLE departure (
    guild_id INTEGER NOT NULL PRIMARY KEY,
    left_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Blocks of members whose data was deleted: a code stands for the member (storage/privacy/pseudonyms.py),
-- so that nobody ends a block by a deletion.
CREATE TABLE shut_out (
    guild_id INTEGER NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    by_user_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (guild_id, code)
) STRICT, WITHOUT ROWID;

-- The key of these codes; it never leaves this file.
INSERT OR IGNORE INTO value (name, value) VALUES ('privacy:key', lower(hex(randomblob(32))));

-- Which jobs show which image, and who stands in a job's story.
CREATE INDEX job_image ON job (json_extract(asked, '$.image'))
    WHERE json_extract(asked, '$.image') IS NOT NULL;
CREATE INDEX job_event_by ON job_event (job_id) WHERE instr(note, '"user:') > 0;

-- Append-only, but for `storage/privacy/deletion.py`: it puts a row here for the length of a transaction.
CREATE TABLE forgetting (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1)
) STRICT, WITHOUT ROWID;

DROP TRIGGER job_event_is_never_changed;
CREATE TRIGGER job_event_is_never_changed BEFORE UPDATE ON job_event
WHEN NOT EXISTS (SELECT 1 FROM forgetting) OR OLD.number <> NEW.number OR OLD.job_id <> NEW.job_id
    OR OLD.at <> NEW.at OR OLD.attempt <> NEW.attempt OR OLD.from_state IS NOT NEW.from_state
    OR OLD.to_state <> NEW.to_state
BEGIN
    SELECT RAISE(ABORT, 'job_event is append-only');
END;

DROP TRIGGER ledger_is_never_changed;
CREATE TRIGGER ledger_is_never_changed BEFORE UPDATE ON ledger
WHEN NOT EXISTS (SELECT 1 FROM forgetting) OR OLD.number <> NEW.number OR OLD.at <> NEW.at
    OR OLD.job_id IS NOT NEW.job_id OR OLD.window <> NEW.window OR OLD.unit <> NEW.unit
    OR OLD.kind <> NEW.kind OR OLD.used_delta <> NEW.used_delta
    OR OLD.reserved_delta <> NEW.reserved_delta
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

DROP TRIGGER ledger_is_never_shortened;
CREATE TRIGGER ledger_is_never_shortened BEFORE DELETE ON ledger
WHEN NOT EXISTS (SELECT 1 FROM forgetting)
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

DROP TRIGGER audit_is_never_changed;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
WHEN NOT EXISTS (SELECT 1 FROM forgetting) OR OLD.number <> NEW.number OR OLD.at <> NEW.at
    OR OLD.guild_id <> NEW.guild_id OR OLD.kind <> NEW.kind
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

DROP TRIGGER audit_is_never_shortened;
CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit
WHEN NOT EXISTS (SELECT 1 FROM forgetting)
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

DROP TRIGGER bonus_is_never_deleted;
CREATE TRIGGER bonus_is_never_deleted BEFORE DELETE ON bonus
WHEN NOT EXISTS (SELECT 1 FROM forgetting)
BEGIN
    SELECT RAISE(ABORT, 'the books name this extra');
END;
