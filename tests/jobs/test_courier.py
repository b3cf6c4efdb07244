"""Outcomes reach whoever brought a case, on the way that disturbs them least, and once."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.events import LOOK_S, Notices
from jobs.model import JobId, Requester
from jobs.moderation.acts import ActKind
from jobs.moderation.cases import (
    Case,
    CaseKind,
    CaseState,
    Draft,
    Reached,
    ReplyToken,
    Way,
    job_cause,
)
from jobs.moderation.courier import Courier
from jobs.moderation.outcomes import Outcomes
from storage.database import Database
from storage.moderation.cases import SqliteCaseStore
from storage.moderation.outcomes import SqliteOutcomeStore
from tests.factories import NOW, make_act
from tests.fakes.clock import FakeClock

HERE = 2002
ANA = Requester(user_id=6, guild_id=HERE)
REPLY = ReplyToken(value="made-up-token", expires_at=NOW + timedelta(minutes=14))


@dataclass
class Post:
    """The `MemberPost` port: ways that lead to everybody, unless a test says otherwise."""

    answers: Mapping[Way, Reached] = field(default_factory=dict[Way, Reached])
    broken: set[int] = field(default_factory=set[int])
    tries: list[tuple[int, Way]] = field(default_factory=list[tuple[int, Way]])
    tried: asyncio.Event = field(default_factory=asyncio.Event)

    async def tell(self, case: Case, way: Way) -> Reached:
        self.tries.append((case.number, way))
        self.tried.set()
        if case.number in self.broken:
            raise RuntimeError("nobody foresaw this")
        return self.answers.get(way, Reached.YES)


@dataclass
class Office:
    """A server whose cases are decided, and what tells the outcomes."""

    database: Database
    clock: FakeClock = field(default_factory=lambda: FakeClock(now=NOW))
    post: Post = field(default_factory=Post)
    notices: Notices = field(default_factory=Notices)

    def __post_init__(self) -> None:
        self.cases = SqliteCaseStore(self.database)
        self.store = SqliteOutcomeStore(self.database)
        self.outcomes = Outcomes(store=self.store, clock=self.clock)
        self.courier = Courier(
            outcomes=self.store, post=self.post, notices=self.notices, clock=self.clock
        )

    async def decided(self, name: str = "abc", *, wants_dm: bool = False) -> Case:
        """Bring a case of ana's, maybe with the wish for a direct message, and deny it."""
        case = await self.cases.open(
            Draft(
                kind=CaseKind.REPORT,
                guild_id=HERE,
                user_id=ANA.user_id,
                member_id=5,
                cause=job_cause(JobId(name)),
                about="a red circle",
                reason="it is awful",
                opened_at=NOW,
                reply=REPLY,
            )
        )
        if wants_dm:
            await self.outcomes.wish_dm(case.number, by=ANA, wants_dm=True)
        act = make_act(kind=ActKind.CASE_DENY, target=f"case:{case.number}", guild_id=HERE)
        return (await self.cases.decide(case.number, CaseState.DENIED, act=act)).case

    def later(self) -> None:
        """Let the time pass in which the interaction can be answered."""
        self.clock.advance(timedelta(minutes=14).total_seconds())

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        task = asyncio.create_task(self.courier.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with Database.open(tmp_path / "flipbook.db") as database:
        yield Office(database)


async def told(office: Office, rounds: int = 2) -> list[tuple[int, Way]]:
    """Return what was tried in some rounds."""
    for _ in range(rounds):
        await office.courier.tell_all()
    return office.post.tries


async def test_while_the_interaction_can_be_answered_nobody_gets_a_message(office: Office) -> None:
    await office.decided(wants_dm=True)
    assert await told(office) == [(1, Way.REPLY)]
    assert await office.outcomes.untold(ANA) == []


async def test_after_that_who_wished_for_it_gets_one_and_nobody_else(office: Office) -> None:
    await office.decided("abc")
    await office.decided("def", wants_dm=True)
    office.later()
    assert await told(office) == [(2, Way.DM)]
    assert [case.number for case in await office.outcomes.untold(ANA)] == [1]


async def test_an_interaction_that_died_early_leads_to_the_message(office: Office) -> None:
    office.post.answers = {Way.REPLY: Reached.NEVER}
    await office.decided(wants_dm=True)
    assert await told(office) == [(1, Way.REPLY), (1, Way.DM)]


async def test_whom_nothing_reaches_can_still_look_it_up(office: Office) -> None:
    office.post.answers = dict.fromkeys(Way, Reached.NEVER)
    await office.decided(wants_dm=True)
    assert await told(office) == [(1, Way.REPLY), (1, Way.DM)]
    (case,) = await office.outcomes.cases_of(ANA)
    assert case.state is CaseState.DENIED
    assert await office.outcomes.untold(ANA) == [], "it was looked up"


async def test_trouble_that_passes_is_no_reason_to_take_another_way(office: Office) -> None:
    office.post.answers = {Way.REPLY: Reached.LATER}
    await office.decided(wants_dm=True)
    assert await told(office) == [(1, Way.REPLY)] * 2


async def test_one_that_breaks_holds_up_no_other(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.post.broken.add(1)
    await office.decided("abc")
    await office.decided("def")
    with caplog.at_level(logging.ERROR, "jobs.moderation.courier"):
        await told(office, rounds=1)
    assert [number for number, _ in office.post.tries] == [1, 2]
    assert [case.number for case in await office.outcomes.untold(ANA)] == [1]
    assert "Case 1 not told" in caplog.text


async def test_a_wish_that_comes_after_the_decision_is_answered_by_the_outcome_alone(
    office: Office,
) -> None:
    await office.decided()
    office.later()
    case = await office.outcomes.wish_dm(1, by=ANA, wants_dm=True)
    assert case.state is CaseState.DENIED
    assert await told(office) == []
    assert await office.outcomes.untold(ANA) == []


async def test_what_is_decided_meanwhile_is_told_when_a_notice_comes(office: Office) -> None:
    async with office.running():
        await office.clock.until_asleep(LOOK_S)
        await office.decided()
        office.notices.case_decided()
        await office.post.tried.wait()
    assert office.post.tries == [(1, Way.REPLY)]


async def test_what_was_decided_before_a_crash_is_told_at_the_start(office: Office) -> None:
    await office.decided()
    async with office.running():
        await office.post.tried.wait()
    assert office.post.tries == [(1, Way.REPLY)]
