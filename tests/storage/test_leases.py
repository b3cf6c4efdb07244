"""Whose lease ran out may be adopted, by one, and by nobody before."""

import asyncio

import pytest

from jobs.errors import StaleAttemptError
from jobs.model import Job
from jobs.states import JobState
from storage.jobs import SqliteJobStore
from tests.factories import NOW, after, make_job
from tests.storage.moves import claimed, move


async def test_a_lease_that_ran_out_makes_an_orphan(store: SqliteJobStore) -> None:
    job = await claimed(store)
    assert await store.orphans(now=after(60)) == []
    assert await store.orphans(now=after(61)) == [job]
    await store.renew(job, lease_until=after(100))
    assert await store.orphans(now=after(61)) == []


async def test_an_orphan_is_adopted_by_one_only(store: SqliteJobStore) -> None:
    job = await claimed(store)
    tries = [store.adopt(job, lease_until=after(90)) for _ in range(5)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    adopted = [answer for answer in answers if isinstance(answer, Job)]
    assert adopted == [job.evolve(attempt=2, lease_until=after(90))]
    assert all(isinstance(answer, Job | StaleAttemptError) for answer in answers)


async def test_a_start_ends_every_lease(store: SqliteJobStore) -> None:
    job = await claimed(store)
    await store.enqueue(make_job())
    assert await store.abandon_leases() == 1
    assert await store.orphans(now=NOW) == [job.evolve(lease_until=None)]


async def test_a_delivery_that_was_put_off_is_no_orphan_before_its_time(
    store: SqliteJobStore,
) -> None:
    job = await move(store, await claimed(store), JobState.RUNNING, JobState.FETCHING)
    later = job.evolve(state=JobState.READY, due_at=after(300), lease_until=None)
    later = await store.save(job, later, now=after(5))
    assert await store.orphans(now=after(299)) == []
    assert await store.orphans(now=after(300)) == [later]


async def test_neither_waiting_nor_ended_jobs_have_leases(store: SqliteJobStore) -> None:
    queued, _ = await store.enqueue(make_job())
    with pytest.raises(StaleAttemptError):
        await store.renew(queued, lease_until=after(9))
    with pytest.raises(StaleAttemptError):
        await store.adopt(queued, lease_until=after(9))
