"""Single durable values, such as the hash of the commands that were last synced."""

import sqlite3

from storage.database import Database


class SqliteValueStore:
    """The `ValueStore` of the SQLite file."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_value(self, name: str) -> str | None:
        """Return a value, or None if it was never set."""

        def work(connection: sqlite3.Connection) -> str | None:
            row = connection.execute("SELECT value FROM value WHERE name = ?", (name,)).fetchone()
            return None if row is None else row["value"]

        return await self._database.read(work)

    async def set_value(self, name: str, value: str) -> None:
        """Set a value, over the one that may be there."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO value (name, value) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (name, value),
            )

        await self._database.write(work)
