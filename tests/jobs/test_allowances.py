"""What moderators decide about quotas reaches the books and the audit, in their own server only."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.errors import RequestError
from jobs.events import Notices
from jobs.model import JobId, Requester
from jobs.moderation.acts import ActKind, PastAct
from jobs.quota.allowances import Allowances
from jobs.quota.books import Settlement, Unit
from jobs.quota.statements import Balance, EntryKind
from jobs.quota.tiers import EVERYONE, Kind, Rule, Setting, Target
from jobs.request import ProviderName
from jobs.states import JobState
from providers.registry import Registry
from storage.jobs import SqliteJobStore
from storage.moderation.audit import SqliteAuditLog
from storage.quota.store import SqliteQuotaStore
from tests.factories import make_job, make_model
from tests.fakes.clock import FakeClock
from tests.fakes.provider import FakeProvider
from tests.fakes.quick_database import open_quickly

GUILD, ELSEWHERE = 10, 11
ADA = Requester(user_id=1, guild_id=GUILD, role_ids=(6,))
MAX = Requester(user_id=9, guild_id=GUILD)
ROLE = Target(kind=Kind.ROLE, id=6)


@dataclass
class Books:
    """A server's books, with the moderators' way in."""

    allowances: Allowances
    quotas: SqliteQuotaStore
    jobs: SqliteJobStore
    audit: SqliteAuditLog
    notices: Notices
    clock: FakeClock

    async def use(self, *, settles: bool = True) -> JobId:
        """Have Ada make one video of two seconds, or ask for it."""
        now = self.clock.now()
        job = make_job(user_id=ADA.user_id, guild_id=GUILD, created_at=now)
        job, _ = await self.jobs.enqueue(job)
        if settles:
            claimed = await self.jobs.claim(
                job.backend, token="t" * 32, now=now, lease_until=now + timedelta(minutes=1)
            )
            assert claimed is not None
            await self.jobs.save(
                claimed,
                claimed.evolve(state=JobState.FAILED),
                now=now,
                settle=Settlement.COMMIT,
            )
        return job.id

    async def acts(self, guild_id: int = GUILD) -> list[PastAct]:
        return [*await self.audit.acts(guild_id, limit=100)]

    async def balance(self, setting: Setting, member: Requester = ADA) -> Balance:
        account = await self.allowances.account(member)
        return next(one for one in account.statement.balances if one.setting is setting)


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Books]:
    provider = FakeProvider()
    provider.offers = [make_model(), make_model(id="toon-you")]
    clock, notices = FakeClock(), Notices()
    async with open_quickly(tmp_path / "flipbook.db") as database:
        quotas = SqliteQuotaStore(database, currency="USD")
        jobs = SqliteJobStore(database)
        allowances = Allowances(
            quotas=quotas,
            jobs=jobs,
            catalogue=Registry(providers=[provider], default=ProviderName.LOCAL),
            notices=notices,
            clock=clock,
            currency="USD",
        )
        yield Books(
            allowances=allowances,
            quotas=quotas,
            jobs=jobs,
            audit=SqliteAuditLog(database),
            notices=notices,
            clock=clock,
        )
        assert await quotas.audit() == []


async def test_a_limit_holds_from_the_moment_it_is_set(books: Books) -> None:
    rule = await books.allowances.set(ROLE, Setting.VIDEOS_PER_DAY, "20", by=MAX, reason="many")
    assert rule == Rule(target=ROLE, setting=Setting.VIDEOS_PER_DAY, value=20)
    assert await books.allowances.rules(GUILD) == [rule]
    assert (await books.balance(Setting.VIDEOS_PER_DAY)).rule == rule
    assert (await books.balance(Setting.VIDEOS_PER_DAY, MAX)).rule is None
    (past,) = await books.acts()
    assert past.act.kind is ActKind.QUOTA_SET
    assert (past.act.actor_id, past.act.target, past.act.reason) == (9, "role:6", "many")
    assert past.act.at == books.clock.now()
    assert past.after == {"videos per day": "20 videos"}
    assert books.notices.news.is_set()


async def test_a_limit_of_one_server_is_none_in_another(books: Books) -> None:
    await books.allowances.set(EVERYONE, Setting.AT_ONCE, "1", by=MAX)
    stranger = Requester(user_id=ADA.user_id, guild_id=ELSEWHERE, role_ids=ADA.role_ids)
    assert (await books.allowances.account(stranger)).statement.terms.tier.rules == {}
    assert await books.allowances.rules(ELSEWHERE) == []
    assert await books.acts(ELSEWHERE) == []
    there = Requester(user_id=9, guild_id=ELSEWHERE)
    assert await books.allowances.clear(EVERYONE, None, by=there) == []
    assert len(await books.allowances.rules(GUILD)) == 1


@pytest.mark.parametrize(
    ("setting", "text", "words"),
    [
        (Setting.PROVIDERS, "locel", "try local."),
        (Setting.PROVIDERS, "local, novita", "among the providers here; try local."),
        (Setting.MODELS, "toonyou", "try toon-you."),
        (Setting.MODELS, "`@everyone`", "try flipbook-shapes, toon-you."),
        (Setting.VIDEOS_PER_DAY, "0", "say `none` or `unlimited`"),
        (Setting.MONEY_PER_DAY, "5 EUR", "USD"),
    ],
)
async def test_a_limit_that_makes_no_sense_here_changes_nothing(
    books: Books, setting: Setting, text: str, words: str
) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        await books.allowances.set(EVERYONE, setting, text, by=MAX)
    assert "@everyone" not in caught.value.user_message
    assert await books.allowances.rules(GUILD) == []
    assert await books.acts() == []


async def test_a_list_takes_what_is_here_and_the_words(books: Books) -> None:
    for text, value in [
        ("toon-you", frozenset({"toon-you"})),
        ("none", frozenset[str]()),
        ("unlimited", None),
    ]:
        assert (await books.allowances.set(ROLE, Setting.MODELS, text, by=MAX)).value == value


async def test_limits_are_cleared_one_by_one_or_all_at_once(books: Books) -> None:
    for setting in (Setting.VIDEOS_PER_DAY, Setting.AT_ONCE, Setting.WAITING):
        await books.allowances.set(ROLE, setting, "3", by=MAX)
    await books.allowances.set(EVERYONE, Setting.AT_ONCE, "1", by=MAX)
    removed = await books.allowances.clear(ROLE, Setting.AT_ONCE, by=MAX)
    assert [rule.setting for rule in removed] == [Setting.AT_ONCE]
    assert len(await books.allowances.clear(ROLE, None, by=MAX)) == 2
    (kept,) = await books.allowances.rules(GUILD)
    assert kept.target == EVERYONE
    assert len(await books.acts()) == 6


async def test_clearing_nothing_leaves_no_trace_in_the_audit(books: Books) -> None:
    assert await books.allowances.clear(ROLE, None, by=MAX) == []
    assert await books.allowances.revoke(1, by=MAX) == []
    assert await books.allowances.reset(1, None, by=MAX) == {}
    assert await books.acts() == []


async def test_an_extra_is_used_first_and_ends_when_it_was_said_to(books: Books) -> None:
    await books.allowances.set(EVERYONE, Setting.VIDEOS_PER_DAY, "1", by=MAX)
    bonus = await books.allowances.grant(1, Unit.VIDEOS, "2", by=MAX, expires="7d", reason="prize")
    assert bonus.expires_at == books.clock.now() + timedelta(days=7)
    assert (bonus.by_user_id, bonus.reason) == (9, "prize")
    await books.use()
    assert (await books.balance(Setting.VIDEOS_PER_DAY)).left == 1
    (left,) = (await books.allowances.account(ADA)).statement.bonuses
    assert left.left == 1
    books.clock.advance(7 * 86_400)
    assert (await books.allowances.account(ADA)).statement.bonuses == []


async def test_an_extra_without_an_end_lasts_until_it_is_taken_back(books: Books) -> None:
    await books.allowances.grant(1, Unit.MONEY_MICROS, "2.50", by=MAX)
    books.clock.advance(400 * 86_400)
    (taken,) = await books.allowances.revoke(1, by=MAX, reason="a mistake")
    assert (taken.left, taken.expires_at) == (2_500_000, None)
    assert (await books.allowances.account(ADA)).statement.bonuses == []
    kinds = [past.act.kind for past in await books.acts()]
    assert kinds == [ActKind.QUOTA_CLEAR, ActKind.QUOTA_GRANT]


@pytest.mark.parametrize(("text", "expires"), [("0", ""), ("none", ""), ("5", "soon"), ("5", "0d")])
async def test_an_extra_that_cannot_be_read_is_not_given(
    books: Books, text: str, expires: str
) -> None:
    with pytest.raises(RequestError):
        await books.allowances.grant(1, Unit.VIDEOS, text, by=MAX, expires=expires)
    assert (await books.allowances.account(ADA)).statement.bonuses == []


async def test_a_reset_gives_back_what_is_used_and_leaves_what_is_held(books: Books) -> None:
    await books.allowances.set(EVERYONE, Setting.VIDEOS_PER_DAY, "3", by=MAX)
    used = await books.use()
    held = await books.use(settles=False)
    assert (await books.balance(Setting.VIDEOS_PER_DAY)).left == 1
    assert await books.allowances.reset(1, Setting.VIDEOS_PER_DAY, by=MAX) == {Unit.VIDEOS: 1}
    balance = await books.balance(Setting.VIDEOS_PER_DAY)
    assert (balance.used, balance.reserved, balance.left) == (0, 1, 2)
    assert (await books.balance(Setting.SECONDS_PER_DAY)).used == 2000
    entries = {entry.job_id: entry.kind for entry in await books.allowances.history(ADA)}
    assert entries == {None: EntryKind.RESET, held: EntryKind.HELD, used: EntryKind.USED}


async def test_a_limit_that_is_not_used_up_cannot_be_reset(books: Books) -> None:
    with pytest.raises(RequestError, match="longest side is not used up"):
        await books.allowances.reset(1, Setting.LONGEST_SIDE, by=MAX)


async def test_an_account_counts_what_waits_and_what_is_being_made(books: Books) -> None:
    for _ in range(3):
        await books.use(settles=False)
    now = books.clock.now()
    claimed = await books.jobs.claim(
        ProviderName.LOCAL, token="t" * 32, now=now, lease_until=now + timedelta(minutes=1)
    )
    assert claimed is not None
    account = await books.allowances.account(ADA)
    assert (account.statement.waiting, account.running, account.undecided) == (2, 1, 0)
    await books.jobs.save(claimed, claimed.evolve(state=JobState.UNCONFIRMED), now=now)
    account = await books.allowances.account(ADA)
    assert (account.statement.waiting, account.running, account.undecided) == (2, 0, 1)
    other = await books.allowances.account(MAX)
    assert (other.statement.waiting, other.running) == (0, 0)


async def test_a_reason_is_kept_on_one_short_line(books: Books) -> None:
    await books.allowances.set(
        EVERYONE, Setting.AT_ONCE, "1", by=MAX, reason="a\nb\u202e" + "c" * 999
    )
    (past,) = await books.acts()
    assert past.act.reason.startswith("a bc")
    assert len(past.act.reason) == 200
