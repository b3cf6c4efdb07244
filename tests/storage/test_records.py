"""What the stored jobs tell: places, rates, lists and stories, and what outlives a job."""

import sqlite3

import pytest

from jobs.errors import StorageError
from jobs.quota.books import Unit
from jobs.states import JobState
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, after, make_job, make_request
from tests.storage.moves import claimed, move


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
