"""A cancel ends what waits at once, and marks what is being made."""

import pytest

from jobs.errors import NotFoundError
from jobs.model import JobId
from jobs.states import JobState
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import after, make_job
from tests.storage.moves import booked, claim, claimed, move, story


async def test_cancelling_a_queued_job_ends_it_and_costs_nothing(
    store: SqliteJobStore, database: Database, quotas: SqliteQuotaStore
) -> None:
    job, _ = await store.enqueue(make_job())
    ended = await store.request_cancel(job.id, now=after(2), by="user 1")
    assert ended.state is JobState.CANCELLED
    assert (ended.ended_at, ended.address.token) == (after(2), None)
    assert await claim(store, at=3) is None
    assert await booked(database) == (0, 0)
    assert (await story(database, job))[-1].note == {"cancel_requested_by": "user 1"}
    assert await quotas.audit() == []


async def test_cancelling_an_active_job_marks_it_once(
    store: SqliteJobStore, database: Database
) -> None:
    job = await claimed(store)
    assert await store.renew(job, lease_until=after(90)) is False
    marked = await store.request_cancel(job.id, now=after(2), by="user 1")
    await store.request_cancel(job.id, now=after(3), by="user 2")
    assert marked == job.evolve(cancel_requested=True, lease_until=after(90))
    assert await store.renew(job, lease_until=after(95)) is True
    notes = [event.note for event in await story(database, job)]
    assert notes == [{}, {}, {"cancel_requested_by": "user 1"}]
    assert await booked(database) == (0, 1)


async def test_cancelling_an_unconfirmed_job_marks_it(store: SqliteJobStore) -> None:
    job = await move(store, await claimed(store), JobState.UNCONFIRMED)
    marked = await store.request_cancel(job.id, now=after(9), by="user 1")
    assert (marked.state, marked.cancel_requested) == (JobState.UNCONFIRMED, True)


async def test_cancelling_a_marked_job_that_went_back_to_the_queue_ends_it(
    store: SqliteJobStore,
) -> None:
    job = await claimed(store)
    await store.request_cancel(job.id, now=after(2), by="user 1")
    await move(store, job, JobState.QUEUED)
    ended = await store.request_cancel(job.id, now=after(9), by="user 1")
    assert ended.state is JobState.CANCELLED


async def test_cancelling_an_ended_job_changes_nothing(store: SqliteJobStore) -> None:
    ended = await move(store, await claimed(store), JobState.FAILED)
    assert await store.request_cancel(ended.id, now=after(9), by="user 1") == ended
    with pytest.raises(NotFoundError):
        await store.request_cancel(JobId("nothing1"), now=after(9), by="user 1")
