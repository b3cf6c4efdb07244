"""Deletes what is stored about a person, and anonymises what has to stay.

What goes: jobs with all that hangs on them, requests. What stays without the person: the books'
sums under a code, moderators' acts without the id, extras that nobody has, a block under a code
until it ends, and limits that moderators set for the person, under a code until they clear them.
A table that gets a column about people gets its statement here; the property test in
tests/storage/test_privacy.py looks through every table for ids that are left.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from jobs.model import JobId
from jobs.privacy.records import AccountRecord, Erasure, Holdings, JobRecord, Remains, Whose
from storage.database import Database
from storage.privacy import holdings
from storage.privacy.forgetting import (
    GONE,
    forget_accounts,
    forget_in_acts,
    forget_in_stories,
    forgetting,
)
from storage.privacy.pseudonyms import code_of, former_target
from storage.times import from_micros, to_micros

EVERYWHERE = 0

# A removed video's message is taken down first: without its row nobody would know of it.
ENDED = """
SELECT id FROM job INDEXED BY job_ended_user
WHERE ended_at IS NOT NULL AND user_id = :user_id AND (removed_at IS NULL OR is_taken_down)
    AND (:guild_id IS NULL OR guild_id = :guild_id)
ORDER BY ended_at LIMIT :limit
"""

OPEN = """
SELECT id FROM job INDEXED BY job_open
WHERE ended_at IS NULL AND user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
"""

REMAINS = """
SELECT id, json_extract(artifact, '$.name') AS file, json_extract(asked, '$.image') AS image
FROM job WHERE id IN (SELECT value FROM json_each(:ids))
"""

DELETE_JOBS = "DELETE FROM job WHERE id IN (SELECT value FROM json_each(:ids))"

KNOWN_IMAGES = """
SELECT DISTINCT json_extract(asked, '$.image') AS image FROM job INDEXED BY job_image
WHERE json_extract(asked, '$.image') IS NOT NULL
    AND json_extract(asked, '$.image') IN (SELECT value FROM json_each(?))
"""

# `:guild_id` is NULL for everywhere. Counts of lanes go only where nobody waits. The books name an
# extra by its number, so it stays, and nobody has it. A report about somebody stays for those who
# decide it, without the person; a report by somebody is theirs, and goes.
_DELETIONS = (
    """
    DELETE FROM user_lane WHERE user_id = :user_id AND queued = 0 AND running = 0
        AND (:guild_id IS NULL OR party = 'guild:' || :guild_id)
    """,
    """
    DELETE FROM block WHERE user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    """
    UPDATE block SET by_user_id = :gone
    WHERE by_user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    """
    UPDATE shut_out SET by_user_id = :gone
    WHERE by_user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    """
    UPDATE bonus SET ended_at = coalesce(ended_at, :now), user_id = 0, reason = ''
    WHERE user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    """
    UPDATE bonus SET by_user_id = :gone
    WHERE by_user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    """
    UPDATE policy_rule SET by_user_id = :gone
    WHERE by_user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    """
    DELETE FROM mod_case WHERE user_id = :user_id
        AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    """
    UPDATE mod_case SET member_id = 0, about = ''
    WHERE member_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    """
    UPDATE mod_case SET decided_by = :gone
    WHERE decided_by = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    """
    DELETE FROM refused_prompt WHERE user_id = :user_id
        AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    """
    DELETE FROM policy_pass WHERE user_id = :user_id
        AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
    """
    DELETE FROM erasure WHERE user_id = :user_id
        AND (:guild_id IS NULL OR guild_id = :guild_id)
    """,
)

_BLOCKS = """
SELECT guild_id, reason, by_user_id, created_at, expires_at FROM block
WHERE user_id = :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
    AND (expires_at IS NULL OR expires_at > :now)
"""

_LIMITED = """
SELECT DISTINCT guild_id FROM quota_rule
WHERE target = 'member:' || :user_id AND (:guild_id IS NULL OR guild_id = :guild_id)
"""

_KEEP_LIMITS = """
UPDATE OR REPLACE quota_rule SET target = :former
WHERE guild_id = :guild_id AND target = 'member:' || :user_id
"""

_SHUT_OUT = """
INSERT INTO shut_out (guild_id, code, reason, by_user_id, created_at, expires_at)
VALUES (:guild_id, :code, :reason, :by_user_id, :created_at, :expires_at)
ON CONFLICT (guild_id, code) DO UPDATE SET
    reason = excluded.reason, by_user_id = excluded.by_user_id,
    created_at = excluded.created_at, expires_at = excluded.expires_at
"""


class SqlitePrivacyStore:
    """The `PrivacyStore` of the SQLite file; the methods are told in `jobs.ports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def holdings(self, whose: Whose, *, now: datetime) -> Holdings:
        """Count what is stored about a person."""
        return await self._database.read(
            lambda connection: holdings.count(connection, whose, now=now)
        )

    async def account(self, whose: Whose) -> AccountRecord:
        """Return what hangs on no single job."""
        return await self._database.read(lambda connection: holdings.account(connection, whose))

    async def jobs(self, whose: Whose, *, before: int | None, limit: int) -> Sequence[JobRecord]:
        """Return a person's jobs with all that hangs on them, newest first."""
        return await self._database.read(
            lambda connection: holdings.jobs(connection, whose, before=before, limit=limit)
        )

    async def note_erasure(self, erasure: Erasure) -> None:
        """Write down that a deletion was asked for; asked again it is the same one."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO erasure (user_id, guild_id, asked_at) VALUES (?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                (
                    erasure.whose.user_id,
                    erasure.whose.guild_id or EVERYWHERE,
                    to_micros(erasure.asked_at),
                ),
            )

        await self._database.write(work)

    async def erasures(self) -> Sequence[Erasure]:
        """Return the deletions that are not done, oldest first."""

        def work(connection: sqlite3.Connection) -> Sequence[Erasure]:
            rows = connection.execute(
                "SELECT user_id, guild_id, asked_at FROM erasure ORDER BY asked_at, user_id"
            )
            return [_to_erasure(row) for row in rows]

        return await self._database.read(work)

    async def open_jobs(self, whose: Whose) -> Sequence[JobId]:
        """Return what is under way of a person."""

        def work(connection: sqlite3.Connection) -> Sequence[JobId]:
            return [JobId(row["id"]) for row in connection.execute(OPEN, values_of(whose))]

        return await self._database.read(work)

    async def forget_jobs(self, whose: Whose, *, limit: int) -> Sequence[Remains]:
        """Delete jobs that have ended; return what lies on the disk of them."""

        def work(connection: sqlite3.Connection) -> Sequence[Remains]:
            values = values_of(whose) | {"limit": limit}
            ids = [str(row["id"]) for row in connection.execute(ENDED, values)]
            return delete_jobs(connection, ids)

        return await self._database.write(work)

    async def forget_rest(self, whose: Whose) -> bool:
        """Delete or anonymise everything else; False if a job is there that must go first."""

        def work(connection: sqlite3.Connection) -> bool:
            if holdings.has_jobs(connection, whose):
                return False
            with forgetting(connection):
                _forget_rest(connection, whose)
            return True

        return await self._database.write(work)

    async def known_images(self, images: AbstractSet[str]) -> AbstractSet[str]:
        """Return those of some init images that a job still names."""

        def work(connection: sqlite3.Connection) -> AbstractSet[str]:
            rows = connection.execute(KNOWN_IMAGES, (holdings.to_json(sorted(images)),))
            return {row["image"] for row in rows}

        return await self._database.read(work)


def delete_jobs(connection: sqlite3.Connection, ids: Sequence[str]) -> Sequence[Remains]:
    """Delete ended jobs with all that hangs on them; return what lies on the disk of them."""
    values = {"ids": holdings.to_json(ids)}
    remains = [_to_remains(row) for row in connection.execute(REMAINS, values)]
    connection.execute(DELETE_JOBS, values)
    return remains


def is_being_forgotten(connection: sqlite3.Connection, guild_id: int, user_id: int) -> bool:
    """Say whether a member's data is being deleted just now."""
    row = connection.execute(
        "SELECT 1 FROM erasure WHERE user_id = ? AND guild_id IN (?, ?)",
        (user_id, guild_id, EVERYWHERE),
    ).fetchone()
    return row is not None


def values_of(whose: Whose) -> dict[str, object]:
    """Return what statements about a person are bound to."""
    return {"user_id": whose.user_id, "guild_id": whose.guild_id}


def _forget_rest(connection: sqlite3.Connection, whose: Whose) -> None:
    asked_at = connection.execute(
        "SELECT max(asked_at) AS at FROM erasure WHERE user_id = :user_id", values_of(whose)
    ).fetchone()["at"]
    values: Mapping[str, object] = values_of(whose) | {"gone": GONE, "now": asked_at or 0}
    _keep_blocks(connection, whose.user_id, values)
    _keep_limits(connection, whose.user_id, values)
    forget_in_acts(connection, whose.user_id, whose.guild_id)
    forget_in_stories(connection, whose.user_id, whose.guild_id)
    forget_accounts(connection, whose.user_id, whose.guild_id)
    for statement in _DELETIONS:
        connection.execute(statement, values)


def _keep_blocks(
    connection: sqlite3.Connection, user_id: int, values: Mapping[str, object]
) -> None:
    """Put a code in the place of somebody whom a server keeps out."""
    for row in connection.execute(_BLOCKS, values).fetchall():
        by = GONE if row["by_user_id"] == user_id else row["by_user_id"]
        code = code_of(connection, row["guild_id"], user_id)
        connection.execute(_SHUT_OUT, {**dict(row), "by_user_id": by, "code": code})


def _keep_limits(
    connection: sqlite3.Connection, user_id: int, values: Mapping[str, object]
) -> None:
    """Put a code in the place of somebody whom a server limits more, or less, than others."""
    for row in connection.execute(_LIMITED, values).fetchall():
        former = former_target(connection, row["guild_id"], user_id)
        own = {"former": former, "guild_id": row["guild_id"], "user_id": user_id}
        connection.execute(_KEEP_LIMITS, own)


def _to_erasure(row: sqlite3.Row) -> Erasure:
    whose = Whose(user_id=row["user_id"], guild_id=row["guild_id"] or None)
    return Erasure(whose=whose, asked_at=from_micros(row["asked_at"]))


def _to_remains(row: sqlite3.Row) -> Remains:
    return Remains(job_id=JobId(row["id"]), file=row["file"] or "", image=row["image"] or "")
