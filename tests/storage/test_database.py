import asyncio
import sqlite3
import threading
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

import pytest

from jobs.errors import NewerDatabaseError, StorageError, StorageFullError, StorageLockedError
from storage.database import Database
from storage.values import SqliteValueStore

BIG = "x" * 900


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    """Open the file as the bot does, disk and all."""
    async with Database.open(tmp_path / "flipbook.db") as database:
        yield database


def insert(connection: sqlite3.Connection, name: str, value: str = "x") -> None:
    connection.execute("INSERT INTO value (name, value) VALUES (?, ?)", (name, value))


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


async def test_the_file_is_opened_for_durable_writes(database: Database) -> None:
    def look(connection: sqlite3.Connection) -> list[object]:
        return [
            pragma(connection, name) for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert await database.write(look) == ["wal", 2, 1]


async def test_a_failed_transaction_writes_nothing_and_the_next_one_works(
    database: Database,
) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        insert(connection, "half")
        raise KeyError("half-way")

    with pytest.raises(KeyError):
        await database.write(fail)
    values = SqliteValueStore(database)
    await values.set_value("whole", "1")
    assert await values.get_value("half") is None
    assert await values.get_value("whole") == "1"


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StorageError, match="readonly"):
        await database.read(lambda connection: insert(connection, "sneaky"))


async def test_an_error_of_sqlite_is_told_as_ours_and_keeps_its_cause(database: Database) -> None:
    with pytest.raises(StorageError) as caught:
        await database.write(lambda connection: connection.execute("SELECT nonsense"))
    assert isinstance(caught.value.__cause__, sqlite3.Error)
    assert "nonsense" not in caught.value.user_message


async def test_a_value_error_of_the_work_itself_passes_through(database: Database) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await database.write(lambda _: int("no number"))


async def test_closing_twice_is_fine_and_a_closed_database_says_so(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "flipbook.db") as database:
        await database.close()
        await database.close()
        with pytest.raises(StorageError, match="closed"):
            await database.read(lambda connection: pragma(connection, "user_version"))


async def test_closing_finishes_a_transaction_whose_caller_was_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "flipbook.db"
    async with Database.open(path) as database:
        task = asyncio.create_task(database.write(lambda connection: insert(connection, "late")))
        await asyncio.sleep(0)
        task.cancel()
    async with Database.open(path) as database:
        assert await SqliteValueStore(database).get_value("late") == "x"


async def test_a_cancelled_write_is_over_when_its_caller_hears_of_it(database: Database) -> None:
    gate = threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        gate.wait()
        insert(connection, "slow")

    task = asyncio.create_task(database.write(slow))
    for _ in range(20):
        await asyncio.sleep(0)
        task.cancel()
    is_waiting = not task.done()
    gate.set()
    assert is_waiting
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await SqliteValueStore(database).get_value("slow") == "x"


async def test_two_openers_that_read_before_they_write_take_turns(tmp_path: Path) -> None:
    def count(connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT value FROM value WHERE name = 'n'").fetchone()
        connection.execute("UPDATE value SET value = ? WHERE name = 'n'", (str(int(row[0]) + 1),))

    path = tmp_path / "flipbook.db"
    async with Database.open(path) as one, Database.open(path) as two:
        await SqliteValueStore(one).set_value("n", "0")
        await asyncio.gather(*(each.write(count) for _ in range(50) for each in (one, two)))
        assert await SqliteValueStore(two).get_value("n") == "100"


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flipbook.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError, match="not a database"):
        async with Database.open(path):
            pass


async def test_a_folder_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="unable to open"):
        async with Database.open(tmp_path / "nowhere" / "flipbook.db"):
            pass


async def test_a_damaged_file_is_an_error_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "flipbook.db"
    async with Database.open(path):
        pass
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StorageError):
        async with Database.open(path) as database:
            await SqliteValueStore(database).get_value("any")


async def test_a_file_of_a_newer_flipbook_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "flipbook.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(NewerDatabaseError, match="999"):
        async with Database.open(path):
            pass
    with sqlite3.connect(path) as connection:
        assert pragma(connection, "user_version") == 999
    connection.close()


async def test_a_file_that_another_process_writes_to_is_told_as_locked(
    database: Database, tmp_path: Path
) -> None:
    await database.write(lambda connection: pragma(connection, "busy_timeout = 1"))
    other = sqlite3.connect(tmp_path / "flipbook.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageLockedError):
        await database.write(lambda connection: insert(connection, "blocked"))
    other.close()
    await database.write(lambda connection: insert(connection, "free"))


async def test_a_full_database_refuses_loses_nothing_and_works_on(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "flipbook.db", max_pages=100) as database:
        written, there = 0, await database.read(rows)

        async def fill() -> None:
            nonlocal written
            while True:
                await database.write(partial(insert, name=f"n{written}", value=BIG))
                written += 1

        with pytest.raises(StorageFullError) as caught:
            await fill()
        assert "full" in caught.value.user_message
        assert written > 10
        assert await database.read(rows) == there + written
        await database.write(lambda connection: connection.execute("DELETE FROM value"))
        await database.write(lambda connection: insert(connection, "room again"))
        assert await database.read(rows) == 1


def rows(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT COUNT(*) FROM value").fetchone()[0]
