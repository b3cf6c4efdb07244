"""Extras of a member: which is used first, when they end, and what a refund gives back."""

import pytest

from jobs.errors import QuotaExceededError
from jobs.quota.books import Settlement, Unit
from jobs.quota.tiers import Setting
from jobs.states import JobState
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, make_act, make_token
from tests.storage.customers import ME, TOMORROW, ask, limit, spend, used


async def test_extras_drain_first_those_that_end_soonest_in_front_and_do_not_reset(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.VIDEOS_PER_DAY, 1)
    await quotas.grant(ME, Unit.VIDEOS, 1, expires_at=None, act=make_act())
    await quotas.grant(ME, Unit.VIDEOS, 1, expires_at=TOMORROW, act=make_act())
    jobs = [await ask(store)]
    found = await quotas.statement(ME, now=NOW)
    assert [(extra.left, extra.expires_at) for extra in found.bonuses] == [(1, None)]
    assert found.balances[0].left == 1
    jobs += [await ask(store), await ask(store)]
    with pytest.raises(QuotaExceededError):
        await ask(store)
    for job in jobs:
        await spend(store, job)
    await ask(store, created_at=TOMORROW)
    with pytest.raises(QuotaExceededError):
        await ask(store, created_at=TOMORROW)
    assert await quotas.audit() == []


async def test_an_extra_is_kept_where_nothing_limits_its_unit(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await quotas.grant(ME, Unit.VIDEOS, 1, expires_at=None, act=make_act())
    await ask(store)
    assert [extra.left for extra in (await quotas.statement(ME, now=NOW)).bonuses] == [1]


async def test_an_extra_that_has_ended_or_was_taken_back_pays_for_nothing(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.VIDEOS_PER_DAY, 0)
    await quotas.grant(ME, Unit.VIDEOS, 5, expires_at=TOMORROW, act=make_act())
    job = await ask(store)
    with pytest.raises(QuotaExceededError):
        await ask(store, created_at=TOMORROW)
    assert [extra.left for extra in await quotas.revoke(ME, act=make_act())] == [4]
    with pytest.raises(QuotaExceededError):
        await ask(store)
    await spend(store, job)  # what it holds stays its own
    assert await quotas.revoke(ME, act=make_act()) == []
    assert await quotas.audit() == []


async def test_a_refund_gives_an_extra_back_and_a_cheaper_end_uses_it_first(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.MONEY_PER_DAY, 30_000)
    await quotas.grant(ME, Unit.MONEY_MICROS, 10_000, expires_at=None, act=make_act())
    job = await ask(store, price_micros=30_000)
    await store.request_cancel(job.id, now=NOW, by="test")
    assert [extra.left for extra in (await quotas.statement(ME, now=NOW)).bonuses] == [10_000]
    job = await ask(store, price_micros=30_000)
    held = await store.claim("local", token=make_token(), now=NOW, lease_until=NOW)
    assert held is not None
    cheaper = held.evolve(state=JobState.FAILED, price_micros=12_000)
    await store.save(held, cheaper, now=NOW, settle=Settlement.COMMIT)
    assert await used(quotas, Setting.MONEY_PER_DAY) == 2_000
    assert not (await quotas.statement(ME, now=NOW)).bonuses
    assert await quotas.audit() == []
