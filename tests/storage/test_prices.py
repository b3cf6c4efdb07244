"""What a job costs, on its row and in the books."""

import sqlite3
from pathlib import Path

import pytest

from jobs.errors import QuotaExceededError
from jobs.model import Job
from jobs.quota.books import Settlement, Unit
from jobs.quota.tiers import Setting
from jobs.states import JobState
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.migration import migrate, migrations
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, after, make_act, make_job, make_request, make_rule


async def told(database: Database, unit: Unit) -> tuple[int, int]:
    """Return what a member has used and reserved of a unit; their server's books say the same."""

    def look(connection: sqlite3.Connection) -> tuple[int, int]:
        rows = connection.execute("SELECT used, reserved FROM bucket WHERE unit = ?", (unit.value,))
        mine, servers = rows.fetchall()
        assert tuple(mine) == tuple(servers)
        return tuple(mine)

    return await database.read(look)


async def ended(store: SqliteJobStore, job: Job, settle: Settlement | None = None) -> Job:
    """Take a queued job to an end that the rules, or `settle`, say how to book."""
    held = await store.claim(job.backend, token="1" * 32, now=NOW, lease_until=after(60))
    assert held is not None
    failed = held.evolve(state=JobState.FAILED, price_micros=job.price_micros)
    return await store.save(held, failed, now=after(1), settle=settle)


async def test_price_and_refusals_come_back_as_they_were_stored(store: SqliteJobStore) -> None:
    job = make_job(price_micros=20_000, currency="EUR", refused_by=("modelslab",))
    await store.enqueue(job)
    assert await store.get(job.id) == job


async def test_a_job_that_moves_takes_its_new_price_and_queue_with_it(
    store: SqliteJobStore,
) -> None:
    job, _ = await store.enqueue(make_job(price_micros=20_000, currency="EUR"))
    held = await store.claim(job.backend, token="1" * 32, now=NOW, lease_until=after(60))
    assert held is not None
    request = make_request(provider="novita")
    moved = held.evolve(
        state=JobState.QUEUED,
        request=request,
        warnings=("It moved.",),
        price_micros=500,
        refused_by=("local",),
        attempt_token=None,
    )
    assert await store.save(held, moved, now=after(1)) == moved
    assert await store.claim("local", token="2" * 32, now=after(2), lease_until=after(60)) is None
    again = await store.claim("novita", token="3" * 32, now=after(2), lease_until=after(60))
    assert again is not None
    assert (again.id, again.price_micros, again.refused_by) == (job.id, 500, ("local",))


@pytest.mark.parametrize(
    ("price", "settle", "used"),
    [
        (20_000, Settlement.COMMIT, 20_000),
        (500, Settlement.COMMIT, 500),
        (0, Settlement.COMMIT, 0),
        (90_000, Settlement.COMMIT, 20_000),
        (None, Settlement.COMMIT, 20_000),
        (500, Settlement.RELEASE, 0),
    ],
)
async def test_a_commit_takes_what_the_job_cost_and_never_more_than_was_reserved(
    store: SqliteJobStore,
    quotas: SqliteQuotaStore,
    database: Database,
    price: int | None,
    settle: Settlement,
    used: int,
) -> None:
    job, _ = await store.enqueue(make_job(price_micros=20_000, currency="USD"))
    await ended(store, job.evolve(price_micros=price), settle)
    assert await told(database, Unit.MONEY_MICROS) == (used, 0)
    assert await quotas.audit() == []


async def test_a_video_that_came_out_shorter_counts_its_own_length(
    store: SqliteJobStore, quotas: SqliteQuotaStore, database: Database
) -> None:
    job, _ = await store.enqueue(make_job())
    held = await store.claim(job.backend, token="1" * 32, now=NOW, lease_until=after(60))
    assert held is not None
    shorter = held.evolve(state=JobState.FAILED, request=make_request(frames=8))
    await store.save(held, shorter, now=after(1), settle=Settlement.COMMIT)
    assert await told(database, Unit.VIDEO_MS) == (1_000, 0)
    assert await quotas.audit() == []


async def test_what_is_given_back_may_be_reserved_again(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await quotas.set_rule(make_rule(Setting.MONEY_PER_DAY, 20_000), act=make_act())
    job, _ = await store.enqueue(make_job(price_micros=20_000))
    with pytest.raises(QuotaExceededError):
        await store.enqueue(make_job(price_micros=15_000))
    await ended(store, job.evolve(price_micros=5_000), Settlement.COMMIT)
    _, is_new = await store.enqueue(make_job(price_micros=15_000))
    assert is_new


def test_jobs_of_before_the_prices_have_none(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "flipbook.db", isolation_level=None)
    steps = migrations()
    migrate(connection, [step for step in steps if step.number < 3])
    connection.execute(
        "INSERT INTO job (id, origin, origin_key, guild_id, user_id, backend, state, created_at, "
        "cost, address, asked, request, warnings) "
        "VALUES ('old', 'cli', '1', 0, 0, 'local', 'queued', 0, 0, '{}', '{}', '{}', '[]')"
    )
    migrate(connection)
    row = connection.execute("SELECT price_micros, currency, refused_by FROM job").fetchone()
    connection.close()
    assert row == (None, "", "[]")
