"""The table of API keys: digests and names, never a key.

Nothing of it is kept in memory, so a key that another process adds or revokes counts at once.
"""

import hmac
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from jobs.errors import NotFoundError, RequestError
from jobs.keys import ApiKey
from storage.database import Database
from storage.times import from_micros, from_micros_or_none, to_micros

_SELECT = "SELECT id, name, digest, created_at, requests_per_minute, revoked_at FROM api_key "
_FOUND_BY = 16  # characters of a digest; the rest is compared in constant time


class SqliteKeyStore:
    """The `KeyStore` of the SQLite file; the methods are told in `jobs.ports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_key(
        self, name: str, digest: str, *, requests_per_minute: int | None, now: datetime
    ) -> ApiKey:
        """Keep a new key.

        Raises:
            RequestError: There is one of that name.
        """

        def work(connection: sqlite3.Connection) -> ApiKey:
            inserted = connection.execute(
                """
                INSERT INTO api_key (name, digest, created_at, requests_per_minute)
                VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING
                """,
                (name, digest, to_micros(now), requests_per_minute),
            )
            if inserted.rowcount == 0:
                message = f"There is a key named `{name}` already; a revoked one keeps its name."
                raise RequestError(message, field="name")
            return _named(connection, name)

        return await self._database.write(work)

    async def key_of(self, digest: str) -> ApiKey | None:
        """Return the key of a digest, unless it was revoked."""
        return await self._database.read(lambda connection: _key_of(connection, digest))

    async def keys(self) -> Sequence[ApiKey]:
        """Return all keys that were ever made, in order."""

        def work(connection: sqlite3.Connection) -> Sequence[ApiKey]:
            return [_to_key(row) for row in connection.execute(_SELECT + "ORDER BY id")]

        return await self._database.read(work)

    async def revoke_key(self, name: str, *, now: datetime) -> ApiKey:
        """Close the door to a key for good.

        Raises:
            NotFoundError: There is none of that name.
        """

        def work(connection: sqlite3.Connection) -> ApiKey:
            connection.execute(
                "UPDATE api_key SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL",
                (to_micros(now), name),
            )
            return _named(connection, name)

        return await self._database.write(work)


def _key_of(connection: sqlite3.Connection, digest: str) -> ApiKey | None:
    start = digest[:_FOUND_BY]
    rows = connection.execute(
        _SELECT + "WHERE digest >= :start AND digest < :start || 'g' AND revoked_at IS NULL",
        {"start": start},
    ).fetchall()
    return next((_to_key(row) for row in rows if hmac.compare_digest(row["digest"], digest)), None)


def _named(connection: sqlite3.Connection, name: str) -> ApiKey:
    row = connection.execute(_SELECT + "WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NotFoundError(f"There is no key named `{name}`.")
    return _to_key(row)


def _to_key(row: sqlite3.Row) -> ApiKey:
    return ApiKey(
        id=row["id"],
        name=row["name"],
        created_at=from_micros(row["created_at"]),
        requests_per_minute=row["requests_per_minute"],
        revoked_at=from_micros_or_none(row["revoked_at"]),
    )
