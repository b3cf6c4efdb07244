"""Outcomes of cases: who is to be told, on which way, and until when."""

import re
import sqlite3
from dataclasses import replace
from datetime import timedelta

import pytest

from jobs.errors import NotFoundError
from jobs.model import JobId
from jobs.moderation.acts import ActKind
from jobs.moderation.cases import (
    Case,
    CaseKind,
    CaseState,
    Draft,
    ReplyToken,
    Way,
    block_cause,
    job_cause,
)
from storage.database import Database
from storage.moderation import outcomes as questions
from storage.moderation.cases import SqliteCaseStore
from storage.moderation.outcomes import SqliteOutcomeStore
from tests.factories import NOW, make_act

HERE, ELSEWHERE = 2002, 3003
BEN, ANA, MAX = 5, 6, 9
REPLY = ReplyToken(value="made-up-token", expires_at=NOW + timedelta(minutes=14))
REPORT = Draft(
    kind=CaseKind.REPORT,
    guild_id=HERE,
    user_id=ANA,
    member_id=BEN,
    cause=job_cause(JobId("abc")),
    about="a red circle",
    reason="it is awful",
    opened_at=NOW,
)


@pytest.fixture
def cases(database: Database) -> SqliteCaseStore:
    return SqliteCaseStore(database)


@pytest.fixture
def outcomes(database: Database) -> SqliteOutcomeStore:
    return SqliteOutcomeStore(database)


async def decided(cases: SqliteCaseStore, draft: Draft) -> Case:
    """Bring a case and deny it."""
    case = await cases.open(draft)
    act = make_act(
        kind=ActKind.CASE_DENY, target=f"case:{case.number}", guild_id=draft.guild_id, actor_id=MAX
    )
    return (await cases.decide(case.number, CaseState.DENIED, act=act)).case


async def test_an_outcome_is_told_once_to_whoever_brought_it(
    cases: SqliteCaseStore, outcomes: SqliteOutcomeStore
) -> None:
    case = await decided(cases, REPORT)
    assert await outcomes.untold(HERE, BEN) == []
    assert await outcomes.untold(ELSEWHERE, ANA) == []
    assert await outcomes.untold(HERE, ANA) == [case]
    await outcomes.mark_told([case], now=NOW)
    assert await outcomes.untold(HERE, ANA) == []


async def test_a_case_waits_for_nobody_to_be_told_before_it_is_decided(
    cases: SqliteCaseStore, outcomes: SqliteOutcomeStore
) -> None:
    await cases.open(replace(REPORT, reply=REPLY))
    assert await outcomes.to_tell(now=NOW, limit=9) == []
    assert await outcomes.untold(HERE, ANA) == []


async def test_an_outcome_can_be_told_by_the_token_as_long_as_it_lives(
    cases: SqliteCaseStore, outcomes: SqliteOutcomeStore
) -> None:
    case = await decided(cases, replace(REPORT, reply=REPLY))
    assert case.draft.reply == REPLY
    assert await outcomes.to_tell(now=NOW, limit=9) == [case]
    assert await outcomes.to_tell(now=REPLY.expires_at, limit=9) == []
    assert await outcomes.untold(HERE, ANA) == [case]


async def test_without_a_token_only_who_wished_for_it_is_written_to(
    cases: SqliteCaseStore, outcomes: SqliteOutcomeStore
) -> None:
    case = await decided(cases, REPORT)
    assert await outcomes.to_tell(now=NOW, limit=9) == []
    wished = await outcomes.wish_dm(HERE, case.number, ANA, wants_dm=True)
    assert wished == replace(case, wants_dm=True)
    assert await outcomes.to_tell(now=NOW, limit=9) == [wished]
    await outcomes.wish_dm(HERE, case.number, ANA, wants_dm=False)
    assert await outcomes.to_tell(now=NOW, limit=9) == []


async def test_nobody_wishes_for_a_message_about_a_case_of_somebody_else(
    cases: SqliteCaseStore, outcomes: SqliteOutcomeStore
) -> None:
    case = await decided(cases, REPORT)
    for guild_id, user_id in ((HERE, BEN), (ELSEWHERE, ANA)):
        with pytest.raises(NotFoundError):
            await outcomes.wish_dm(guild_id, case.number, user_id, wants_dm=True)
    assert await outcomes.to_tell(now=NOW, limit=9) == []


async def test_who_was_told_is_not_told_again_and_the_token_goes(
    cases: SqliteCaseStore, outcomes: SqliteOutcomeStore, database: Database
) -> None:
    case = await decided(cases, replace(REPORT, reply=REPLY))
    await outcomes.mark_told([case], now=NOW)
    assert await outcomes.to_tell(now=NOW, limit=9) == []
    tokens = await database.read(
        lambda connection: [
            row["token"] for row in connection.execute("SELECT token FROM mod_case")
        ]
    )
    assert tokens == [None]


@pytest.mark.parametrize("way", Way)
async def test_a_way_that_leads_nowhere_is_given_up_and_the_outcome_stays(
    cases: SqliteCaseStore, outcomes: SqliteOutcomeStore, way: Way
) -> None:
    draft = replace(REPORT, reply=REPLY if way is Way.REPLY else None)
    case = await decided(cases, draft)
    if way is Way.DM:
        case = await outcomes.wish_dm(HERE, case.number, ANA, wants_dm=True)
    await outcomes.give_up(case, way)
    assert await outcomes.to_tell(now=NOW, limit=9) == []
    assert [one.number for one in await outcomes.untold(HERE, ANA)] == [case.number]


async def test_a_member_looks_up_what_they_brought_here_newest_first(
    cases: SqliteCaseStore, outcomes: SqliteOutcomeStore
) -> None:
    await decided(cases, REPORT)
    appeal = replace(REPORT, kind=CaseKind.APPEAL, cause=block_cause(NOW), member_id=ANA)
    await cases.open(appeal)
    await cases.open(replace(REPORT, user_id=BEN))
    await cases.open(replace(REPORT, guild_id=ELSEWHERE))
    found = await outcomes.cases_of(HERE, ANA, limit=9)
    assert [(case.number, case.state) for case in found] == [
        (2, CaseState.OPEN),
        (1, CaseState.DENIED),
    ]
    assert [case.number for case in await outcomes.cases_of(HERE, ANA, limit=1)] == [2]


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (questions.UNTOLD, "mod_case_untold"),
        (questions.OF_MEMBER, "mod_case_member"),
        (questions.TO_TELL, "mod_case_to_tell"),
    ],
)
async def test_each_question_has_its_index(database: Database, question: str, index: str) -> None:
    values = [None] * len(re.findall(r"\?", question))

    def plan(connection: sqlite3.Connection) -> str:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {question}", values)
        return " ".join(str(row["detail"]) for row in rows)

    told = await database.read(plan)
    assert index in told
    assert "TEMP B-TREE" not in told
