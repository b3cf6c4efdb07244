"""Limits, from the ask to the refund, on real SQLite."""

import asyncio
import sqlite3
from datetime import datetime, timedelta

import pytest

from jobs.errors import NotAllowedError, QuotaExceededError, StorageError
from jobs.model import Job, Origin
from jobs.quota.tiers import SERVER, OperatorRules, Setting, Value
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, make_act, make_request, make_rule
from tests.storage.customers import ME, MEMBER, OTHER_ROLE, ROLE, ask, limit, spend


async def test_where_nobody_set_a_limit_there_is_none(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    for _ in range(30):
        await ask(store)
    terms = await quotas.terms_of(ME, now=NOW)
    assert not terms.tier.rules
    assert not terms.server.rules
    assert await quotas.audit() == []


@pytest.mark.parametrize(
    ("setting", "value", "asked", "sentence"),
    [
        (
            Setting.VIDEOS_PER_DAY,
            0,
            {},
            "This takes 1 video, and your allowance a day is none.",
        ),
        (
            Setting.SECONDS_PER_WEEK,
            1500,
            {},
            (
                "This takes 2 s, and of your 1.5 s a week 1.5 s is left; "
                "it resets on 2026-11-23 at 00:00 UTC."
            ),
        ),
        (
            Setting.MONEY_PER_MONTH,
            10_000,
            {"price_micros": 1_500_000, "currency": "EUR"},
            (
                "This takes 1.50 EUR, and of your 0.01 EUR a month 0.01 EUR is left; "
                "it resets on 2026-12-01 at 00:00 UTC."
            ),
        ),
        (
            Setting.LONGEST_SIDE,
            64,
            {},
            (
                "That is too much for you here: the longer side would be 128 px, and at most 64 px "
                "is allowed (set for everyone here)."
            ),
        ),
        (
            Setting.LONGEST_VIDEO,
            1000,
            {},
            (
                "That is too much for you here: its length would be 2 s, and at most 1 s "
                "is allowed (set for everyone here)."
            ),
        ),
        (
            Setting.PROVIDERS,
            frozenset({"novita"}),
            {},
            "The local engine is not for you here; allowed: novita (set for everyone here).",
        ),
        (
            Setting.MODELS,
            frozenset[str](),
            {},
            "The model flipbook-shapes is not for you here; allowed: none (set for everyone here).",
        ),
        (
            Setting.AT_ONCE,
            0,
            {},
            "You may not make videos here (set for everyone here): at once: none.",
        ),
        (
            Setting.MONEY_PER_DAY,
            5_000_000,
            {"request": make_request(provider="novita")},
            (
                "Nobody told Flipbook what flipbook-shapes costs at Novita, and money is limited "
                "here; pick another model, or have the bot's operator add its price."
            ),
        ),
    ],
)
async def test_a_refusal_says_what_is_allowed_what_is_left_and_who_set_it(
    store: SqliteJobStore,
    quotas: SqliteQuotaStore,
    setting: Setting,
    value: Value,
    asked: dict[str, object],
    sentence: str,
) -> None:
    await limit(quotas, setting, value)
    with pytest.raises((NotAllowedError, QuotaExceededError)) as caught:
        await ask(store, **asked)
    assert caught.value.user_message == sentence
    assert await store.list_jobs(is_open=True, limit=1) == []
    assert await quotas.audit() == []


async def test_a_member_s_own_limit_beats_those_of_roles_and_the_server(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.VIDEOS_PER_DAY, 0)
    await limit(quotas, Setting.VIDEOS_PER_DAY, 0, ROLE)
    await limit(quotas, Setting.VIDEOS_PER_DAY, 1, MEMBER)
    await ask(store, role_ids=(6,))
    with pytest.raises(QuotaExceededError):
        await ask(store, role_ids=(6,))


async def test_of_several_roles_the_most_generous_counts_and_roles_of_others_do_not(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.VIDEOS_PER_DAY, None)
    await limit(quotas, Setting.VIDEOS_PER_DAY, 1, ROLE)
    await limit(quotas, Setting.VIDEOS_PER_DAY, 2, OTHER_ROLE)
    for _ in range(2):
        await ask(store, role_ids=(6, 7))
    with pytest.raises(QuotaExceededError, match="of your 2 videos"):
        await ask(store, role_ids=(6, 7))
    with pytest.raises(QuotaExceededError, match="of your 1 video"):
        await ask(store, role_ids=(6,))
    await ask(store)  # the role was taken away: the server's word is unlimited


async def test_limits_of_one_server_are_none_in_another(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.VIDEOS_PER_DAY, 0)
    await ask(store, guild_id=3)
    with pytest.raises(QuotaExceededError):
        await ask(store)


async def test_whoever_sits_at_the_command_line_owns_the_machine(database: Database) -> None:
    none = make_rule(Setting.VIDEOS_PER_DAY, 0)
    store = SqliteJobStore(database, operator=OperatorRules(member=[none], server=[none]))
    await ask(store, origin=Origin.CLI, user_id=0, guild_id=0)
    with pytest.raises(QuotaExceededError):
        await ask(store, user_id=5, guild_id=6)


async def test_the_operator_s_word_holds_where_a_server_says_nothing_and_bounds_its_budget(
    database: Database, quotas: SqliteQuotaStore
) -> None:
    operator = OperatorRules(
        member=[make_rule(Setting.VIDEOS_PER_DAY, 1)],
        server=[make_rule(Setting.VIDEOS_PER_MONTH, 3)],
        servers={77: [make_rule(Setting.VIDEOS_PER_MONTH, 4)]},
    )
    store = SqliteJobStore(database, operator=operator)
    await ask(store)
    with pytest.raises(QuotaExceededError, match="of your 1 video a day"):
        await ask(store)
    await limit(quotas, Setting.VIDEOS_PER_DAY, None)
    await limit(quotas, Setting.VIDEOS_PER_MONTH, 1000, SERVER)
    for _ in range(2):
        await ask(store)
    with pytest.raises(QuotaExceededError, match="of this server's 3 videos a month"):
        await ask(store)
    for user_id in range(4):
        await ask(store, guild_id=77, user_id=user_id)
    with pytest.raises(QuotaExceededError, match="of this server's 4 videos a month"):
        await ask(store, guild_id=77, user_id=9)


async def test_many_asks_at_once_never_go_over_the_limit(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.VIDEOS_PER_WEEK, 7)
    answers = await asyncio.gather(*(ask(store) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(answer, Job) for answer in answers) == 7
    assert sum(isinstance(answer, QuotaExceededError) for answer in answers) == 13
    assert await quotas.audit() == []


async def test_a_limit_lowered_below_what_is_used_refuses_and_breaks_nothing(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.VIDEOS_PER_DAY, 5)
    jobs = [await ask(store) for _ in range(5)]
    await limit(quotas, Setting.VIDEOS_PER_DAY, 2)
    with pytest.raises(QuotaExceededError, match="of your 2 videos a day none is left"):
        await ask(store)
    found = await quotas.statement(ME, now=NOW)
    assert (found.balances[0].left, found.balances[0].reserved) == (0, 5)
    for job in jobs:
        await store.request_cancel(job.id, now=NOW, by="test")
    await ask(store)
    assert await quotas.audit() == []


@pytest.mark.parametrize(
    ("setting", "days_later", "is_refused"),
    [
        (Setting.VIDEOS_PER_DAY, 0, True),
        (Setting.VIDEOS_PER_DAY, 1, False),
        (Setting.VIDEOS_PER_WEEK, 1, True),  # 2026-11-21 is a Saturday
        (Setting.VIDEOS_PER_WEEK, 2, False),
        (Setting.VIDEOS_PER_MONTH, 9, True),
        (Setting.VIDEOS_PER_MONTH, 10, False),
    ],
)
async def test_an_allowance_begins_anew_with_its_day_week_or_month_in_utc(
    store: SqliteJobStore,
    quotas: SqliteQuotaStore,
    setting: Setting,
    days_later: int,
    *,
    is_refused: bool,
) -> None:
    await limit(quotas, setting, 1)
    await spend(store, await ask(store))
    later = NOW + timedelta(days=days_later)
    if is_refused:
        with pytest.raises(QuotaExceededError):
            await ask(store, created_at=later)
    else:
        await ask(store, created_at=later)


async def test_a_refund_after_midnight_goes_back_to_the_day_the_week_and_the_month_it_came_from(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    last_day = datetime.fromisoformat("2026-11-30T23:59:00+00:00")  # a Monday
    job = await ask(store, created_at=last_day)
    await store.request_cancel(job.id, now=last_day + timedelta(minutes=2), by="test")
    for setting in (Setting.VIDEOS_PER_DAY, Setting.VIDEOS_PER_WEEK, Setting.VIDEOS_PER_MONTH):
        await limit(quotas, setting, 1)
    await ask(store, created_at=last_day)
    with pytest.raises(QuotaExceededError, match="a week"):
        await ask(store, created_at=last_day + timedelta(minutes=2))
    assert await quotas.audit() == []


async def test_a_limit_that_is_set_late_counts_what_was_used_before(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await spend(store, await ask(store))
    await limit(quotas, Setting.VIDEOS_PER_MONTH, 1, SERVER)
    with pytest.raises(QuotaExceededError, match="of this server's 1 video a month"):
        await ask(store, user_id=5)


async def test_clearing_tells_what_was_there_and_is_no_act_where_nothing_was(
    quotas: SqliteQuotaStore, database: Database
) -> None:
    await limit(quotas, Setting.VIDEOS_PER_DAY, 5, ROLE)
    await limit(quotas, Setting.WEIGHT, 2.5, ROLE)
    await limit(quotas, Setting.MODELS, frozenset({"a", "b"}))
    act = make_act()
    cleared = await quotas.clear_rules(ROLE, Setting.VIDEOS_PER_DAY, act=act)
    assert cleared == [make_rule(Setting.VIDEOS_PER_DAY, 5, ROLE)]
    assert await quotas.clear_rules(ROLE, Setting.VIDEOS_PER_DAY, act=act) == []
    assert await quotas.clear_rules(ROLE, None, act=act) == [make_rule(Setting.WEIGHT, 2.5, ROLE)]
    assert await quotas.rules(2002) == [make_rule(Setting.MODELS, frozenset({"a", "b"}))]

    def acts(connection: sqlite3.Connection) -> int:
        number: int = connection.execute("SELECT COUNT(*) FROM audit").fetchone()[0]
        return number

    assert await database.read(acts) == 5


async def test_a_limit_that_cannot_be_read_refuses_everyone_there_and_nobody_elsewhere(
    store: SqliteJobStore, database: Database
) -> None:
    await database.write(
        lambda connection: connection.execute(
            "INSERT INTO quota_rule VALUES (2002, 'everyone', 'moons_per_day', '1')"
        )
    )
    with pytest.raises(StorageError, match="cannot be read"):
        await ask(store)
    await ask(store, guild_id=3)
