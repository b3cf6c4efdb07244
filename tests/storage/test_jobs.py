import asyncio
import sqlite3

import pytest

from jobs.errors import NotFoundError, QuotaExceededError, StaleAttemptError, StorageError
from jobs.model import Address, Failure, JobId, Origin
from jobs.quota.books import Settlement, Unit
from jobs.quota.tiers import Setting
from jobs.states import JobState
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, after, make_act, make_artifact, make_job, make_receipt, make_rule
from tests.storage.moves import booked, claim, claimed, move, story


async def test_a_job_comes_back_as_it_was_stored(store: SqliteJobStore) -> None:
    job = make_job(
        warnings=("Novita takes no scheduler.",),
        estimate_s=12.5,
        due_at=after(3),
        parent_id=JobId("parent01"),
        user_id=2**62,
        address=Address(
            channel_id=1, card_id=2, application_id=3, token="made-up", token_expires_at=after(900)
        ),
    )
    stored, is_new = await store.enqueue(job)
    assert (stored, is_new) == (job, True)
    assert await store.get(job.id) == job


async def test_a_finished_job_comes_back_with_all_that_it_gathered(store: SqliteJobStore) -> None:
    job = await claimed(store)
    job = await move(store, job, JobState.RUNNING, JobState.FETCHING)
    full = job.evolve(
        state=JobState.READY,
        receipt=make_receipt(job),
        artifact=make_artifact(job),
        failure=Failure(code="slow", message="It took long.", is_ours=False),
        started_at=after(2),
        rendered_at=after(4),
        provider_job_id="123",
        endpoint="https://api.example/v1",
        message_id=2**60,
        due_at=after(9),
    )
    assert await store.save(job, full, now=after(5)) == full
    assert await store.get(job.id) == full


async def test_an_unknown_job_is_not_found(store: SqliteJobStore) -> None:
    with pytest.raises(NotFoundError):
        await store.get(JobId("nothing1"))


async def test_the_same_origin_key_twice_is_one_job_and_one_charge(
    store: SqliteJobStore, database: Database
) -> None:
    first, is_new = await store.enqueue(make_job(origin_key="k"))
    again, is_new_again = await store.enqueue(make_job(origin_key="k"))
    assert (is_new, is_new_again) == (True, False)
    assert again == first
    assert await booked(database) == (0, 1)


async def test_the_same_origin_key_at_the_same_time_is_one_job(
    store: SqliteJobStore, database: Database
) -> None:
    asks = [store.enqueue(make_job(origin_key="k")) for _ in range(20)]
    answers = await asyncio.gather(*asks)
    assert len({job.id for job, _ in answers}) == 1
    assert [is_new for _, is_new in answers].count(True) == 1
    assert await booked(database) == (0, 1)


async def test_the_same_key_through_another_door_is_another_job(store: SqliteJobStore) -> None:
    await store.enqueue(make_job(origin_key="k"))
    _, is_new = await store.enqueue(make_job(origin_key="k", origin=Origin.API))
    assert is_new


async def test_a_charge_that_does_not_fit_leaves_no_job_and_no_part_of_a_charge(
    store: SqliteJobStore, database: Database, quotas: SqliteQuotaStore
) -> None:
    job = make_job()
    nothing = make_rule(Setting.VIDEOS_PER_DAY, 0)
    await quotas.set_rule(nothing, act=make_act())
    with pytest.raises(QuotaExceededError):
        await store.enqueue(job)
    with pytest.raises(NotFoundError):
        await store.get(job.id)
    assert await booked(database, Unit.VIDEO_MS) == (0, 0)
    assert await quotas.audit() == []


async def test_every_move_is_told_in_the_job_s_story(
    store: SqliteJobStore, database: Database
) -> None:
    job = await claimed(store)
    failure = Failure(code="refused", message="No.")
    await store.save(job, job.evolve(state=JobState.FAILED, failure=failure), now=after(7))
    told = [
        (event.at, event.attempt, event.before, event.after) for event in await story(database, job)
    ]
    assert told == [
        (NOW, 0, None, JobState.QUEUED),
        (after(1), 1, JobState.QUEUED, JobState.SUBMITTING),
        (after(7), 1, JobState.SUBMITTING, JobState.FAILED),
    ]
    assert (await story(database, job))[-1].note == {"failure": "refused"}


async def test_a_move_that_the_table_of_states_does_not_know_is_refused(
    store: SqliteJobStore,
) -> None:
    job = await claimed(store)
    with pytest.raises(StorageError, match="submitting to done"):
        await move(store, job, JobState.DONE)
    assert (await store.get(job.id)).state is JobState.SUBMITTING


@pytest.mark.parametrize(
    "state", [JobState.RUNNING, JobState.FAILED, JobState.QUEUED, JobState.CANCELLED]
)
async def test_a_stale_attempt_writes_nothing(
    store: SqliteJobStore, database: Database, quotas: SqliteQuotaStore, state: JobState
) -> None:
    old = await claimed(store)
    new = await store.adopt(old, lease_until=after(90))
    events = len(await story(database, old))
    with pytest.raises(StaleAttemptError):
        await store.save(old, old.evolve(state=state), now=after(5), settle=Settlement.RELEASE)
    with pytest.raises(StaleAttemptError):
        await store.renew(old, lease_until=after(500))
    with pytest.raises(StaleAttemptError):
        await store.adopt(old, lease_until=after(500))
    assert await store.get(old.id) == new
    assert len(await story(database, old)) == events
    assert await booked(database) == (0, 1)
    assert await quotas.audit() == []


async def test_a_writer_that_missed_a_move_of_its_own_attempt_writes_nothing(
    store: SqliteJobStore,
) -> None:
    before = await claimed(store)
    running = await move(store, before, JobState.RUNNING)
    with pytest.raises(StaleAttemptError):
        await store.save(before, before.evolve(state=JobState.FAILED), now=after(6))
    assert await store.get(before.id) == running


async def test_a_save_keeps_what_others_wrote_meanwhile(store: SqliteJobStore) -> None:
    job = await claimed(store)
    await store.request_cancel(job.id, now=after(2), by="user 1")
    saved = await move(store, job, JobState.RUNNING)
    assert saved.cancel_requested
    assert await store.get(job.id) == saved


async def test_a_job_that_ends_forgets_the_interaction_s_token_and_its_lease(
    store: SqliteJobStore, database: Database
) -> None:
    job = await claimed(store)
    assert job.address.token == "made-up-token"
    ended = await move(store, job, JobState.FAILED)
    assert (ended.address.token, ended.lease_until, ended.ended_at) == (None, None, after(5))

    def look(connection: sqlite3.Connection) -> str:
        return "\n".join(connection.iterdump())

    assert "made-up-token" not in await database.read(look)


async def test_a_job_sent_back_to_the_queue_is_what_the_writer_made_of_it(
    store: SqliteJobStore,
) -> None:
    job = await claimed(store)
    job = await store.save(
        job,
        job.evolve(state=JobState.RUNNING, provider_job_id="9", started_at=after(2)),
        now=after(2),
    )
    back = job.evolve(
        state=JobState.QUEUED,
        lease_until=None,
        attempt_token=None,
        provider_job_id=None,
        started_at=None,
        due_at=after(30),
    )
    assert await store.save(job, back, now=after(3)) == back
    assert await claim(store, at=29) is None
    again = await claim(store, at=30)
    assert again is not None
    assert again.attempt == 2


async def test_a_job_that_ends_is_settled_even_if_nobody_said_how(
    store: SqliteJobStore, database: Database, quotas: SqliteQuotaStore
) -> None:
    await move(store, await claimed(store), JobState.FAILED)
    assert await booked(database) == (0, 0)
    done = (JobState.RUNNING, JobState.FETCHING, JobState.READY, JobState.DELIVERING, JobState.DONE)
    await move(store, await claimed(store), *done)
    assert await booked(database) == (1, 0)
    assert await quotas.audit() == []


async def test_what_the_writer_says_about_the_books_goes_first(
    store: SqliteJobStore, database: Database
) -> None:
    job = await claimed(store)
    failed = job.evolve(state=JobState.FAILED)
    await store.save(job, failed, now=after(5), settle=Settlement.COMMIT)
    assert await booked(database) == (1, 0)
