"""What moderators decide about jobs whose submit was never answered, and what it costs whom."""

import asyncio

import pytest

from jobs.errors import NotAllowedError, NotFoundError, UnconfirmedError
from jobs.model import Job, JobId, Requester
from jobs.moderation.decisions import Decision
from jobs.quota.books import Unit
from jobs.request import ProviderName
from jobs.states import JobState
from storage.events import JobEvent, events_of
from tests.fakes.media import VIDEO
from tests.fakes.provider import FakeProvider
from tests.jobs.conftest import ADA, FREE, HELD, ONE_VIDEO, World

MODERATOR = Requester(user_id=77, guild_id=ADA.guild_id)
ELSEWHERE = Requester(user_id=77, guild_id=99)


@pytest.fixture
async def job(world: World) -> Job:
    """Give a job that waits for its provider's word, while nothing runs."""
    world.become(FakeProvider(video=VIDEO, name=ProviderName.NOVITA, is_paid=True))
    world.provider.submit_errors = [UnconfirmedError("The answer was lost.")]
    async with world.running():
        parked = await world.until(await world.ask(), JobState.UNCONFIRMED)
    assert await world.balance() == HELD
    return parked


async def last_event(world: World, job: Job) -> JobEvent:
    return (await world.database.read(lambda connection: events_of(connection, job.id)))[-1]


@pytest.mark.parametrize(
    ("decision", "books", "cost"),
    [(Decision.RELEASE, FREE, "released"), (Decision.CHARGE, ONE_VIDEO, "charged")],
)
async def test_a_decision_ends_the_job_and_settles_its_books(
    world: World, job: Job, decision: Decision, books: dict[Unit, tuple[int, int]], cost: str
) -> None:
    ended = await world.decisions.decide(job.id, decision, by=MODERATOR)
    assert ended.state is JobState.FAILED
    assert ended.failure is not None
    assert ended.failure.code == cost
    assert ended.failure.message.endswith(".")
    assert await world.balance() == books
    async with world.running():
        await world.until(job, JobState.FAILED)  # the card is told
    assert len(world.provider.tokens) == 1
    assert await world.balance() == books


async def test_a_retry_is_one_more_submit_under_a_new_token(world: World, job: Job) -> None:
    waiting = await world.decisions.decide(job.id, Decision.RETRY, by=MODERATOR)
    assert waiting.state is JobState.QUEUED
    assert waiting.failure is None
    assert await world.balance() == HELD
    async with world.running():
        done = await world.until(job, JobState.DONE)
    assert len(world.provider.tokens) == len(set(world.provider.tokens)) == 2
    assert done.attempt == job.attempt + 1
    assert await world.balance() == ONE_VIDEO


async def test_a_retry_that_is_lost_as_well_waits_again(world: World, job: Job) -> None:
    world.provider.submit_errors = [UnconfirmedError("Lost again.")]
    await world.decisions.decide(job.id, Decision.RETRY, by=MODERATOR)
    async with world.running():
        await world.delivery.until_shown(job.id, JobState.UNCONFIRMED, 2)
    assert len(world.provider.tokens) == 2
    assert await world.balance() == HELD


async def test_a_decision_reaches_a_running_bot_at_once(world: World, job: Job) -> None:
    async with world.running():
        await world.decisions.decide(job.id, Decision.RELEASE, by=MODERATOR)
        await world.until(job, JobState.FAILED)
    assert await world.balance() == FREE


@pytest.mark.parametrize("decision", list(Decision))
async def test_the_story_of_a_job_says_who_decided(
    world: World, job: Job, decision: Decision
) -> None:
    await world.decisions.decide(job.id, decision, by=MODERATOR)
    event = await last_event(world, job)
    assert event.before is JobState.UNCONFIRMED
    assert event.note["decision"] == decision
    assert event.note["decided_by"] == "user:77"


async def test_a_job_of_another_server_is_not_found(world: World, job: Job) -> None:
    for job_id in (job.id, JobId("nothing1")):
        with pytest.raises(NotFoundError):
            await world.decisions.decide(job_id, Decision.CHARGE, by=ELSEWHERE)
    assert await world.decisions.unconfirmed(99) == []
    assert await world.balance() == HELD


async def test_only_unconfirmed_jobs_are_listed_and_decided(world: World, job: Job) -> None:
    waiting = await world.ask("another one")
    assert [found.id for found in await world.decisions.unconfirmed(ADA.guild_id)] == [job.id]
    with pytest.raises(NotAllowedError, match="it is queued"):
        await world.decisions.decide(waiting.id, Decision.RELEASE, by=MODERATOR)


async def test_of_many_decisions_at_once_one_counts(world: World, job: Job) -> None:
    decisions = [Decision.RELEASE, Decision.CHARGE, Decision.RETRY] * 3
    outcomes = await asyncio.gather(
        *(world.decisions.decide(job.id, decision, by=MODERATOR) for decision in decisions),
        return_exceptions=True,
    )
    refusals = [outcome for outcome in outcomes if isinstance(outcome, NotAllowedError)]
    assert len(refusals) == len(decisions) - 1
    assert {str(refusal)[-1] for refusal in refusals} == {"."}
    assert await world.quotas.audit() == []


async def test_a_cancelled_job_that_is_retried_is_not_submitted(world: World, job: Job) -> None:
    await world.service.cancel(job.id, by=ADA, may_manage=False)
    await world.decisions.decide(job.id, Decision.RETRY, by=MODERATOR)
    async with world.running():
        await world.until(job, JobState.CANCELLED)
    assert len(world.provider.tokens) == 1
    assert await world.balance() == FREE
