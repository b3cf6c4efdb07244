"""Callers that are cancelled at any moment: the database stays usable and the books balanced."""

import asyncio
import random
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest

from jobs.errors import StorageError
from jobs.states import JobState
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import after, make_job, make_token


async def live(store: SqliteJobStore) -> None:
    """Take one job through a short life."""
    await store.enqueue(make_job())
    job = await store.claim("local", token=make_token(), now=after(1), lease_until=after(60))
    if job is None:
        return
    job = await store.save(job, job.evolve(state=JobState.RUNNING), now=after(2))
    await store.renew(job, lease_until=after(90))
    await store.request_cancel(job.id, now=after(3), by="test")
    await store.save(job, job.evolve(state=JobState.FAILED), now=after(4))


async def cancel_after(work: Coroutine[Any, Any, None], turns: int, *, times: int) -> None:
    """Let the loop turn, then cancel, once or while the first cancellation is under way."""
    task = asyncio.create_task(work)
    for _ in range(turns):
        await asyncio.sleep(0)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("times", [1, 2])
async def test_a_storm_of_cancellations_leaves_a_usable_database_and_balanced_books(
    database: Database, store: SqliteJobStore, quotas: SqliteQuotaStore, times: int
) -> None:
    turns = random.Random(times)  # noqa: S311 - no secret
    for _ in range(40):
        storm = [cancel_after(live(store), turns.randrange(60), times=times) for _ in range(5)]
        await asyncio.gather(*storm)
    assert await quotas.audit() == []
    assert await database.read(lambda c: c.execute("PRAGMA integrity_check").fetchone()[0]) == "ok"
    job, is_new = await store.enqueue(make_job())
    assert is_new
    assert (await store.get(job.id)).state is JobState.QUEUED


async def test_what_cancelled_claimers_took_can_be_found_again(store: SqliteJobStore) -> None:
    for _ in range(50):
        await store.enqueue(make_job())

    async def take() -> None:
        await store.claim("local", token=make_token(), now=after(1), lease_until=after(60))

    turns = random.Random(3)  # noqa: S311 - no secret
    storm = [cancel_after(take(), turns.randrange(4), times=1) for _ in range(50)]
    await asyncio.gather(*storm)
    claimed = await store.orphans(now=after(61))
    waiting = await store.list_jobs(is_open=True, limit=100)
    queued = [job for job in waiting if job.state is JobState.QUEUED]
    assert len(claimed) + len(queued) == 50


async def test_a_caller_cancelled_while_the_database_closes_hangs_nothing(
    database: Database, store: SqliteJobStore
) -> None:
    task = asyncio.create_task(live(store))
    await asyncio.sleep(0)
    await database.close()
    with pytest.raises(StorageError):
        await task
