"""A real database without the waits: its schema is made once, and no write waits for the disk.

Durability against a power cut is all that it lacks, and no test pulls the plug. Tests of that,
and of the migrations, open `Database` itself.
"""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.database import Database
from storage.migration import migrate

NO_WAIT = "PRAGMA synchronous = OFF"


@asynccontextmanager
async def open_quickly(path: Path) -> AsyncGenerator[Database]:
    """Open a database as `Database.open` does; a new file has its schema at once."""
    make_quickly(path)
    async with Database.open(path) as database:
        writer = database._writer  # pyright: ignore[reportPrivateUsage] - outside of any transaction
        await writer.run(lambda connection: connection.execute(NO_WAIT))
        yield database


def make_quickly(path: Path) -> None:
    """Make an empty database where there is none, for whoever opens it next."""
    if not path.exists():
        path.write_bytes(_empty())


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "flipbook.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(NO_WAIT)
            connection.execute("PRAGMA journal_mode = WAL")
            migrate(connection)
        return path.read_bytes()
