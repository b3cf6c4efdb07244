"""What a member can read about their allowances, and what a reset does to it."""

from datetime import timedelta

import pytest

from jobs.quota.books import Unit
from jobs.quota.statements import EntryKind
from jobs.quota.tiers import SERVER, Setting
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, after, make_act
from tests.storage.customers import ME, MEMBER, ask, limit, spend, used


@pytest.mark.parametrize(
    ("setting", "left_over"),
    [(Setting.VIDEOS_PER_DAY, 1), (Setting.VIDEOS_PER_WEEK, 0), (None, 0)],
)
async def test_a_reset_gives_back_what_was_used_and_leaves_what_is_held(
    store: SqliteJobStore, quotas: SqliteQuotaStore, setting: Setting | None, left_over: int
) -> None:
    await spend(store, await ask(store, created_at=NOW - timedelta(days=1)))
    await spend(store, await ask(store))
    await ask(store)
    given = await quotas.reset(ME, setting, act=make_act())
    assert given[Unit.VIDEOS] == 2 - left_over
    assert await used(quotas, Setting.VIDEOS_PER_WEEK) == left_over
    found = await quotas.statement(ME, now=NOW)
    assert found.balances[0].reserved == 1
    assert not await quotas.reset(ME, setting, act=make_act())
    assert await quotas.audit() == []


async def test_a_statement_tells_every_allowance_and_when_it_begins_anew(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.SECONDS_PER_MONTH, 60_000, MEMBER)
    await limit(quotas, Setting.MONEY_PER_MONTH, 5_000_000, SERVER)
    await spend(store, await ask(store))
    await ask(store)
    found = await quotas.statement(ME, now=NOW)
    by_setting = {balance.setting: balance for balance in found.balances}
    assert len(by_setting) == 9
    seconds = by_setting[Setting.SECONDS_PER_MONTH]
    assert (seconds.used, seconds.reserved, seconds.left) == (2_000, 2_000, 56_000)
    assert seconds.rule is not None
    assert seconds.rule.target == MEMBER
    assert f"{seconds.resets_at:%Y-%m-%d}" == "2026-12-01"
    assert by_setting[Setting.VIDEOS_PER_DAY].left is None
    assert [(one.setting, one.left) for one in found.server] == [
        (Setting.MONEY_PER_MONTH, 5_000_000)
    ]
    assert found.waiting == 1


async def test_the_history_tells_what_became_of_every_charge_newest_first(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    made = await ask(store)
    await spend(store, made, at=after(1))
    dropped = await ask(store)
    await store.request_cancel(dropped.id, now=after(2), by="test")
    waiting = await ask(store, created_at=after(3))
    await quotas.reset(ME, Setting.VIDEOS_PER_DAY, act=make_act(at=after(4)))
    await quotas.grant(ME, Unit.VIDEOS, 2, expires_at=None, act=make_act(at=after(5)))
    await ask(store, user_id=5)
    found = await quotas.history(ME, limit=10)
    assert [(entry.kind, entry.job_id) for entry in found] == [
        (EntryKind.GRANTED, None),
        (EntryKind.RESET, None),
        (EntryKind.HELD, waiting.id),
        (EntryKind.GIVEN_BACK, dropped.id),
        (EntryKind.USED, made.id),
    ]
    assert dict(found[4].amounts) == {Unit.VIDEOS: 1, Unit.VIDEO_MS: 2_000}
    assert dict(found[3].amounts) == {Unit.VIDEOS: 1, Unit.VIDEO_MS: 2_000}
    assert dict(found[1].amounts) == {Unit.VIDEOS: 1}
    assert await quotas.history(ME, limit=2) == found[:2]
