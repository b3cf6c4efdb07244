"""The table of webhooks, and of the attempts that they can be about.

A letter is kept only if the token in its address was drawn for an attempt at that very backend,
once however often it comes, and in a bounded number: strangers cannot fill the disk, and look-ups
for them never wait for the writer.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from jobs.model import Job, JobId, Letter
from storage.database import Database
from storage.times import from_micros, to_micros

MAX_LETTERS = 16  # different ones for one attempt; the services send one, and repeat it


class SqliteInbox:
    """The `Inbox` of the SQLite file; the methods are told in `jobs.ports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def receive(
        self, provider: str, token: str, body: bytes, *, now: datetime
    ) -> JobId | None:
        """Keep a webhook, once however often it comes; None if no attempt had this token."""
        job_id = await self._database.read(lambda connection: _job_of(connection, provider, token))
        if job_id is not None:
            await self._database.write(lambda connection: _keep(connection, token, body, now=now))
        return job_id

    async def unread(self, *, limit: int) -> Sequence[Letter]:
        """Return the letters that nobody has looked at, oldest first."""

        def work(connection: sqlite3.Connection) -> Sequence[Letter]:
            return [_to_letter(row) for row in connection.execute(_UNREAD, (limit,))]

        return await self._database.read(work)

    async def mark_read(self, letter: Letter, *, now: datetime) -> None:
        """Note that a letter needs no further look."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE letter SET read_at = ? WHERE number = ? AND read_at IS NULL",
                (to_micros(now), letter.number),
            )

        await self._database.write(work)


def note_attempt(connection: sqlite3.Connection, job: Job, *, at: datetime) -> None:
    """Write down the token of an attempt; an error if it was drawn before."""
    connection.execute(
        "INSERT INTO attempt (token, job_id, attempt, backend, at) VALUES (?, ?, ?, ?, ?)",
        (job.attempt_token, job.id, job.attempt, job.backend, to_micros(at)),
    )


_UNREAD = """
SELECT letter.number, letter.token, letter.body, letter.received_at,
    attempt.backend, attempt.job_id
FROM letter INDEXED BY letter_unread JOIN attempt ON attempt.token = letter.token
WHERE letter.read_at IS NULL ORDER BY letter.number LIMIT ?
"""


def _job_of(connection: sqlite3.Connection, provider: str, token: str) -> JobId | None:
    row = connection.execute(
        "SELECT job_id FROM attempt WHERE token = ? AND backend = ?", (token, provider)
    ).fetchone()
    return None if row is None else JobId(row["job_id"])


def _keep(connection: sqlite3.Connection, token: str, body: bytes, *, now: datetime) -> None:
    """Insert a letter, unless it is there already or the attempt has enough of them."""
    connection.execute(
        """
        INSERT INTO letter (token, digest, body, received_at)
        SELECT token, :digest, :body, :now FROM attempt
        WHERE token = :token AND (SELECT COUNT(*) FROM letter WHERE token = :token) < :most
        ON CONFLICT (token, digest) DO NOTHING
        """,
        {
            "token": token,
            "digest": hashlib.sha256(body).digest(),
            "body": body,
            "now": to_micros(now),
            "most": MAX_LETTERS,
        },
    )


def _to_letter(row: sqlite3.Row) -> Letter:
    return Letter(
        number=row["number"],
        provider=row["backend"],
        token=row["token"],
        body=row["body"],
        job_id=JobId(row["job_id"]),
        received_at=from_micros(row["received_at"]),
    )
