"""Other queues in a SQLite file, measured like ours: put one, take one.

They do less, and the table says so: none of them shares turns, keeps books, fences its writers or
tells a job's story, and huey and litequeue differ from us in what a power loss may take.
They come with the extra `bench`; without it they are left out.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One opened queue."""

    put: Callable[[], object]
    take: Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A queue of others.

    Attributes:
        module: What to import.
        does: What it does less, in a few words.
        open: Opens it in a folder; each payload is as large as one of our requests.
        fill: SQL that puts `:number` payloads in line.
        age: SQL that leaves `:number` finished ones; empty where they are deleted.
    """

    name: str
    module: str
    does: str
    open: Callable[[Path, str], Queue]
    file: str
    fill: str
    age: str = ""

    @property
    def is_here(self) -> bool:
        """It is installed."""
        return find_spec(self.module) is not None

    def crowd(self, folder: Path, payload: str, *, queued: int, finished: int) -> None:
        """Make the rows that are there before anything is measured."""
        with closing(sqlite3.connect(folder / self.file, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN")
            for statement, number in ((self.age, finished), (self.fill, queued)):
                if statement and number:
                    connection.execute(statement, {"number": number, "payload": payload})
            connection.execute("COMMIT")


def _huey(folder: Path, payload: str) -> Queue:
    storage = import_module("huey.storage").SqliteStorage(
        name="bench", filename=str(folder / "huey.db"), fsync=True
    )
    body = payload.encode()
    return Queue(put=lambda: storage.enqueue(body), take=storage.dequeue)


def _litequeue(folder: Path, payload: str) -> Queue:
    queue = import_module("litequeue").LiteQueue(str(folder / "lite.db"))
    return Queue(put=lambda: queue.put(payload), take=queue.pop)


def _persist(folder: Path, payload: str) -> Queue:
    queue = import_module("persistqueue").SQLiteAckQueue(str(folder), db_file_name="persist.db")

    def take() -> None:
        queue.ack(queue.get(block=False))

    return Queue(put=lambda: queue.put(payload), take=take)


RIVALS = (
    Rival(
        name="huey SqliteHuey",
        module="huey",
        does="FIFO; taking deletes",
        open=_huey,
        file="huey.db",
        fill=f"{_NUMBERS} INSERT INTO task (queue, data) "  # noqa: S608 - our own words
        "SELECT 'bench', CAST(:payload AS BLOB) FROM n",
    ),
    Rival(
        name="litequeue",
        module="litequeue",
        does="FIFO; no lease, no fsync",
        open=_litequeue,
        file="lite.db",
        fill=f"{_NUMBERS} INSERT INTO [Queue] (data, message_id, status, in_time) "  # noqa: S608 - our own words
        "SELECT :payload, printf('%020d', i), 0, i FROM n",
        age=f"{_NUMBERS} INSERT INTO [Queue] (data, message_id, status, in_time) "  # noqa: S608 - our own words
        "SELECT :payload, printf('%020d', i), 2, i FROM n",
    ),
    Rival(
        name="persist-queue SQLiteAckQueue",
        module="persistqueue",
        does="FIFO; two commits",
        open=_persist,
        file="persist.db",
        fill=f"{_NUMBERS} INSERT INTO ack_queue_default (data, timestamp, status) "  # noqa: S608 - our own words
        "SELECT CAST(x'80058c026f6b942e' AS BLOB), i, 0 FROM n",  # a pickle of 'ok'
        age=f"{_NUMBERS} INSERT INTO ack_queue_default (data, timestamp, status) "  # noqa: S608 - our own words
        "SELECT CAST(x'80058c026f6b942e' AS BLOB), i, 5 FROM n",
    ),
)
