"""The queue of one backend is found by its indexes, whatever else there is."""

import sqlite3

import pytest

from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.lists import QUEUED_AT
from storage.rows import SELECT_JOB
from tests.factories import after, make_job, make_request, make_token
from tests.storage.crowds import copy
from tests.storage.plans import check_search, steps_of


async def test_all_that_waits_at_a_backend_is_listed_oldest_first(store: SqliteJobStore) -> None:
    taken, put_off, elsewhere, waiting = [
        (await store.enqueue(job))[0]
        for job in (
            make_job(),
            make_job(due_at=after(20)),
            make_job(request=make_request(provider="novita")),
            make_job(),
        )
    ]
    claimed = await store.claim("local", token=make_token(), now=after(10), lease_until=after(70))
    assert claimed is not None
    assert claimed.id == taken.id
    assert await store.queued_at("local") == [put_off, waiting]
    assert await store.queued_at("novita") == [elsewhere]
    assert await store.queued_at("modelslab") == []


def plan(connection: sqlite3.Connection) -> list[str]:
    return steps_of(connection, SELECT_JOB + QUEUED_AT, {"backend": "local"})


@pytest.mark.parametrize("queued", [0, 20_000])
async def test_a_backends_queue_is_searched_by_index_before_and_after_analyze(
    store: SqliteJobStore, database: Database, queued: int
) -> None:
    await store.enqueue(make_job())
    await copy(database, "done", 20_000, ended=1)
    await copy(database, "queued", queued, people=2_000)
    await check_search(
        database, plan, ("job_turn (backend=?)", "job_put_off (backend=?)", "INTEGER PRIMARY KEY")
    )
