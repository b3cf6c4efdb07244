"""What a deletion changes in tables that are otherwise append-only.

Their triggers let a transaction pass in which `forgetting` has its row; it is put there and taken
away here and nowhere else. Even then they let nobody change an amount, a time or a state.
"""

import re
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from storage.privacy.pseudonyms import former_account

GONE = -1  # stands for a moderator whose data was deleted; 0 is Flipbook itself
NOBODY = "somebody whose data was deleted"
SNOWFLAKE_DIGITS = 15  # Discord's ids are longer; a shorter number may mean anything

_MENTIONING_ACTS = """
SELECT number, actor_id, target, reason, before, after FROM audit
WHERE (:guild_id IS NULL OR guild_id = :guild_id) AND (
    actor_id = :user_id OR instr(target, :id) OR instr(reason, :id) OR instr(before, :id)
    OR instr(after, :id)
)
"""

_MENTIONING_NEWS = """
SELECT number, text FROM guild_news
WHERE (:guild_id IS NULL OR guild_id = :guild_id) AND instr(text, :id)
"""

_IN_STORIES = """
UPDATE job_event SET note = replace(note, '"user:' || :id || '"', '"somebody"')
WHERE number IN (
    SELECT job_event.number FROM job_event INDEXED BY job_event_by
        JOIN job ON job.id = job_event.job_id
    WHERE instr(job_event.note, '"user:') > 0
        AND instr(job_event.note, '"user:' || :id || '"') > 0
        AND (:guild_id IS NULL OR job.guild_id = :guild_id)
)
"""

_ACCOUNTS = """
SELECT DISTINCT account FROM bucket
WHERE (:guild_id IS NULL AND account GLOB 'guild:*/user:' || :id)
    OR account = 'guild:' || :guild_id || '/user:' || :id
"""

_MOVE_BUCKETS = """
INSERT INTO bucket (account, window, unit, used, reserved)
SELECT :after, window, unit, used, reserved FROM bucket WHERE account = :before
ON CONFLICT DO UPDATE SET
    used = used + excluded.used, reserved = reserved + excluded.reserved
"""


@contextmanager
def forgetting(connection: sqlite3.Connection) -> Generator[None]:
    """Let what is within change append-only tables; the caller is in a transaction."""
    connection.execute("INSERT INTO forgetting (one) VALUES (1)")
    yield
    connection.execute("DELETE FROM forgetting")


def forget_in_acts(connection: sqlite3.Connection, user_id: int, guild_id: int | None) -> None:
    """Take a person out of the audit and of the news; what was done stays."""
    values = _values(user_id, guild_id)
    for row in connection.execute(_MENTIONING_ACTS, values).fetchall():
        actor_id = GONE if row["actor_id"] == user_id else row["actor_id"]
        target = "member:0" if row["target"] == f"member:{user_id}" else row["target"]
        connection.execute(
            "UPDATE audit SET actor_id = ?, target = ?, reason = ?, before = ?, after = ? "
            "WHERE number = ?",
            (
                actor_id,
                target,
                *(without(row[name], user_id) for name in ("reason", "before", "after")),
                row["number"],
            ),
        )
    for row in connection.execute(_MENTIONING_NEWS, values).fetchall():
        connection.execute(
            "UPDATE guild_news SET text = ? WHERE number = ?",
            (without(row["text"], user_id), row["number"]),
        )


def forget_in_stories(connection: sqlite3.Connection, user_id: int, guild_id: int | None) -> None:
    """Take a person out of the stories of other people's jobs: a moderator who ended one."""
    connection.execute(_IN_STORIES, _values(user_id, guild_id))


def forget_accounts(connection: sqlite3.Connection, user_id: int, guild_id: int | None) -> None:
    """Rename a person's accounts in the books; every sum stays as it is."""
    rows = connection.execute(_ACCOUNTS, _values(user_id, guild_id)).fetchall()
    for row in rows:
        rename(connection, row["account"], former_account(connection, row["account"]))


def rename(connection: sqlite3.Connection, before: str, after: str) -> None:
    """Rename an account that no reservation names any more; where both were, they are one now."""
    values = {"before": before, "after": after}
    connection.execute(_MOVE_BUCKETS, values)
    connection.execute("DELETE FROM bucket WHERE account = :before", values)
    connection.execute("UPDATE ledger SET account = :after WHERE account = :before", values)


def without(text: str, user_id: int) -> str:
    """Return a text that names somebody without their id."""
    text = re.sub(rf"<@!?{user_id}>", NOBODY, text)
    if len(str(user_id)) < SNOWFLAKE_DIGITS:
        return text
    return re.sub(rf"(?<!\d){user_id}(?!\d)", NOBODY, text)


def _values(user_id: int, guild_id: int | None) -> Mapping[str, object]:
    return {"user_id": user_id, "id": str(user_id), "guild_id": guild_id}
