-- What members report and appeal, and the videos that moderators removed.
-- Times are integers: microseconds since 1970-01-01 in UTC.

CREATE TABLE mod_case (
    guild_id INTEGER NOT NULL,
    number INTEGER NOT NULL,  -- the server's own count
    kind TEXT NOT NULL CHECK (kind IN ('report', 'appeal')),
    user_id INTEGER NOT NULL,  -- who reports or appeals
    member_id INTEGER NOT NULL,  -- whom it is about
    cause TEXT NOT NULL,  -- `job:ID` or `block:TIME`
    about TEXT NOT NULL,  -- the video's prompt, or why the member is blocked
    link TEXT NOT NULL,
    reason TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'denied')),
    decided_by INTEGER,
    decided_at INTEGER,
    told_at INTEGER,  -- when the outcome reached whom it was for
    PRIMARY KEY (guild_id, number),
    CHECK ((state = 'open') = (decided_at IS NULL))
) STRICT, WITHOUT ROWID;

-- Nobody asks for the same twice, unless it was granted and came up anew.
CREATE UNIQUE INDEX mod_case_once ON mod_case (guild_id, user_id, cause)
    WHERE state <> 'accepted';
CREATE INDEX mod_case_open ON mod_case (guild_id, number) WHERE state = 'open';
CREATE INDEX mod_case_open_member ON mod_case (guild_id, user_id, kind) WHERE state = 'open';
CREATE INDEX mod_case_open_cause ON mod_case (guild_id, cause) WHERE state = 'open';
CREATE INDEX mod_case_untold ON mod_case (guild_id, user_id)
    WHERE state <> 'open' AND told_at IS NULL;

-- A number is given once, also where cases were deleted.
CREATE TABLE case_count (
    guild_id INTEGER NOT NULL PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE job ADD COLUMN removed_at INTEGER;
-- Its message and its file are gone, too.
ALTER TABLE job ADD COLUMN is_taken_down INTEGER NOT NULL DEFAULT 0
    CHECK (is_taken_down IN (0, 1));
CREATE INDEX job_to_take_down ON job (removed_at)
    WHERE removed_at IS NOT NULL AND is_taken_down = 0;
