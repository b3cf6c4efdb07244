"""A server's budget: what all its members take together, and who is told when it runs low."""

import pytest

from jobs.errors import QuotaExceededError
from jobs.moderation.guilds import GuildSettings, News
from jobs.quota.tiers import SERVER, Setting
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.moderation.guilds import SqliteGuildStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, after, make_act, make_job, make_rule


@pytest.fixture
async def guilds(database: Database) -> SqliteGuildStore:
    store = SqliteGuildStore(database)
    settings = GuildSettings(guild_id=2002, log_channel_id=55)
    await store.save_settings(settings, act=make_act(target="server"))
    return store


@pytest.fixture
async def budget(quotas: SqliteQuotaStore) -> None:
    rule = make_rule(Setting.MONEY_PER_MONTH, 100_000, SERVER)
    await quotas.set_rule(rule, act=make_act(target="server"))


async def warnings(guilds: SqliteGuildStore) -> list[News]:
    """Take all news, and return those that are about the budget."""
    found: list[News] = []
    while news := await guilds.unsent_news(limit=10):
        for one in news:
            await guilds.mark_sent(one, now=NOW)
        found += [one for one in news if "budget is spoken for" in one.text]
    return found


async def spend(store: SqliteJobStore, user_id: int, micros: int) -> None:
    await store.enqueue(make_job(user_id=user_id, price_micros=micros, currency="EUR"))


@pytest.mark.usefixtures("budget")
async def test_members_share_one_budget_and_are_told_when_it_is_used_up(
    store: SqliteJobStore,
) -> None:
    await spend(store, 1, 60_000)
    await spend(store, 2, 30_000)
    with pytest.raises(QuotaExceededError) as caught:
        await spend(store, 3, 20_000)
    assert caught.value.user_message == (
        "This takes 0.02 EUR, and of this server's 0.10 EUR a month 0.01 EUR is left; "
        "it resets on 2026-12-01 at 00:00 UTC."
    )
    await spend(store, 3, 10_000)


@pytest.mark.usefixtures("budget")
async def test_the_log_channel_is_told_once_when_four_fifths_are_spoken_for(
    store: SqliteJobStore, guilds: SqliteGuildStore
) -> None:
    await spend(store, 1, 79_000)
    assert await warnings(guilds) == []
    await spend(store, 2, 1_000)
    (told,) = await warnings(guilds)
    assert told.channel_id == 55
    assert told.text == (
        "**80 % of this server's budget is spoken for**: 0.08 EUR of 0.10 EUR this month. "
        "It begins anew on 2026-12-01 at 00:00 UTC."
    )
    await spend(store, 2, 10_000)
    assert await warnings(guilds) == []


@pytest.mark.usefixtures("budget")
async def test_a_refused_ask_warns_nobody_and_the_next_month_warns_anew(
    store: SqliteJobStore, guilds: SqliteGuildStore
) -> None:
    with pytest.raises(QuotaExceededError):
        await spend(store, 1, 101_000)
    assert await warnings(guilds) == []
    await spend(store, 1, 90_000)
    assert len(await warnings(guilds)) == 1
    later = after(86_400 * 15)
    job = make_job(price_micros=90_000, currency="EUR", created_at=later)
    await store.enqueue(job)
    assert len(await warnings(guilds)) == 1


@pytest.mark.usefixtures("budget")
async def test_without_a_log_channel_a_warning_waits_for_nobody(
    store: SqliteJobStore, database: Database
) -> None:
    await spend(store, 1, 90_000)
    assert await warnings(SqliteGuildStore(database)) == []
