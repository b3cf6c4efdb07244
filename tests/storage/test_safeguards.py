"""The books themselves refuse what would cook them, and an audit finds what does not add up."""

import sqlite3

import pytest

from jobs.errors import StorageError
from jobs.quota.books import Drift, Settlement, Unit
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quota.books import settle
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, make_act
from tests.storage.customers import ME, ask, spend


@pytest.mark.parametrize("second", list(Settlement))
async def test_settling_twice_changes_nothing(
    store: SqliteJobStore, database: Database, quotas: SqliteQuotaStore, second: Settlement
) -> None:
    job = await ask(store)

    def look(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
        return [tuple(row) for row in connection.execute("SELECT * FROM ledger")]

    await spend(store, job)
    before = await database.read(look)
    await database.write(lambda c: settle(c, job.id, second, at=NOW))
    assert await database.read(look) == before
    assert await quotas.audit() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET reserved_delta = 0",
        "DELETE FROM ledger",
        "UPDATE bucket SET reserved = -1",
        "UPDATE bucket SET used = -1",
        "UPDATE reservation SET amount = 0",
        "DELETE FROM reservation",
        "DELETE FROM bonus",
        "UPDATE audit SET actor_id = 1",
        "DELETE FROM audit",
        """INSERT INTO ledger (at, job_id, account, window, unit, kind, used_delta,
        reserved_delta) VALUES (1, 'x', 'me', 'ever', 'videos', 'adjust', -5, 0)""",
    ],
)
async def test_the_books_cannot_be_cooked(
    store: SqliteJobStore, database: Database, quotas: SqliteQuotaStore, statement: str
) -> None:
    await quotas.grant(ME, Unit.VIDEOS, 1, expires_at=None, act=make_act())
    await ask(store)
    with pytest.raises(StorageError):
        await database.write(lambda connection: connection.execute(statement))


async def test_a_settled_reservation_cannot_be_opened_again(
    store: SqliteJobStore, database: Database
) -> None:
    job = await ask(store)
    await store.request_cancel(job.id, now=NOW, by="test")
    with pytest.raises(StorageError, match="settles once"):
        await database.write(
            lambda connection: connection.execute("UPDATE reservation SET state = 'open'")
        )


@pytest.mark.parametrize(
    ("statement", "drifts"),
    [
        (
            "UPDATE bucket SET used = 4 WHERE account = 'guild:2002' AND unit = 'videos'",
            [("used", 4, 0)],
        ),
        (
            "UPDATE bucket SET reserved = 4 WHERE account = 'guild:2002' AND unit = 'videos'",
            [("reserved", 4, 1)],
        ),
        (
            """INSERT INTO ledger (at, job_id, account, window, unit, kind, used_delta,
            reserved_delta) VALUES (1, 'x', 'nobody', 'day:1', 'videos', 'reserve', 0, 2)""",
            [("reserved", 0, 2)],
        ),
    ],
)
async def test_an_audit_finds_what_does_not_add_up(
    store: SqliteJobStore,
    database: Database,
    quotas: SqliteQuotaStore,
    statement: str,
    drifts: list[tuple[str, int, int]],
) -> None:
    await ask(store)
    assert await quotas.audit() == []
    await database.write(lambda connection: connection.execute(statement))
    found: list[Drift] = list(await quotas.audit())
    assert [(drift.kind, drift.told, drift.counted) for drift in found] == drifts
