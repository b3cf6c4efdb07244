-- Who may make how much, whom moderators keep out, what managers set, and what they all did.

ALTER TABLE job ADD COLUMN roles TEXT NOT NULL DEFAULT '[]';  -- the member's, when they asked
CREATE INDEX job_waiting ON job (guild_id, user_id) WHERE state = 'queued';

-- Limits by server: `member:5`, `role:6`, `everyone`, or the whole `server`.
CREATE TABLE quota_rule (
    guild_id INTEGER NOT NULL,
    target TEXT NOT NULL,
    setting TEXT NOT NULL,
    value TEXT NOT NULL,  -- JSON: a number, a list of ids, or null for unlimited
    PRIMARY KEY (guild_id, target, setting)
) STRICT, WITHOUT ROWID;

-- Extras: what is used of one is booked on the account `bonus:number`.
CREATE TABLE bonus (
    number INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    unit TEXT NOT NULL CHECK (unit IN ('videos', 'video_ms', 'money_micros')),
    amount INTEGER NOT NULL CHECK (amount > 0),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    ended_at INTEGER,  -- taken back by a moderator
    by_user_id INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;

CREATE INDEX bonus_member ON bonus (guild_id, user_id);

CREATE TRIGGER bonus_is_never_deleted BEFORE DELETE ON bonus
BEGIN
    SELECT RAISE(ABORT, 'the books name this extra');
END;

CREATE TABLE block (
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    by_user_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (guild_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE guild (
    guild_id INTEGER NOT NULL PRIMARY KEY,
    channels TEXT NOT NULL DEFAULT '[]',
    log_channel_id INTEGER,
    default_provider TEXT,
    default_model TEXT,
    moderator_permission TEXT NOT NULL DEFAULT 'manage_messages',
    moderator_roles TEXT NOT NULL DEFAULT '[]'
) STRICT, WITHOUT ROWID;

-- What goes to log channels; `key` keeps a warning from being told twice.
CREATE TABLE guild_news (
    number INTEGER PRIMARY KEY,
    guild_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    key TEXT NOT NULL,
    text TEXT NOT NULL,
    sent_at INTEGER,
    UNIQUE (guild_id, key)
) STRICT;

CREATE INDEX guild_news_unsent ON guild_news (number) WHERE sent_at IS NULL;

CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    guild_id INTEGER NOT NULL,
    actor_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    target TEXT NOT NULL,
    reason TEXT NOT NULL,
    before TEXT NOT NULL,  -- JSON: names and words
    after TEXT NOT NULL
) STRICT;

CREATE INDEX audit_guild ON audit (guild_id, number);
CREATE INDEX audit_target ON audit (guild_id, target, number);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only');
END;

-- A charge stands in the member's books and in the server's; a refund stays on its side.
ALTER TABLE reservation ADD COLUMN side TEXT NOT NULL DEFAULT 'member'
    CHECK (side IN ('member', 'server'));

-- The ledger learns a kind: what a moderator gives back that no job holds.
CREATE TABLE new_ledger (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    job_id TEXT,  -- outlives its job; NULL for what is no job's
    account TEXT NOT NULL,
    window TEXT NOT NULL,
    unit TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('reserve', 'commit', 'release', 'adjust')),
    used_delta INTEGER NOT NULL,
    reserved_delta INTEGER NOT NULL,
    CHECK (CASE kind
        WHEN 'reserve' THEN used_delta = 0 AND reserved_delta >= 0
        WHEN 'commit' THEN reserved_delta <= 0 AND used_delta = -reserved_delta
        WHEN 'release' THEN reserved_delta <= 0 AND used_delta = 0
        ELSE reserved_delta = 0
    END),
    CHECK ((kind = 'adjust') = (job_id IS NULL))
) STRICT;

INSERT INTO new_ledger SELECT * FROM ledger;
DROP TABLE ledger;
ALTER TABLE new_ledger RENAME TO ledger;
CREATE INDEX ledger_account ON ledger (account, number);

CREATE TRIGGER ledger_is_never_changed BEFORE UPDATE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

CREATE TRIGGER ledger_is_never_shortened BEFORE DELETE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

-- How many renders a lane may have under way; a lane at its cap is in no index of turns.
ALTER TABLE party_lane ADD COLUMN most INTEGER NOT NULL DEFAULT 4611686018427387904
    CHECK (most >= 0);
ALTER TABLE user_lane ADD COLUMN most INTEGER NOT NULL DEFAULT 4611686018427387904
    CHECK (most >= 0);
DROP INDEX party_lane_turn;
DROP INDEX user_lane_turn;
CREATE INDEX party_lane_turn ON party_lane (backend, vtime, turn)
    WHERE queued > 0 AND running < most;
CREATE INDEX user_lane_turn ON user_lane (backend, party, vtime, turn)
    WHERE queued > 0 AND running < most;
CREATE INDEX party_lane_waiting ON party_lane (backend, vtime, turn) WHERE queued > 0;
CREATE INDEX user_lane_waiting ON user_lane (backend, party, vtime, turn) WHERE queued > 0;
