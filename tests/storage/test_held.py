"""Held jobs: in no line, their reservation open, and decided about once."""

import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.errors import NotAllowedError, NotFoundError
from jobs.model import Job
from jobs.moderation.acts import ActKind
from jobs.moderation.guilds import GuildSettings
from jobs.moderation.review import HELD_FOR, REFUSED, UNREVIEWED
from jobs.states import JobState
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.lists import HELD, OVERDUE, QUEUED_AT
from storage.moderation.audit import SqliteAuditLog
from storage.moderation.guilds import SqliteGuildStore
from storage.quota.store import SqliteQuotaStore
from storage.rows import SELECT_JOB
from storage.turns import CALL_BACK
from tests.factories import NOW, after, make_act, make_job, make_token

GUILD = make_job().requester.guild_id


async def hold(store: SqliteJobStore) -> Job:
    job = make_job(held_until=NOW + HELD_FOR, held_for="rule 1")
    return (await store.enqueue(job, news="a prompt waits"))[0]


async def claimed(store: SqliteJobStore, at: float = 10) -> Job | None:
    return await store.claim("local", token=make_token(), now=after(at), lease_until=after(at + 60))


async def decide(
    store: SqliteJobStore, job: Job, *, is_approved: bool, guild_id: int = GUILD
) -> Job:
    kind = ActKind.REVIEW_APPROVE if is_approved else ActKind.REVIEW_REFUSE
    act = make_act(kind=kind, guild_id=guild_id, target=f"job:{job.id}")
    failure = None if is_approved else REFUSED
    return await store.decide_held(job.id, failure=failure, now=after(5), act=act)


async def open_reservations(database: Database) -> int:
    def work(connection: sqlite3.Connection) -> int:
        query = "SELECT COUNT(*) FROM reservation WHERE state = 'open'"
        return int(connection.execute(query).fetchone()[0])

    return await database.read(work)


async def test_a_held_job_is_never_claimed_and_keeps_its_reservation(
    database: Database, store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    job = await hold(store)
    assert job.is_held
    assert await claimed(store, at=1e7) is None
    assert await store.recount() == []
    assert await store.queued_at("local") == []
    assert await open_reservations(database) > 0
    assert await quotas.audit() == []
    assert [one.id for one in await store.held(GUILD, limit=5)] == [job.id]
    assert await store.held(GUILD + 1, limit=5) == []


async def test_an_approved_job_comes_at_the_place_of_its_arrival(store: SqliteJobStore) -> None:
    held = await hold(store)
    later, _ = await store.enqueue(make_job(created_at=after(1)))
    await store.recount()  # sweeps idle lanes away
    approved = await decide(store, held, is_approved=True)
    assert not approved.is_held
    assert await store.recount() == []
    first, second = await claimed(store), await claimed(store)
    assert [one.id for one in (first, second) if one] == [held.id, later.id]
    assert await store.recount() == []


async def test_a_refused_job_ends_and_gives_everything_back(
    database: Database, store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    refused = await decide(store, await hold(store), is_approved=False)
    assert (refused.state, refused.failure) == (JobState.FAILED, REFUSED)
    assert await open_reservations(database) == 0
    assert await quotas.audit() == []
    assert await store.recount() == []
    assert [job.id for job in await store.stale_cards(limit=5)] == [refused.id]


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True)])
async def test_of_two_decisions_the_first_counts_and_is_the_only_act(
    database: Database, store: SqliteJobStore, *, first: bool, second: bool
) -> None:
    held = await hold(store)
    decided = await decide(store, held, is_approved=first)
    with pytest.raises(NotAllowedError, match="does not wait for a moderator any more"):
        await decide(store, held, is_approved=second)
    assert await store.get(held.id) == decided
    acts = await SqliteAuditLog(database).acts(GUILD, limit=9)
    assert [past.act.kind.value for past in acts] == [
        "review_approve" if first else "review_refuse"
    ]


async def test_another_server_decides_nothing(store: SqliteJobStore) -> None:
    held = await hold(store)
    with pytest.raises(NotFoundError):
        await decide(store, held, is_approved=True, guild_id=GUILD + 1)
    assert (await store.get(held.id)).is_held


async def test_what_nobody_looked_at_ends_after_a_day_at_no_cost(
    database: Database, store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    held = await hold(store)
    day = HELD_FOR.total_seconds()
    early = NOW + HELD_FOR - timedelta(microseconds=1)
    assert await store.end_overdue(now=early, failure=UNREVIEWED, limit=9) == []
    (ended,) = await store.end_overdue(now=after(day), failure=UNREVIEWED, limit=9)
    assert (ended.id, ended.state, ended.failure) == (held.id, JobState.FAILED, UNREVIEWED)
    assert await store.end_overdue(now=after(day), failure=UNREVIEWED, limit=9) == []
    assert await open_reservations(database) == 0
    assert await quotas.audit() == []


async def test_a_member_cancels_what_is_held(store: SqliteJobStore) -> None:
    held = await hold(store)
    cancelled = await store.request_cancel(held.id, now=after(1), by="user:1")
    assert cancelled.state is JobState.CANCELLED
    assert await store.held(GUILD, limit=5) == []
    assert await store.recount() == []


async def test_a_start_over_the_same_file_finds_it_held(tmp_path: Path) -> None:
    path = tmp_path / "flipbook.db"
    async with Database.open(path) as database:
        held = await hold(SqliteJobStore(database))
    async with Database.open(path) as database:
        store = SqliteJobStore(database)
        assert await store.abandon_leases() == 0
        assert await store.get(held.id) == held
        assert await claimed(store, at=1e7) is None


async def test_the_log_channel_is_told_with_the_job_and_once(
    database: Database, store: SqliteJobStore
) -> None:
    guilds = SqliteGuildStore(database)
    await _set_log_channel(guilds)
    held = await hold(store)
    await store.enqueue(held, news="a prompt waits")
    keys = [news.key for news in await guilds.unsent_news(limit=9)]
    assert keys == [f"held:{held.id}"]


async def test_no_question_about_held_jobs_reads_the_history(database: Database) -> None:
    def steps(connection: sqlite3.Connection) -> Sequence[str]:
        values = {"guild_id": 1, "limit": 5, "now": 5, "backend": "local"}
        queries = [SELECT_JOB + tail for tail in (HELD, OVERDUE, QUEUED_AT)]
        return [
            row["detail"]
            for query in [*queries, CALL_BACK]
            for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", values)
        ]

    told = await database.read(steps)
    assert any("job_held (guild_id=?)" in step for step in told)
    assert any("job_held_until (held_until" in step for step in told)
    assert not [step for step in told if step.startswith("SCAN") and "INDEX" not in step]


async def _set_log_channel(guilds: SqliteGuildStore) -> None:
    act = make_act(guild_id=GUILD)
    settings = GuildSettings(guild_id=GUILD, log_channel_id=77)
    await guilds.save_settings(settings, act=act)
    for news in await guilds.unsent_news(limit=9):
        await guilds.mark_sent(news, now=NOW)
