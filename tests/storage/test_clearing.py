"""Many jobs are cancelled at once: all of a member, or all of a server, under one act."""

import sqlite3
from collections.abc import Sequence

import pytest

from jobs.model import Job
from jobs.moderation.acts import BY_A_MODERATOR, ActKind
from jobs.states import JobState
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.lists import CANCELLABLE
from storage.moderation.audit import SqliteAuditLog
from storage.quota.store import SqliteQuotaStore
from storage.rows import SELECT_JOB
from tests.factories import NOW, after, make_act, make_job, make_token
from tests.storage.crowds import copy
from tests.storage.plans import check_search, steps_of

HERE = 2002
ACT = make_act(guild_id=HERE, kind=ActKind.JOB_CANCEL, target="everyone", at=NOW)


async def cancel(
    store: SqliteJobStore,
    *,
    user_id: int | None = None,
    is_running: bool = False,
    limit: int = 100,
) -> Sequence[Job]:
    return await store.cancel_many(
        HERE,
        user_id=user_id,
        is_running=is_running,
        limit=limit,
        now=after(5),
        by="user:9",
        act=ACT,
    )


async def enqueued(store: SqliteJobStore, **overrides: object) -> Job:
    return (await store.enqueue(make_job(**overrides)))[0]


async def test_what_waits_in_a_server_is_cancelled_oldest_first_and_nothing_else(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    first, second = await enqueued(store), await enqueued(store, user_id=7)
    elsewhere = await enqueued(store, guild_id=3)
    found = await cancel(store)
    assert [job.id for job in found] == [first.id, second.id]
    assert {(job.state, job.failure) for job in found} == {(JobState.CANCELLED, BY_A_MODERATOR)}
    assert (await store.get(elsewhere.id)).state is JobState.QUEUED
    assert await quotas.audit() == []
    assert await store.recount() == []


async def test_one_members_alone_and_no_more_than_the_limit(store: SqliteJobStore) -> None:
    mine = [await enqueued(store, user_id=7) for _ in range(3)]
    others = await enqueued(store)
    assert [job.id for job in await cancel(store, user_id=7, limit=2)] == [mine[0].id, mine[1].id]
    assert [job.id for job in await cancel(store, user_id=7, limit=2)] == [mine[2].id]
    assert (await store.get(others.id)).state is JobState.QUEUED


async def test_one_that_is_being_rendered_is_marked_once_and_only_if_meant(
    store: SqliteJobStore,
) -> None:
    await enqueued(store)
    claimed = await store.claim("local", token=make_token(), now=NOW, lease_until=after(60))
    assert claimed is not None
    assert await cancel(store) == []
    (marked,) = await cancel(store, is_running=True)
    assert (marked.state, marked.cancel_requested) == (JobState.SUBMITTING, True)
    assert await cancel(store, is_running=True) == []


async def test_one_act_names_them_all_and_none_is_written_for_nothing(
    store: SqliteJobStore, database: Database
) -> None:
    jobs = [await enqueued(store) for _ in range(2)]
    await cancel(store)
    await cancel(store)
    (past,) = await SqliteAuditLog(database).acts(HERE, limit=9)
    assert past.act == ACT
    assert past.after == {"videos": "2", "jobs": f"{jobs[0].id} {jobs[1].id}"}


async def test_who_waits_is_counted_by_member_most_first(store: SqliteJobStore) -> None:
    for user_id in (5, 6, 6, 7, 7):
        await enqueued(store, user_id=user_id)
    await enqueued(store, guild_id=3)
    assert await store.waiting_by_member(HERE, limit=9) == {6: 2, 7: 2, 5: 1}
    assert await store.waiting_by_member(HERE, limit=1) == {6: 2}


def plan(connection: sqlite3.Connection) -> list[str]:
    values = {"guild_id": HERE, "user_id": None, "is_running": True, "limit": 9}
    return steps_of(connection, SELECT_JOB + CANCELLABLE, values)


@pytest.mark.parametrize("queued", [0, 2_000])
async def test_what_waits_is_searched_by_index_before_and_after_analyze(
    store: SqliteJobStore, database: Database, queued: int
) -> None:
    await enqueued(store)
    await copy(database, "done", 2_000, ended=1)
    await copy(database, "queued", queued, people=200)
    await check_search(
        database, plan, ("job_waiting (guild_id=?)", "job_open (guild_id=?)", "INTEGER PRIMARY KEY")
    )
