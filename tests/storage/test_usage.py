"""What was made and spent, read from real SQLite by its indexes."""

import sqlite3
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jobs.model import Failure, Job
from jobs.moderation.acts import ActKind
from jobs.quota.books import Settlement
from jobs.states import JobState
from jobs.usage.days import DayOfUse, JobRow
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.moderation.audit import SqliteAuditLog
from storage.usage import (
    ENDED_ROWS,
    FAILURES,
    MEMBERS,
    OPEN_ROWS,
    TOTALS,
    WAITING,
    WAITS,
    SqliteUsageStore,
)
from tests.factories import (
    NOW,
    after,
    make_act,
    make_artifact,
    make_job,
    make_request,
    make_token,
)
from tests.storage.crowds import copy

GUILD = 2002
TODAY = NOW.date()
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def usage(database: Database) -> SqliteUsageStore:
    return SqliteUsageStore(database)


async def made(store: SqliteJobStore, job: Job | None = None, **changes: Any) -> Job:
    """Bring a job through its states to `state`; it is asked, started and ended when told."""
    job, _ = await store.enqueue(job or make_job())
    final = JobState(changes.pop("state", JobState.DONE))
    started_at = changes.pop("started_at", job.created_at + timedelta(seconds=3))
    ended_at = changes.pop("ended_at", NOW + timedelta(seconds=10))
    claimed = await store.claim(
        job.backend, token=make_token(), now=started_at, lease_until=started_at + DAY
    )
    assert claimed is not None
    assert claimed.id == job.id
    route = [JobState.RUNNING]
    if final in (JobState.DONE, JobState.UNDELIVERED):
        route += [JobState.FETCHING, JobState.READY, JobState.DELIVERING]
        artifact = make_artifact(job)
        changes = {"rendered_at": ended_at, "artifact": artifact} | changes
    for state in route:
        moved = claimed.evolve(state=state, started_at=started_at)
        claimed = await store.save(claimed, moved, now=started_at)
    end = claimed.evolve(state=final, ended_at=ended_at, **changes)
    return await store.save(claimed, end, now=ended_at)


async def test_a_day_tells_what_ended_on_it(store: SqliteJobStore, usage: SqliteUsageStore) -> None:
    paid = {"price_micros": 50_000, "currency": "USD"}
    novita = make_request(provider="novita", width=512, height=512)
    await made(store)
    await made(store, make_job(user_id=5, request=novita, **paid), started_at=after(4.9))
    await made(
        store,
        make_job(request=novita, **paid),
        state=JobState.FAILED,
        failure=Failure(code="render_failed", message="It failed."),
    )
    await made(store, state=JobState.CANCELLED)
    await store.enqueue(make_job())
    assert await usage.day(GUILD, TODAY) == DayOfUse(
        day=TODAY,
        videos=2,
        video_ms=4000,
        money={("novita", "USD"): 50_000},
        waits={3: 3, 4: 1},
        failures={"render_failed": 1},
        cancelled=1,
        members={1001: 1, 5: 1},
    )
    assert await usage.waiting(GUILD) == 1


@pytest.mark.parametrize(
    ("changes", "spent"),
    [
        ({"state": JobState.DONE}, 70),
        ({"state": JobState.UNDELIVERED, "failure": Failure(code="x", message="y")}, 70),
        ({"state": JobState.CANCELLED}, 70),  # its rendering had begun, so it counts
        ({"state": JobState.FAILED, "failure": Failure(code="x", message="y")}, 0),
        (
            {"state": JobState.FAILED, "failure": Failure(code="x", message="y", is_ours=False)},
            70,  # a moderator had it counted
        ),
        (
            {
                "state": JobState.FAILED,
                "failure": Failure(code="bad_file", message="y"),
                "rendered_at": NOW,  # the provider made it
            },
            70,
        ),
    ],
)
async def test_money_is_what_a_provider_made_or_what_counts(
    store: SqliteJobStore, usage: SqliteUsageStore, changes: dict[str, Any], spent: int
) -> None:
    await made(store, make_job(price_micros=70, currency="USD"), **changes)
    money = (await usage.day(GUILD, TODAY)).money
    assert money == ({("local", "USD"): spent} if spent else {})


async def test_days_begin_at_midnight_in_utc(
    store: SqliteJobStore, usage: SqliteUsageStore
) -> None:
    asked = MIDNIGHT - timedelta(minutes=5)
    moment = timedelta(microseconds=1)
    for ended_at in (MIDNIGHT - moment, MIDNIGHT, MIDNIGHT + DAY - moment, MIDNIGHT + DAY):
        await made(store, make_job(created_at=asked), ended_at=ended_at)
    found = [(await usage.day(GUILD, TODAY + DAY * shift)).videos for shift in (-2, -1, 0, 1, 2)]
    assert found == [0, 1, 2, 1, 0]


async def test_another_servers_jobs_are_nowhere(
    store: SqliteJobStore, usage: SqliteUsageStore
) -> None:
    await made(store, make_job(guild_id=7))
    await store.enqueue(make_job(guild_id=7))
    assert await usage.day(GUILD, TODAY) == DayOfUse(day=TODAY)
    assert await usage.waiting(GUILD) == 0
    assert await usage.open_rows(GUILD, limit=9) == []
    assert await pages(usage, size=9) == []


async def pages(usage: SqliteUsageStore, *, size: int, with_prompts: bool = False) -> list[JobRow]:
    """Return all ended rows of the day, read page by page."""
    found: list[JobRow] = []
    before = (MIDNIGHT + DAY, -1)
    while page := await usage.ended_rows(
        GUILD, since=MIDNIGHT, before=before, limit=size, with_prompts=with_prompts
    ):
        assert len(page) <= size
        found += page
        assert page[-1].ended_at is not None
        before = (page[-1].ended_at, page[-1].number)
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_pages_hold_each_job_once_newest_first(
    store: SqliteJobStore, usage: SqliteUsageStore, size: int
) -> None:
    ends = [after(10), after(20), after(20), after(20), after(30)]
    jobs = [await made(store, ended_at=end) for end in ends]
    assert [row.id for row in await pages(usage, size=size)] == [job.id for job in reversed(jobs)]


async def test_a_row_tells_its_job(store: SqliteJobStore, usage: SqliteUsageStore) -> None:
    job = make_job(price_micros=70, currency="USD")
    await made(store, job, started_at=after(3.25), rendered_at=after(8.5))
    (row,) = await pages(usage, size=9, with_prompts=True)
    assert row == JobRow(
        number=1,
        id=job.id,
        asked_at=NOW,
        ended_at=after(10),
        member_id=1001,
        provider="local",
        model="flipbook-shapes",
        state=JobState.DONE,
        video_ms=2000,
        frames=16,
        width=128,
        height=128,
        steps=12,
        price_micros=70,
        currency="USD",
        waited_s=3.25,
        rendered_s=5.25,
        counted=True,
        prompt="a lighthouse at dusk",
    )


async def test_prompts_are_read_only_where_they_are_asked_for(
    store: SqliteJobStore, usage: SqliteUsageStore
) -> None:
    await made(store)
    await store.enqueue(make_job())
    assert [row.prompt for row in await pages(usage, size=9)] == [None]
    assert [row.prompt for row in await usage.open_rows(GUILD, limit=9)] == [None]


async def test_an_open_job_is_neither_counted_nor_not(
    store: SqliteJobStore, usage: SqliteUsageStore
) -> None:
    old, _ = await store.enqueue(make_job())
    new, _ = await store.enqueue(make_job())
    rows = await usage.open_rows(GUILD, limit=9, with_prompts=True)
    assert [row.id for row in rows] == [new.id, old.id]
    assert [(row.counted, row.ended_at, row.video_ms, row.waited_s) for row in rows] == [
        (None, None, None, None)
    ] * 2
    assert [row.prompt for row in rows] == ["a lighthouse at dusk"] * 2


async def test_what_was_given_back_does_not_count(
    store: SqliteJobStore, usage: SqliteUsageStore
) -> None:
    job, _ = await store.enqueue(make_job())
    ended = job.evolve(state=JobState.CANCELLED, ended_at=NOW)
    await store.save(job, ended, now=NOW, settle=Settlement.RELEASE)
    (row,) = await pages(usage, size=9)
    assert row.counted is False


async def test_an_export_is_in_the_audit(usage: SqliteUsageStore, database: Database) -> None:
    act = make_act(kind=ActKind.USAGE_EXPORT, target="server")
    await usage.note_export(act, told={"rows": "3"})
    (past,) = await SqliteAuditLog(database).acts(GUILD, limit=9)
    assert (past.act, past.after) == (act, {"rows": "3"})


VALUES: Mapping[str, object] = {
    "guild_id": GUILD,
    "start": 1,
    "end": 2,
    "since": 1,
    "number": 1,
    "limit": 5,
    "with_prompts": True,
}


def plans(connection: sqlite3.Connection) -> list[list[str]]:
    queries = [TOTALS, WAITS, FAILURES, MEMBERS, ENDED_ROWS, OPEN_ROWS, WAITING]
    return [
        [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", VALUES)]
        for query in queries
    ]


async def test_everything_is_found_by_index_before_and_after_analyze(
    store: SqliteJobStore, database: Database
) -> None:
    await store.enqueue(make_job())
    await copy(database, "done", 20_000, ended=1, people=500)
    found = await database.write(plans)
    await database.write(lambda connection: connection.execute("ANALYZE"))
    assert await database.write(plans) == found
    for steps in found[:4]:
        assert "job_ended_guild (guild_id=? AND ended_at>? AND ended_at<?)" in steps[0]
    assert "job_ended_guild (guild_id=? AND ended_at>? AND ended_at<?)" in found[4][0]
    assert not any("TEMP B-TREE" in step for step in found[4]), "a page is read in its order"
    for steps in found[5:]:
        assert "job_open (guild_id=?)" in steps[0]
    reads_books = [step for steps in found for step in steps if "reservation" in step]
    assert reads_books
    assert all("PRIMARY KEY (job_id=?)" in step for step in reads_books), reads_books
    assert not any("SCAN job" in step for steps in found for step in steps)


async def test_a_day_of_a_server_without_any_is_empty(usage: SqliteUsageStore) -> None:
    assert await usage.day(GUILD, date(2020, 2, 29)) == DayOfUse(day=date(2020, 2, 29))
