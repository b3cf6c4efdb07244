-- Appeals against refused prompts, and how outcomes reach those who brought a case.
-- Times are integers: microseconds since 1970-01-01 in UTC.

-- Prompts that a server's rules refused, for a day: a button names one, so that it can be appealed.
CREATE TABLE refused_prompt (
    number INTEGER PRIMARY KEY,  -- by chance, so that none is given twice: a button holds it
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    prompt TEXT NOT NULL,
    digest TEXT NOT NULL,  -- of the prompt as rules compare it
    rules TEXT NOT NULL,  -- their names, as JSON
    expires_at INTEGER NOT NULL,
    UNIQUE (guild_id, user_id, digest, rules)
) STRICT;
CREATE INDEX refused_prompt_expired ON refused_prompt (expires_at);

-- What an accepted appeal lets through: one prompt of one member, past these rules.
CREATE TABLE policy_pass (
    guild_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    digest TEXT NOT NULL,
    rules TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (guild_id, user_id, digest, rules)
) STRICT, WITHOUT ROWID;
CREATE INDEX policy_pass_expired ON policy_pass (expires_at);

ALTER TABLE mod_case ADD COLUMN rules TEXT NOT NULL DEFAULT '[]';  -- that refused the prompt
-- The interaction that brought it can be answered with this for some minutes.
ALTER TABLE mod_case ADD COLUMN token TEXT;
ALTER TABLE mod_case ADD COLUMN token_expires_at INTEGER;
ALTER TABLE mod_case ADD COLUMN wants_dm INTEGER NOT NULL DEFAULT 0 CHECK (wants_dm IN (0, 1));
CREATE INDEX mod_case_to_tell ON mod_case (decided_at)
    WHERE state <> 'open' AND told_at IS NULL AND (token IS NOT NULL OR wants_dm = 1);
CREATE INDEX mod_case_member ON mod_case (guild_id, user_id, number);
