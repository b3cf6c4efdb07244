"""Who gets the next job, how often, and how long it takes to find it."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from jobs.fairness import Caps
from jobs.model import Job
from jobs.states import JobState
from storage import turns
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.turns import CALL_BACK, NO_CAP, PICK, TAKE, Claimer
from tests.factories import NOW, after, make_job, make_request, make_token
from tests.storage.crowds import copy
from tests.storage.plans import check_search, steps_of

VALUES = {
    "backend": "local",
    "party": "guild:2002",
    "user_id": 1001,
    "per_user": NO_CAP,
    "per_party": NO_CAP,
    "token": "t",
    "now": 2**60,
    "lease_until": 2**60,
}


async def claim(store: SqliteJobStore, at: float = 10, backend: str = "local") -> Job | None:
    return await store.claim(backend, token=make_token(), now=after(at), lease_until=after(at + 60))


async def test_a_claim_takes_the_job_over(store: SqliteJobStore) -> None:
    job, _ = await store.enqueue(make_job())
    token = make_token()
    found = await store.claim("local", token=token, now=after(10), lease_until=after(70))
    assert found == job.evolve(
        state=JobState.SUBMITTING, attempt=1, attempt_token=token, lease_until=after(70)
    )
    assert await claim(store) is None


async def test_first_come_is_first_served(store: SqliteJobStore) -> None:
    late = make_job(created_at=after(3))
    same_time = [make_job(created_at=after(2)) for _ in range(3)]
    early = make_job(created_at=after(1))
    for job in (late, *same_time, early):
        await store.enqueue(job)
    order = [found.id for _ in range(5) if (found := await claim(store))]
    assert order == [early.id, *(job.id for job in same_time), late.id]


async def test_a_job_put_off_waits_for_its_time_and_then_for_its_turn(
    store: SqliteJobStore,
) -> None:
    put_off = make_job(due_at=after(20))
    older = make_job(created_at=after(15))
    newer = make_job(created_at=after(30))
    await store.enqueue(put_off)
    await store.enqueue(older)
    order = [found.id for at in (19, 19) if (found := await claim(store, at))]
    assert order == [older.id]
    await store.enqueue(newer)
    order += [found.id for at in (40, 40) if (found := await claim(store, at))]
    assert order == [older.id, put_off.id, newer.id]


async def test_a_busy_backend_does_not_hold_up_another(store: SqliteJobStore) -> None:
    await store.enqueue(make_job())
    other, _ = await store.enqueue(make_job(request=make_request(provider="novita")))
    found = await claim(store, backend="novita")
    assert found is not None
    assert found.id == other.id


async def test_many_claimers_get_every_job_exactly_once(tmp_path: Path) -> None:
    path = tmp_path / "flipbook.db"
    async with Database.open(path) as one, Database.open(path) as two:
        stores = [SqliteJobStore(one), SqliteJobStore(two)]
        asked = [(await stores[0].enqueue(make_job()))[0].id for _ in range(120)]
        got = list[str]()

        async def work(store: SqliteJobStore) -> None:
            while (job := await claim(store)) is not None:
                got.append(job.id)

        await asyncio.gather(*(work(stores[number % 2]) for number in range(12)))
    assert sorted(got) == sorted(asked)


def plan(connection: sqlite3.Connection) -> list[str]:
    asked = (CALL_BACK, PICK, TAKE)
    return [step for query in asked for step in steps_of(connection, query, VALUES)]


def effort(connection: sqlite3.Connection) -> int:
    """Count the instructions of one claim in SQLite's machine."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    claimer = Claimer(backend="local", token="t", now=after(1e6), lease_until=after(2e6))
    connection.set_progress_handler(count, 1)
    assert turns.claim(connection, claimer, Caps()) is not None
    connection.set_progress_handler(None, 1)
    return steps


@pytest.mark.parametrize("queued", [0, 20_000])
async def test_a_claim_searches_one_index_a_step_before_and_after_analyze(
    store: SqliteJobStore, database: Database, queued: int
) -> None:
    await store.enqueue(make_job())
    await copy(database, "done", 20_000, ended=1)
    await copy(database, "queued", queued, people=2_000)
    await check_search(
        database,
        plan,
        (
            "INDEX job_put_off (backend=?",
            "INDEX party_lane_turn (backend=?",
            "INDEX user_lane_turn",
            "INDEX job_turn",
        ),
    )


@pytest.mark.parametrize("people", [1, 5_000])
async def test_a_claim_takes_the_same_effort_however_long_the_history_and_the_queue(
    store: SqliteJobStore, database: Database, people: int
) -> None:
    for _ in range(2):
        await store.enqueue(make_job(created_at=NOW))
    alone = await database.write(effort)
    await copy(database, "done", 20_000, ended=1)
    await copy(database, "queued", 20_000, people=people)
    assert await database.write(effort) <= alone + 5  # a lane more in the index to step over
