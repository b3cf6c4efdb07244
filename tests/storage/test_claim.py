"""Who gets the next job, how often, and how long it takes to find it."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from jobs.model import Job
from jobs.states import JobState
from storage.database import Database
from storage.jobs import CLAIM, SqliteJobStore
from tests.factories import NOW, after, make_job, make_request, make_token

VALUES = {"backend": "local", "token": "t", "now": 2**60, "lease_until": 2**60}
# Copies of the first row under other keys; `ended` decides which index they land in.
COPY = """
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :rows)
INSERT INTO job (id, origin, origin_key, guild_id, user_id, backend, state, created_at, ended_at,
    rendered_at, cost, address, asked, request, warnings)
SELECT :state || n, origin, :state || n, guild_id, user_id, backend, :state, created_at + n,
    :ended, :ended, cost, address, asked, request, warnings
FROM job, number WHERE job.number = 1
"""


async def claim(store: SqliteJobStore, at: float = 10, backend: str = "local") -> Job | None:
    return await store.claim(backend, token=make_token(), now=after(at), lease_until=after(at + 60))


async def test_a_claim_takes_the_job_over(store: SqliteJobStore) -> None:
    job, _ = await store.enqueue(make_job(), [])
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
        await store.enqueue(job, [])
    order = [found.id for _ in range(5) if (found := await claim(store))]
    assert order == [early.id, *(job.id for job in same_time), late.id]


async def test_a_job_put_off_waits_for_its_time_and_then_for_its_turn(
    store: SqliteJobStore,
) -> None:
    put_off = make_job(due_at=after(20))
    newer = make_job(created_at=after(30))
    older = make_job(created_at=after(15))
    for job in (put_off, newer, older):
        await store.enqueue(job, [])
    order = [found.id for at in (19, 19, 40, 40) if (found := await claim(store, at))]
    assert order == [older.id, put_off.id, newer.id]


async def test_a_busy_backend_does_not_hold_up_another(store: SqliteJobStore) -> None:
    await store.enqueue(make_job(), [])
    other, _ = await store.enqueue(make_job(request=make_request(provider="novita")), [])
    found = await claim(store, backend="novita")
    assert found is not None
    assert found.id == other.id


async def test_many_claimers_get_every_job_exactly_once(tmp_path: Path) -> None:
    path = tmp_path / "flipbook.db"
    async with Database.open(path) as one, Database.open(path) as two:
        stores = [SqliteJobStore(one), SqliteJobStore(two)]
        asked = [(await stores[0].enqueue(make_job(), []))[0].id for _ in range(120)]
        got = list[str]()

        async def work(store: SqliteJobStore) -> None:
            while (job := await claim(store)) is not None:
                got.append(job.id)

        await asyncio.gather(*(work(stores[number % 2]) for number in range(12)))
    assert sorted(got) == sorted(asked)


def plan(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(f"EXPLAIN QUERY PLAN {CLAIM}", VALUES)
    return [row["detail"] for row in rows]


def effort(connection: sqlite3.Connection) -> int:
    """Count the instructions of one claim in SQLite's machine."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 1)
    connection.execute(CLAIM, VALUES).fetchone()
    connection.set_progress_handler(None, 1)
    return steps


async def copy(database: Database, state: str, rows: int, ended: int | None) -> None:
    values = {"state": state, "rows": rows, "ended": ended}
    await database.write(lambda connection: connection.execute(COPY, values))


@pytest.mark.parametrize("queued", [0, 20_000])
async def test_a_claim_searches_one_index_before_and_after_analyze(
    store: SqliteJobStore, database: Database, queued: int
) -> None:
    await store.enqueue(make_job(), [])
    await copy(database, "done", 20_000, ended=1)
    await copy(database, "queued", queued, ended=None)
    before = await database.write(plan)
    await database.write(lambda connection: connection.execute("ANALYZE"))
    assert await database.write(plan) == before
    assert any("job_queue (backend=? AND ready_at<?)" in step for step in before)
    assert not any("SCAN" in step or "TEMP B-TREE" in step for step in before)


async def test_a_claim_takes_the_same_effort_however_long_the_history_and_the_queue(
    store: SqliteJobStore, database: Database
) -> None:
    for _ in range(2):
        await store.enqueue(make_job(created_at=NOW), [])
    alone = await database.write(effort)
    await copy(database, "done", 20_000, ended=1)
    await copy(database, "queued", 20_000, ended=None)
    assert await database.write(effort) <= alone
