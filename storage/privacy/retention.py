"""Finds what has been kept long enough: by age, and of servers that took the bot out."""

import sqlite3
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from jobs.model import JobId
from jobs.privacy.records import Remains
from storage.database import Database
from storage.privacy.deletion import KNOWN_IMAGES, delete_jobs
from storage.privacy.forgetting import forgetting, rename
from storage.privacy.holdings import to_json
from storage.times import to_micros

# An open reservation would be lost with its job, so such a job stays: the books' own audit tells of
# it. So does one whose message is still to be taken down.
OLD_BY_RULE = """
SELECT id FROM job INDEXED BY job_ended_guild
WHERE ended_at IS NOT NULL AND guild_id = :guild_id AND ended_at < :before
    AND (removed_at IS NULL OR is_taken_down)
    AND NOT EXISTS (
        SELECT 1 FROM reservation WHERE job_id = job.id AND reservation.state = 'open'
    )
ORDER BY ended_at LIMIT :limit
"""

OLD_BY_DEFAULT = """
SELECT id FROM job INDEXED BY job_ended
WHERE ended_at IS NOT NULL AND ended_at < :before
    AND (removed_at IS NULL OR is_taken_down)
    AND NOT EXISTS (
        SELECT 1 FROM reservation WHERE job_id = job.id AND reservation.state = 'open'
    )
    AND guild_id NOT IN (
    SELECT guild_id FROM guild WHERE retention_days IS NOT NULL
)
ORDER BY ended_at LIMIT :limit
"""

_OPEN_HERE = "SELECT id FROM job INDEXED BY job_open WHERE ended_at IS NULL AND guild_id = ?"
_ENDED_HERE = """
SELECT id FROM job INDEXED BY job_ended_guild
WHERE ended_at IS NOT NULL AND guild_id = ? ORDER BY ended_at LIMIT ?
"""

_FORMER = """
SELECT account FROM bucket WHERE account GLOB 'guild:*/former:????????????????????????????????'
GROUP BY account HAVING max(window) < :first
"""

_NEARBY = "account = 'guild:' || :guild_id OR account GLOB 'guild:' || :guild_id || '/*'"
_BONUSES = "SELECT 'bonus:' || number FROM bonus WHERE guild_id = :guild_id"
_EVERYTHING_OF_A_SERVER = (
    f"DELETE FROM ledger WHERE {_NEARBY} OR account IN ({_BONUSES})",  # noqa: S608 - constants
    f"DELETE FROM bucket WHERE {_NEARBY} OR account IN ({_BONUSES})",  # noqa: S608 - constants
    "DELETE FROM bonus WHERE guild_id = :guild_id",
    "DELETE FROM quota_rule WHERE guild_id = :guild_id",
    "DELETE FROM block WHERE guild_id = :guild_id",
    "DELETE FROM shut_out WHERE guild_id = :guild_id",
    "DELETE FROM policy_rule WHERE guild_id = :guild_id",
    "DELETE FROM mod_case WHERE guild_id = :guild_id",
    "DELETE FROM case_count WHERE guild_id = :guild_id",
    "DELETE FROM refused_prompt WHERE guild_id = :guild_id",
    "DELETE FROM policy_pass WHERE guild_id = :guild_id",
    "DELETE FROM guild_news WHERE guild_id = :guild_id",
    "DELETE FROM audit WHERE guild_id = :guild_id",
    "DELETE FROM user_lane WHERE party = 'guild:' || :guild_id",
    "DELETE FROM party_lane WHERE party = 'guild:' || :guild_id",
    "DELETE FROM guild WHERE guild_id = :guild_id",
    "DELETE FROM erasure WHERE guild_id = :guild_id",
    "DELETE FROM departure WHERE guild_id = :guild_id",
)

_OVER = (
    "DELETE FROM shut_out WHERE expires_at <= :now",
    "DELETE FROM block WHERE expires_at <= :now",
    "DELETE FROM refused_prompt WHERE expires_at <= :now",
    "DELETE FROM policy_pass WHERE expires_at <= :now",
    "UPDATE mod_case SET token = NULL WHERE token_expires_at <= :now AND token IS NOT NULL",
)

_OLD_TEXTS = (
    "UPDATE guild_news SET text = '' WHERE sent_at < :before AND text <> ''",
    """
    UPDATE mod_case SET about = '', reason = ''
    WHERE decided_at < :before AND (about <> '' OR reason <> '')
    """,
)

_KNOWN_SERVERS = """
SELECT guild_id FROM guild UNION SELECT guild_id FROM audit UNION SELECT guild_id FROM job
UNION SELECT guild_id FROM bonus
"""


class SqliteRetentionStore:
    """The `RetentionStore` of the SQLite file; the methods are told in `jobs.ports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delete_old(
        self, *, now: datetime, default: timedelta | None, limit: int
    ) -> Sequence[Remains]:
        """Delete jobs that ended longer ago than their server keeps them."""

        def work(connection: sqlite3.Connection) -> Sequence[Remains]:
            ids = _old(connection, now=now, default=default, limit=limit)
            return delete_jobs(connection, ids)

        return await self._database.write(work)

    async def tidy(self, *, now: datetime, first_of_month: str, news_before: datetime) -> None:
        """Let go of what is over: blocks, refusals, old texts, codes in old books."""

        def work(connection: sqlite3.Connection) -> None:
            for statement in _OVER:
                connection.execute(statement, {"now": to_micros(now)})
            for statement in _OLD_TEXTS:
                connection.execute(statement, {"before": to_micros(news_before)})
            _unlink_codes(connection, first_of_month)

        await self._database.write(work)

    async def note_departure(self, guild_id: int, *, at: datetime) -> None:
        """Note that a server took the bot out; the first time counts."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO departure (guild_id, left_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (guild_id, to_micros(at)),
            )

        await self._database.write(work)

    async def note_return(self, guild_id: int) -> None:
        """Note that the bot is in a server."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM departure WHERE guild_id = ?", (guild_id,))

        await self._database.write(work)

    async def reconcile(self, here: AbstractSet[int], *, at: datetime) -> Sequence[int]:
        """Note of every server that is known whether the bot is in it; return who has left."""

        def work(connection: sqlite3.Connection) -> Sequence[int]:
            known = {int(row["guild_id"]) for row in connection.execute(_KNOWN_SERVERS)} - {0}
            for guild_id in known - here:
                connection.execute(
                    "INSERT INTO departure (guild_id, left_at) VALUES (?, ?) "
                    "ON CONFLICT DO NOTHING",
                    (guild_id, to_micros(at)),
                )
            for guild_id in here:
                connection.execute("DELETE FROM departure WHERE guild_id = ?", (guild_id,))
            return sorted(known - here)

        return await self._database.write(work)

    async def departed(self, *, before: datetime) -> Sequence[int]:
        """Return the servers that took the bot out before a time."""

        def work(connection: sqlite3.Connection) -> Sequence[int]:
            rows = connection.execute(
                "SELECT guild_id FROM departure WHERE left_at <= ? ORDER BY left_at",
                (to_micros(before),),
            )
            return [row["guild_id"] for row in rows]

        return await self._database.read(work)

    async def open_jobs(self, guild_id: int) -> Sequence[JobId]:
        """Return what is under way in a server."""

        def work(connection: sqlite3.Connection) -> Sequence[JobId]:
            return [JobId(row["id"]) for row in connection.execute(_OPEN_HERE, (guild_id,))]

        return await self._database.read(work)

    async def purge_jobs(self, guild_id: int, *, limit: int) -> Sequence[Remains]:
        """Delete jobs of a server that have ended."""

        def work(connection: sqlite3.Connection) -> Sequence[Remains]:
            rows = connection.execute(_ENDED_HERE, (guild_id, limit))
            return delete_jobs(connection, [str(row["id"]) for row in rows])

        return await self._database.write(work)

    async def purge_rest(self, guild_id: int) -> bool:
        """Delete everything else of a server that left; False if it is back, or has jobs."""

        def work(connection: sqlite3.Connection) -> bool:
            is_gone = connection.execute(
                "SELECT 1 FROM departure WHERE guild_id = :guild_id "
                "AND NOT EXISTS (SELECT 1 FROM job WHERE guild_id = :guild_id)",
                {"guild_id": guild_id},
            ).fetchone()
            if is_gone is None:
                return False
            with forgetting(connection):
                for statement in _EVERYTHING_OF_A_SERVER:
                    connection.execute(statement, {"guild_id": guild_id})
            return True

        return await self._database.write(work)

    async def unknown_jobs(self, ids: Iterable[str]) -> AbstractSet[str]:
        """Return those of some ids under which there is no job."""
        wanted = sorted(set(ids))

        def work(connection: sqlite3.Connection) -> AbstractSet[str]:
            rows = connection.execute(
                "SELECT id FROM job WHERE id IN (SELECT value FROM json_each(?))",
                (to_json(wanted),),
            )
            return set(wanted) - {row["id"] for row in rows}

        return await self._database.read(work)

    async def unknown_images(self, ids: Iterable[str]) -> AbstractSet[str]:
        """Return those of some init images that no job names."""
        wanted = sorted(set(ids))

        def work(connection: sqlite3.Connection) -> AbstractSet[str]:
            rows = connection.execute(KNOWN_IMAGES, (to_json(wanted),))
            return set(wanted) - {row["image"] for row in rows}

        return await self._database.read(work)


def _old(
    connection: sqlite3.Connection, *, now: datetime, default: timedelta | None, limit: int
) -> Sequence[str]:
    """Return jobs that were kept long enough, servers with a rule of their own first."""
    found: list[str] = []
    for row in connection.execute(
        "SELECT guild_id, retention_days FROM guild WHERE retention_days IS NOT NULL"
    ).fetchall():
        before = to_micros(now - timedelta(days=row["retention_days"]))
        values = {"guild_id": row["guild_id"], "before": before, "limit": limit - len(found)}
        found += [str(one["id"]) for one in connection.execute(OLD_BY_RULE, values)]
    if default is not None and len(found) < limit:
        values = {"before": to_micros(now - default), "limit": limit - len(found)}
        found += [str(one["id"]) for one in connection.execute(OLD_BY_DEFAULT, values)]
    return found


def _unlink_codes(connection: sqlite3.Connection, first_of_month: str) -> None:
    """Exchange codes for chance in books that no limit looks at any more."""
    former = connection.execute(_FORMER, {"first": first_of_month}).fetchall()
    if not former:
        return
    with forgetting(connection):
        for row in former:
            server, _, _ = str(row["account"]).partition("/")
            chance: str = connection.execute("SELECT lower(hex(randomblob(8)))").fetchone()[0]
            rename(connection, row["account"], f"{server}/former:{chance}")
