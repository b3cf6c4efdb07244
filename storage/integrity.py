"""Asks SQLite whether the file is whole; `python -m bot check` prints what it says."""

import sqlite3
from collections.abc import Sequence

from storage.database import Database


async def integrity_problems(database: Database) -> Sequence[str]:
    """Return SQLite's complaints about the file; an empty answer is a whole one.

    Source: https://www.sqlite.org/pragma.html#pragma_integrity_check
    """

    def work(connection: sqlite3.Connection) -> Sequence[str]:
        rows = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)")]
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        return [row for row in rows if row != "ok"] + [
            f"{row[0]} misses {row[2]}" for row in broken
        ]

    return await database.read(work)
