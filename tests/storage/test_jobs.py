import asyncio
import sqlite3

import pytest

from jobs.errors import NotFoundError, QuotaExceededError, StaleAttemptError, StorageError
from jobs.model import Address, Failure, Job, JobId, Origin
from jobs.quota import Settlement, Unit
from jobs.states import JobState
from jobs.tiers import Setting
from storage.database import Database
from storage.events import JobEvent, events_of
from storage.jobs import SqliteJobStore
from storage.quotas import SqliteQuotaStore
from tests.factories import (
    NOW,
    after,
    make_act,
    make_artifact,
    make_job,
    make_receipt,
    make_request,
    make_rule,
    make_token,
)


async def claim(store: SqliteJobStore, *, at: float = 1, backend: str = "local") -> Job | None:
    return await store.claim(backend, token=make_token(), now=after(at), lease_until=after(at + 60))


async def claimed(store: SqliteJobStore, job: Job | None = None) -> Job:
    await store.enqueue(job or make_job())
    found = await claim(store)
    assert found is not None
    return found


async def move(store: SqliteJobStore, job: Job, *states: JobState) -> Job:
    for state in states:
        job = await store.save(job, job.evolve(state=state), now=after(5))
    return job


async def story(database: Database, job: Job) -> list[JobEvent]:
    return list(await database.read(lambda connection: events_of(connection, job.id)))


async def booked(database: Database, unit: Unit = Unit.VIDEOS) -> tuple[int, int]:
    def look(connection: sqlite3.Connection) -> tuple[int, int]:
        row = connection.execute(
            "SELECT coalesce(SUM(used), 0), coalesce(SUM(reserved), 0) FROM bucket "
            "WHERE unit = ? AND account LIKE '%/user:%'",
            (unit,),
        ).fetchone()
        return row[0], row[1]

    return await database.read(look)


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


async def test_the_place_in_the_queue_counts_renders_that_come_first(
    store: SqliteJobStore,
) -> None:
    rendering = await claimed(store)
    first, _ = await store.enqueue(make_job(created_at=after(1)))
    second, _ = await store.enqueue(make_job(created_at=after(2)))
    await store.enqueue(make_job(request=make_request(provider="novita")))
    assert [(await store.ahead_of(job))[0] for job in (rendering, first, second)] == [0, 1, 2]
    assert (await store.ahead_of(second))[1] == rendering.request.cost + first.request.cost
    await move(store, rendering, JobState.RUNNING, JobState.FETCHING)
    assert (await store.ahead_of(second))[0] == 1


async def test_an_end_is_told_to_its_card_once(store: SqliteJobStore) -> None:
    job, _ = await store.enqueue(make_job())
    assert await store.stale_cards(limit=5) == []
    ended = await store.request_cancel(job.id, now=NOW, by="user:1001")
    assert [stale.id for stale in await store.stale_cards(limit=5)] == [job.id]
    await store.mark_card(job)
    assert await store.stale_cards(limit=5) != [], "the card showed an earlier state"
    await store.mark_card(ended)
    assert await store.stale_cards(limit=5) == []


async def test_rates_are_seconds_per_cost_of_the_newest_renders(store: SqliteJobStore) -> None:
    cost = make_request().cost
    for seconds in (30, 10, 20):
        job = await move(store, await claimed(store), JobState.RUNNING, JobState.FETCHING)
        ready = job.evolve(
            state=JobState.READY,
            started_at=after(100 - 2 * seconds),
            rendered_at=after(100 - seconds),
        )
        job = await store.save(job, ready, now=after(101))
        await move(store, job, JobState.DELIVERING, JobState.DONE)
    assert await store.rates("local") == [10 / cost, 20 / cost, 30 / cost]
    assert await store.rates("local", limit=2) == [10 / cost, 20 / cost]
    assert await store.rates("novita") == []


async def test_open_jobs_are_listed_oldest_first_and_ended_ones_newest_first(
    store: SqliteJobStore,
) -> None:
    jobs = [
        (await store.enqueue(make_job(guild_id=guild, user_id=user)))[0]
        for guild, user in ((1, 1), (1, 2), (2, 1), (1, 1))
    ]
    ids = [job.id for job in jobs]

    async def listed(*, is_open: bool, limit: int = 9, **who: int) -> list[int]:
        found = await store.list_jobs(is_open=is_open, limit=limit, **who)
        return [ids.index(job.id) for job in found]

    assert await listed(is_open=True) == [0, 1, 2, 3]
    assert await listed(is_open=True, guild_id=1) == [0, 1, 3]
    assert await listed(is_open=True, user_id=1, limit=2) == [0, 2]
    for number, job in enumerate(jobs):
        await store.request_cancel(job.id, now=after(number), by="test")
    assert await listed(is_open=True) == []
    assert await listed(is_open=False) == [3, 2, 1, 0]
    assert await listed(is_open=False, guild_id=1, user_id=1) == [3, 0]
    assert await listed(is_open=False, guild_id=1, limit=2) == [3, 1]
    assert await listed(is_open=False, user_id=1) == [3, 2, 0]


async def test_a_job_that_is_deleted_takes_its_story_along_but_not_the_ledger(
    store: SqliteJobStore, database: Database
) -> None:
    job = await move(store, await claimed(store), JobState.FAILED)

    def forget(connection: sqlite3.Connection) -> tuple[int, int]:
        connection.execute("DELETE FROM job WHERE id = ?", (job.id,))
        counts = connection.execute(
            "SELECT (SELECT COUNT(*) FROM job_event), (SELECT COUNT(*) FROM ledger)"
        ).fetchone()
        return counts[0], counts[1]

    assert await database.write(forget) == (0, 8)  # two units on two sides, there and back


async def test_a_job_that_still_holds_a_reservation_cannot_be_deleted(
    store: SqliteJobStore, database: Database
) -> None:
    await claimed(store)
    with pytest.raises(StorageError, match="open reservation"):
        await database.write(lambda connection: connection.execute("DELETE FROM job"))


@pytest.mark.parametrize("statement", ["UPDATE job_event SET at = 0", "DELETE FROM job_event"])
async def test_the_story_of_a_job_is_append_only(
    store: SqliteJobStore, database: Database, statement: str
) -> None:
    await claimed(store)
    with pytest.raises(StorageError, match="append-only"):
        await database.write(lambda connection: connection.execute(statement))


async def test_a_reservation_that_outlived_its_job_is_drift(
    store: SqliteJobStore, database: Database, quotas: SqliteQuotaStore
) -> None:
    await claimed(store)
    await database.write(
        lambda connection: connection.execute("UPDATE job SET state = 'failed', ended_at = 1")
    )
    found = {
        (drift.account, drift.unit, drift.told, drift.counted) for drift in await quotas.audit()
    }
    assert found == {
        (account, unit, amount, 0)
        for account in ("guild:2002", "guild:2002/user:1001")
        for unit, amount in ((Unit.VIDEOS, 1), (Unit.VIDEO_MS, 2000))
    }
