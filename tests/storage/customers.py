"""One member of one server who asks for videos, and the limits that are set for them."""

from datetime import datetime, timedelta

from jobs.model import Job, Requester
from jobs.quota.books import Settlement
from jobs.quota.tiers import EVERYONE, Kind, Setting, Target, Value
from jobs.states import JobState
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, make_act, make_job, make_rule, make_token

ME = Requester(user_id=1001, guild_id=2002)

MEMBER = Target(kind=Kind.MEMBER, id=1001)

ROLE, OTHER_ROLE = Target(kind=Kind.ROLE, id=6), Target(kind=Kind.ROLE, id=7)

TOMORROW = NOW + timedelta(days=1)


async def limit(
    quotas: SqliteQuotaStore, setting: Setting, value: Value, target: Target = EVERYONE
) -> None:
    await quotas.set_rule(make_rule(setting, value, target), act=make_act())


async def spend(store: SqliteJobStore, job: Job, *, at: datetime = NOW) -> Job:
    """Take the queued job of an otherwise idle backend to an end that counts."""
    held = await store.claim(job.backend, token=make_token(), now=at, lease_until=at)
    assert held is not None
    assert held.id == job.id
    failed = held.evolve(state=JobState.FAILED)
    return await store.save(held, failed, now=at, settle=Settlement.COMMIT)


async def ask(store: SqliteJobStore, **overrides: object) -> Job:
    return (await store.enqueue(make_job(**overrides)))[0]


async def used(quotas: SqliteQuotaStore, setting: Setting, *, now: datetime = NOW) -> int:
    found = await quotas.statement(ME, now=now)
    return next(balance.used for balance in found.balances if balance.setting is setting)
