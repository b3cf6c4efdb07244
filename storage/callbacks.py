"""The table of webhooks that are to be sent.

The end of a job stands here at most once, however often it is told to be written. What is over
keeps its row, without the body, as long as the job has one; a mock event leaves nothing, and
there are never many of them.
"""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from jobs.callbacks import Callback, host_of
from jobs.model import JobId
from storage.database import Database
from storage.times import from_micros_or_none, to_micros, to_micros_or_none

MAX_MOCKS = 1000  # open ones; they cost their asker nothing, so they must not fill the disk


class SqliteOutbox:
    """The `Outbox` of the SQLite file; the methods are told in `jobs.callbacks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, url: str, body: str, *, message_id: str, job_id: JobId | None, now: datetime
    ) -> bool:
        """Write down what is to be told; False if it is told already, or there is no room."""
        values = {
            "message_id": message_id,
            "job_id": job_id,
            "host": host_of(url),
            "url": url,
            "body": body,
            "now": to_micros(now),
            "most": MAX_MOCKS,
        }

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute(_INSERT, values).rowcount == 1

        return await self._database.write(work)

    async def due(self, *, now: datetime, limit: int) -> Sequence[Callback]:
        """Return what is due: of each receiver one, those that waited longest first."""

        def work(connection: sqlite3.Connection) -> Sequence[Callback]:
            rows = connection.execute(_DUE, {"now": to_micros(now), "limit": limit})
            return [_to_callback(row) for row in rows]

        return await self._database.read(work)

    async def next_due_at(self, *, after: datetime) -> datetime | None:
        """Return when something becomes due after a time; None if nothing does."""

        def work(connection: sqlite3.Connection) -> datetime | None:
            row = connection.execute(
                "SELECT MIN(due_at) AS due_at FROM callback WHERE due_at > ?", (to_micros(after),)
            ).fetchone()
            return from_micros_or_none(row["due_at"])

        return await self._database.read(work)

    async def begin(self, callback: Callback, *, due_at: datetime) -> bool:
        """Count a try before it is made; False if somebody else did."""

        def work(connection: sqlite3.Connection) -> bool:
            updated = connection.execute(
                """
                UPDATE callback SET tries = tries + 1, due_at = ?
                WHERE number = ? AND message_id = ? AND tries = ? AND due_at IS NOT NULL
                """,
                (to_micros(due_at), callback.number, callback.message_id, callback.tries),
            )
            return updated.rowcount == 1

        return await self._database.write(work)

    async def end(self, callback: Callback, outcome: str, *, due_at: datetime | None) -> None:
        """Note how a try ended; without `due_at` it was the last one."""

        def work(connection: sqlite3.Connection) -> None:
            if due_at is None and callback.job_id is None:
                connection.execute(
                    "DELETE FROM callback WHERE message_id = ?", (callback.message_id,)
                )
                return
            connection.execute(
                """
                UPDATE callback SET due_at = :due_at, outcome = :outcome,
                    body = CASE WHEN :due_at IS NULL THEN '' ELSE body END
                WHERE message_id = :message_id
                """,
                {
                    "due_at": to_micros_or_none(due_at),
                    "outcome": outcome,
                    "message_id": callback.message_id,
                },
            )

        await self._database.write(work)


_INSERT = """
INSERT INTO callback (message_id, job_id, host, url, body, created_at, due_at)
SELECT :message_id, :job_id, :host, :url, :body, :now, :now
WHERE :job_id IS NOT NULL OR (SELECT COUNT(*) FROM callback WHERE job_id IS NULL) < :most
ON CONFLICT (job_id) DO NOTHING
"""

# With MIN, the other columns are those of the row that has it:
# https://www.sqlite.org/lang_select.html#bareagg
_DUE = """
SELECT number, message_id, job_id, url, body, tries, MIN(due_at) AS due_at
FROM callback WHERE due_at <= :now
GROUP BY host ORDER BY due_at, number LIMIT :limit
"""


def _to_callback(row: sqlite3.Row) -> Callback:
    return Callback(
        number=row["number"],
        message_id=row["message_id"],
        job_id=None if row["job_id"] is None else JobId(row["job_id"]),
        url=row["url"],
        body=row["body"],
        tries=row["tries"],
    )
