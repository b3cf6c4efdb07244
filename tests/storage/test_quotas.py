"""Limits, extras and books, from the ask to the refund, on real SQLite."""

import asyncio
import sqlite3
from datetime import datetime, timedelta

import pytest

from jobs.errors import NotAllowedError, QuotaExceededError, StorageError
from jobs.model import Job, Origin, Requester
from jobs.quota import Drift, Settlement, Unit
from jobs.statements import EntryKind
from jobs.states import JobState
from jobs.tiers import EVERYONE, SERVER, Kind, OperatorRules, Setting, Target, Value
from storage.books import settle
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quotas import SqliteQuotaStore
from tests.factories import NOW, after, make_act, make_job, make_request, make_rule, make_token

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


async def test_only_so_many_may_wait_and_a_claim_makes_room(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.WAITING, 2)
    for _ in range(2):
        await ask(store)
    with pytest.raises(QuotaExceededError, match="2 of your videos wait already, and at most 2"):
        await ask(store, request=make_request(provider="novita"))
    await ask(store, user_id=5)
    assert await store.claim("local", token=make_token(), now=NOW, lease_until=after(60))
    await ask(store)


async def test_a_member_at_their_cap_lets_others_pass_until_one_of_theirs_is_done(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.AT_ONCE, 1, MEMBER)
    for user_id in (1001, 1001, 5):
        await ask(store, user_id=user_id)

    async def claim() -> Job | None:
        return await store.claim("local", token=make_token(), now=NOW, lease_until=after(60))

    first, second = await claim(), await claim()
    assert first is not None
    assert second is not None
    assert {first.requester.user_id, second.requester.user_id} == {1001, 5}
    assert await claim() is None
    mine = first if first.requester.user_id == 1001 else second
    await store.save(mine, mine.evolve(state=JobState.FAILED), now=NOW)
    assert await claim() is not None


async def test_a_cap_that_is_changed_holds_for_those_who_wait_already(
    store: SqliteJobStore, quotas: SqliteQuotaStore
) -> None:
    await limit(quotas, Setting.AT_ONCE, 1, ROLE)
    for _ in range(2):
        await ask(store, role_ids=(6,))
    assert await store.claim("local", token=make_token(), now=NOW, lease_until=after(60))
    assert await store.claim("local", token=make_token(), now=NOW, lease_until=after(60)) is None
    await limit(quotas, Setting.AT_ONCE, 2, ROLE)
    assert await store.claim("local", token=make_token(), now=NOW, lease_until=after(60))


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


@pytest.mark.parametrize("second", list(Settlement))
async def test_settling_twice_changes_nothing(
    store: SqliteJobStore, database: Database, quotas: SqliteQuotaStore, second: Settlement
) -> None:
    job = await ask(store)

    def look(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
        return [tuple(row) for row in connection.execute("SELECT * FROM ledger")]

    await spend(store, job)
    before = await database.read(look)
    await database.write(lambda c: settle(c, job.id, second, at=NOW))
    assert await database.read(look) == before
    assert await quotas.audit() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET reserved_delta = 0",
        "DELETE FROM ledger",
        "UPDATE bucket SET reserved = -1",
        "UPDATE bucket SET used = -1",
        "UPDATE reservation SET amount = 0",
        "DELETE FROM reservation",
        "DELETE FROM bonus",
        "UPDATE audit SET actor_id = 1",
        "DELETE FROM audit",
        """INSERT INTO ledger (at, job_id, account, window, unit, kind, used_delta,
        reserved_delta) VALUES (1, 'x', 'me', 'ever', 'videos', 'adjust', -5, 0)""",
    ],
)
async def test_the_books_cannot_be_cooked(
    store: SqliteJobStore, database: Database, quotas: SqliteQuotaStore, statement: str
) -> None:
    await quotas.grant(ME, Unit.VIDEOS, 1, expires_at=None, act=make_act())
    await ask(store)
    with pytest.raises(StorageError):
        await database.write(lambda connection: connection.execute(statement))


async def test_a_settled_reservation_cannot_be_opened_again(
    store: SqliteJobStore, database: Database
) -> None:
    job = await ask(store)
    await store.request_cancel(job.id, now=NOW, by="test")
    with pytest.raises(StorageError, match="settles once"):
        await database.write(
            lambda connection: connection.execute("UPDATE reservation SET state = 'open'")
        )


@pytest.mark.parametrize(
    ("statement", "drifts"),
    [
        (
            "UPDATE bucket SET used = 4 WHERE account = 'guild:2002' AND unit = 'videos'",
            [("used", 4, 0)],
        ),
        (
            "UPDATE bucket SET reserved = 4 WHERE account = 'guild:2002' AND unit = 'videos'",
            [("reserved", 4, 1)],
        ),
        (
            """INSERT INTO ledger (at, job_id, account, window, unit, kind, used_delta,
            reserved_delta) VALUES (1, 'x', 'nobody', 'day:1', 'videos', 'reserve', 0, 2)""",
            [("reserved", 0, 2)],
        ),
    ],
)
async def test_an_audit_finds_what_does_not_add_up(
    store: SqliteJobStore,
    database: Database,
    quotas: SqliteQuotaStore,
    statement: str,
    drifts: list[tuple[str, int, int]],
) -> None:
    await ask(store)
    assert await quotas.audit() == []
    await database.write(lambda connection: connection.execute(statement))
    found: list[Drift] = list(await quotas.audit())
    assert [(drift.kind, drift.told, drift.counted) for drift in found] == drifts
