"""The one way to the SQLite file: whole transactions, and foreign errors told as ours.

A transaction is a plain function that runs from BEGIN to COMMIT in the connection's own
thread. Nothing is awaited in between, so a cancelled caller can neither tear it apart nor
leave it open, and two tasks cannot mix their statements. When a write ends its transaction is
over, also for a caller that was cancelled; but that it was cancelled does not mean that nothing
was written, so whoever cancels has to read what became of it.
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Self, TypeVar

import aiosqlite

from jobs.errors import StorageError, StorageFullError, StorageLockedError
from storage.endurance import to_its_end
from storage.migration import migrate, refuse_newer

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]

_BUSY_TIMEOUT_MS = 5000
# A full disk is SQLITE_FULL; a file-size limit (EFBIG) or a shared-memory file that cannot grow
# is an I/O error of its own kind: https://www.sqlite.org/rescode.html
_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class Database:
    """One writer and one reader on the same file; open it with `async with Database.open(…)`."""

    def __init__(self, *, writer: "_Thread", reader: "_Thread") -> None:
        self._writer = writer
        self._reader = reader

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, max_pages: int | None = None) -> AsyncGenerator[Self]:
        """Open the file, bring its schema up to date, and close it at the end.

        Args:
            path: The file; it is made if there is none.
            max_pages: The most pages that the file may grow to; None is SQLite's own limit.

        Raises:
            NewerDatabaseError: A newer Flipbook wrote it.
            StorageError: It is no database, is damaged, locked, or the disk is full.
        """
        async with AsyncExitStack() as stack:
            writer = await stack.enter_async_context(_open_thread(path))
            await writer.run(refuse_newer)  # before anything is written to the file
            await writer.run(lambda connection: _prepare_writer(connection, max_pages))
            await writer.run(migrate)
            reader = await stack.enter_async_context(_open_thread(path))
            await reader.run(_prepare_reader)
            database = cls(writer=writer, reader=reader)
            stack.push_async_callback(database.close)
            yield database

    async def write(self, work: Work[Result]) -> Result:
        """Run `work` whole inside `BEGIN IMMEDIATE`; any error rolls it back.

        Raises:
            StorageFullError: There is no room; nothing was written.
            StorageError: SQLite failed; nothing was written.
        """
        return await to_its_end(self._writer.run(lambda connection: _write(connection, work)))

    async def read(self, work: Work[Result]) -> Result:
        """Run `work` on one snapshot; it cannot write.

        Raises:
            StorageError: SQLite failed.
        """
        return await self._reader.run(lambda connection: _read(connection, work))

    async def close(self) -> None:
        """Finish what was begun and close; closing twice is fine."""
        for thread in (self._reader, self._writer):
            await asyncio.shield(thread.close())


class _Thread(aiosqlite.Connection):
    """An aiosqlite connection that runs a whole function in its thread, in one hop."""

    async def connect(self) -> None:
        try:
            with _told_as_ours():
                await self
        except BaseException:
            # aiosqlite stops its thread without waiting for it, and it would outlive the loop.
            await asyncio.shield(asyncio.to_thread(self._thread.join))
            raise

    async def run(self, work: Work[Result]) -> Result:
        with _told_as_ours():
            return await self._execute(work, self._open_connection())

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None or not self._running:
            raise StorageError("The database is closed.")
        return self._connection


@asynccontextmanager
async def _open_thread(path: Path) -> AsyncGenerator[_Thread]:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.row_factory = sqlite3.Row
        return connection

    thread = _Thread(connect, iter_chunk_size=64)
    await thread.connect()
    try:
        yield thread
    finally:
        await asyncio.shield(thread.close())


def _prepare_writer(connection: sqlite3.Connection, max_pages: int | None) -> None:
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    if max_pages is not None:
        connection.execute(f"PRAGMA max_page_count = {max_pages:d}")


def _prepare_reader(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA query_only = ON")


def _write(connection: sqlite3.Connection, work: Work[Result]) -> Result:
    try:
        connection.execute("BEGIN IMMEDIATE")
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()  # does nothing where SQLite rolled back by itself
        raise
    return result


def _read(connection: sqlite3.Connection, work: Work[Result]) -> Result:
    try:
        connection.execute("BEGIN")
        return work(connection)
    finally:
        connection.rollback()


@contextmanager
def _told_as_ours() -> Generator[None]:
    """Turn SQLite's errors into ours, here and nowhere else."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(error) from error


def _translate(error: sqlite3.Error) -> StorageError:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in _FULL:
        return StorageFullError(f"No room for the database: {error}")
    if code & 0xFF in _LOCKED:
        return StorageLockedError(f"Another process holds the database: {error}")
    return StorageError(f"The database failed: {error}")
