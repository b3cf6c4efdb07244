"""Refused prompts and appeals against that: kept for a day, decided once, passing for a week."""

import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from jobs.errors import NotAllowedError, NotFoundError, PolicyError, QuotaExceededError
from jobs.events import Notices
from jobs.model import Requester
from jobs.moderation.acts import Act, ActKind
from jobs.moderation.appeals import Appeals
from jobs.moderation.cases import (
    MAX_APPEALED_CHARS,
    MAX_OPEN_APPEALS,
    PASSES_FOR,
    Case,
    CaseState,
    Draft,
    block_cause,
    outcome_sentence,
)
from jobs.moderation.guilds import GuildSettings
from jobs.moderation.refusals import KEPT_FOR, MAX_KEPT
from jobs.request import Segment, VideoRequest
from storage.database import Database
from storage.moderation import appeals as questions
from storage.moderation.appeals import SqliteAppealStore
from storage.moderation.audit import SqliteAuditLog
from storage.moderation.cases import SqliteCaseStore
from storage.moderation.guilds import SqliteGuildStore
from tests.factories import NOW, make_act
from tests.fakes.clock import FakeClock

HERE, ELSEWHERE, LOG = 2002, 3003, 77
BEN = Requester(user_id=5, guild_id=HERE)
ANA = Requester(user_id=6, guild_id=HERE)
MAX, OLGA = 9, 10
GORE = ("word gore",)


class Court:
    """The appeals of a small world, with shortcuts."""

    def __init__(self, database: Database) -> None:
        self.clock = FakeClock(now=NOW)
        self.store = SqliteAppealStore(database)
        self.cases = SqliteCaseStore(database)
        self.appeals = Appeals(
            store=self.store, cases=self.cases, notices=Notices(), clock=self.clock
        )

    async def refused(
        self, prompt: str = "a gore tank", by: Requester = BEN, rules: tuple[str, ...] = GORE
    ) -> int | None:
        """Have a prompt refused, and return the number under which it can be appealed."""
        error = PolicyError("No.", rules=rules)
        return (await self.appeals.offer(error, request(prompt), by=by)).refusal

    async def appealed(self, prompt: str = "a gore tank") -> Case:
        number = await self.refused(prompt)
        assert number is not None
        return await self.appeals.appeal(number, by=BEN, reason="it is the band")

    async def decide(self, case: Case, state: CaseState, actor_id: int = MAX) -> bool:
        verdict = await self.cases.decide(
            case.number, state, act=self.deciding(case, state, actor_id)
        )
        return verdict.is_new

    def deciding(self, case: Case, state: CaseState, actor_id: int) -> Act:
        kind = ActKind.CASE_ACCEPT if state is CaseState.ACCEPTED else ActKind.CASE_DENY
        target, now = f"case:{case.number}", self.clock.now()
        return make_act(kind=kind, target=target, actor_id=actor_id, guild_id=HERE, at=now)

    async def lifted(self, prompt: str = "a gore tank", by: Requester = BEN) -> set[str]:
        return set(await self.appeals.lifted(request(prompt), by=by))


def request(prompt: str) -> VideoRequest:
    return VideoRequest(segments=tuple(Segment(prompt=one) for one in prompt.split("|")))


@pytest.fixture
def court(database: Database) -> Court:
    return Court(database)


async def test_a_refused_prompt_keeps_its_number_and_is_its_members_alone(court: Court) -> None:
    number = await court.refused()
    assert number == await court.refused()
    assert number is not None
    assert number != await court.refused(by=ANA)
    assert number != await court.refused("another gore tank")
    refusal = await court.appeals.refusal(number, by=BEN)
    assert (refusal.prompt, refusal.rules) == ("a gore tank", GORE)
    for other in (ANA, replace(BEN, guild_id=ELSEWHERE)):
        with pytest.raises(NotFoundError):
            await court.appeals.refusal(number, by=other)


async def test_what_the_operator_refuses_or_no_card_can_show_is_offered_no_appeal(
    court: Court,
) -> None:
    assert await court.refused(rules=()) is None
    assert await court.refused("x" * MAX_APPEALED_CHARS) is not None
    assert await court.refused("x" * (MAX_APPEALED_CHARS + 1)) is None


async def test_a_refusal_can_be_appealed_for_a_day(court: Court) -> None:
    number = await court.refused()
    assert number is not None
    court.clock.advance((KEPT_FOR - timedelta(seconds=1)).total_seconds())
    await court.appeals.refusal(number, by=BEN)
    court.clock.advance(1)
    with pytest.raises(NotFoundError):
        await court.appeals.refusal(number, by=BEN)


async def test_only_a_members_newest_refusals_are_kept(court: Court, database: Database) -> None:
    others = await court.refused(by=ANA)
    for number in range(MAX_KEPT + 3):
        court.clock.advance(1)
        await court.refused(f"a gore tank {number}")

    def kept(connection: sqlite3.Connection) -> list[str]:
        rows = connection.execute("SELECT prompt FROM refused_prompt WHERE user_id = 5")
        return [row["prompt"] for row in rows]

    assert sorted(await database.read(kept)) == sorted(
        f"a gore tank {number}" for number in range(3, MAX_KEPT + 3)
    )
    assert others is not None
    await court.appeals.refusal(others, by=ANA)


async def test_moderators_see_the_whole_prompt_the_rules_and_the_members_words(
    court: Court, database: Database
) -> None:
    guilds = SqliteGuildStore(database)
    logged = GuildSettings(guild_id=HERE, log_channel_id=LOG)
    await guilds.save_settings(logged, act=make_act(kind=ActKind.SETTINGS, target="server"))
    (before,) = await guilds.unsent_news(limit=9)
    await guilds.mark_sent(before, now=NOW)
    long = "a *gore* tank " * (MAX_APPEALED_CHARS // 14)
    await court.appealed(long + "@end")
    (news,) = await guilds.unsent_news(limit=9)
    assert news.key == "case:1"
    assert "<@5> appeals a refused prompt" in news.text
    assert "Why: \u2068it is the band\u2069" in news.text
    assert "Refused by: \u2068word gore\u2069" in news.text
    assert news.text.count("\\*gore\\*") == MAX_APPEALED_CHARS // 14
    assert "end\u2069" in news.text
    assert len(news.text) < 3500


async def test_an_accepted_appeal_lets_that_prompt_of_that_member_pass_for_a_week(
    court: Court,
) -> None:
    case = await court.appealed()
    assert await court.lifted() == set()
    await court.decide(case, CaseState.ACCEPTED)
    assert await court.lifted() == set(GORE)
    assert await court.lifted("A  Gore\u200b TANK") == set(GORE), "as rules compare it"
    assert await court.lifted("a gore tank, please") == set()
    assert await court.lifted("a gore|tank") == set()
    assert await court.lifted(by=ANA) == set()
    assert await court.lifted(by=replace(BEN, guild_id=ELSEWHERE)) == set()
    court.clock.advance(PASSES_FOR.total_seconds() - 1)
    assert await court.lifted() == set(GORE)
    court.clock.advance(1)
    assert await court.lifted() == set()


async def test_a_denied_appeal_changes_nothing_and_is_not_brought_again(court: Court) -> None:
    case = await court.appealed()
    await court.decide(case, CaseState.DENIED)
    assert await court.lifted() == set()
    with pytest.raises(NotAllowedError, match="case #1 was denied"):
        await court.appealed()
    denied = await court.cases.case(HERE, 1)
    assert "the prompt stays refused" in outcome_sentence(denied)


async def test_whoever_appealed_is_told_until_when_the_prompt_passes(court: Court) -> None:
    await court.decide(await court.appealed(), CaseState.ACCEPTED)
    until = int((NOW + PASSES_FOR).timestamp())
    told = outcome_sentence(await court.cases.case(HERE, 1))
    assert told.endswith(f"it passes here until <t:{until}:f>.")


async def test_other_rules_make_it_another_appeal(court: Court) -> None:
    await court.decide(await court.appealed(), CaseState.DENIED)
    number = await court.refused(rules=(*GORE, "word tank"))
    assert number is not None
    case = await court.appeals.appeal(number, by=BEN, reason="please")
    await court.decide(case, CaseState.ACCEPTED)
    assert await court.lifted() == {"word gore", "word tank"}


async def test_one_appeal_of_a_prompt_waits_at_a_time_and_few_of_a_member(court: Court) -> None:
    first = await court.appealed()
    with pytest.raises(NotAllowedError, match="case #1 waits for a moderator"):
        await court.appealed()
    for number in range(1, MAX_OPEN_APPEALS):
        await court.appealed(f"a gore tank {number}")
    with pytest.raises(QuotaExceededError, match="of your appeals wait"):
        await court.appealed("one gore tank more")
    await court.decide(first, CaseState.DENIED)
    await court.appealed("one gore tank more")


async def test_many_appeals_of_prompts_leave_room_for_one_of_a_block(court: Court) -> None:
    for number in range(MAX_OPEN_APPEALS):
        await court.appealed(f"a gore tank {number}")
    draft: Draft = (await court.cases.case(HERE, 1)).draft
    await court.cases.open(replace(draft, cause=block_cause(NOW), rules=()))


async def test_two_moderators_at_once_make_one_outcome_and_one_act(
    court: Court, database: Database
) -> None:
    case = await court.appealed()
    decisions = await asyncio.gather(
        court.decide(case, CaseState.ACCEPTED, MAX), court.decide(case, CaseState.DENIED, OLGA)
    )
    assert decisions == [True, False]
    assert await court.lifted() == set(GORE)
    (past,) = await SqliteAuditLog(database).acts(HERE, limit=9)
    assert (past.act.kind, past.act.target) == (ActKind.CASE_ACCEPT, "case:1")
    until = int((NOW + PASSES_FOR).timestamp())
    assert past.after == {
        "member": "<@5>",
        "brought by": "<@5>",
        "its prompt passes until": f"<t:{until}:f>",
    }


async def test_accepted_anew_it_passes_anew(court: Court) -> None:
    await court.decide(await court.appealed(), CaseState.ACCEPTED)
    court.clock.advance(PASSES_FOR.total_seconds())
    assert await court.lifted() == set()
    await court.decide(await court.appealed(), CaseState.ACCEPTED)
    assert await court.lifted() == set(GORE)


async def test_the_question_for_what_passes_has_its_index(database: Database) -> None:
    def plan(connection: sqlite3.Connection) -> str:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {questions.LIFTED}", [None] * 4)
        return " ".join(str(row["detail"]) for row in rows)

    assert "SEARCH policy_pass USING PRIMARY KEY" in await database.read(plan)
