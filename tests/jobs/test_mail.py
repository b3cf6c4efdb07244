"""Webhooks heal what a lost answer parked, and do no harm otherwise."""

import logging
from datetime import timedelta

import pytest
from typing_extensions import override

from jobs.decisions import Decision
from jobs.errors import StorageError, UnavailableError, UnconfirmedError
from jobs.mail import BATCH
from jobs.model import Job, Letter, Submission
from jobs.quota import Unit
from jobs.request import ProviderName
from jobs.runner import TEND_S
from jobs.states import JobState
from jobs.work import LEASE
from storage.inbox import SqliteInbox
from tests.factories import make_token
from tests.fakes.media import VIDEO
from tests.fakes.provider import FakeProvider
from tests.jobs.conftest import BEN, World

HELD = {Unit.VIDEOS: (0, 1), Unit.VIDEO_MS: (0, 2000)}
ONE_VIDEO = {Unit.VIDEOS: (1, 0), Unit.VIDEO_MS: (2000, 0)}
FREE = {Unit.VIDEOS: (0, 0), Unit.VIDEO_MS: (0, 0)}


class PaidProvider(FakeProvider):
    """A hosted service that can be asked about lost submits.

    Attributes:
        world: Set where something happens while it is being asked.
        broken: Job ids about which it never has an answer.
        decision: What a moderator decides while it is being asked.
    """

    def __init__(self) -> None:
        super().__init__(video=VIDEO, name=ProviderName.NOVITA, is_paid=True, slots=5)
        self.world: World | None = None
        self.broken: set[str] = set()
        self.decision: Decision | None = None

    def prove(self, job: Job) -> None:
        """Have taken a job whose answer was lost."""
        self.healed[job.id] = Submission(
            provider_job_id=f"task-{job.id}", endpoint="fake", sent={}, effective={"steps": 9}
        )

    @override
    async def heal(self, job: Job, letter: Letter) -> Submission | None:
        if self.world is not None and self.decision is not None:
            await self.world.decisions.decide(job.id, self.decision, by=BEN)
            self.decision = None
        if job.id in self.broken:
            raise UnconfirmedError("It says something that nobody can read.")
        return await super().heal(job, letter)


@pytest.fixture
def paid(world: World) -> PaidProvider:
    provider = PaidProvider()
    world.become(provider)
    return provider


async def parked(world: World, prompt: str = "a cat") -> Job:
    """Return a job whose paid submit was never answered; a runner must run."""
    world.provider.submit_errors = [UnconfirmedError("The answer was lost.")]
    return await world.until(await world.ask(prompt), JobState.UNCONFIRMED)


async def write(world: World, job: Job, body: bytes = b"{}", token: str | None = None) -> None:
    """Let a webhook come in."""
    token = token or job.attempt_token
    assert token is not None
    assert await world.inbox.receive("novita", token, body, now=world.clock.now()) == job.id
    world.notices.letter_arrived()


async def until_read(world: World) -> None:
    """Let time pass until there is nothing left in the inbox."""
    while await world.inbox.unread(limit=100):
        await world.clock.until_asleep(TEND_S)
        world.clock.advance(TEND_S)


async def until_state(world: World, job: Job, state: JobState) -> Job:
    """Let time pass until a job stands in a state."""
    while (now := await world.jobs.get(job.id)).state is not state:
        await world.clock.until_asleep(TEND_S)
        world.clock.advance(TEND_S)
    return now


async def test_a_lost_answer_is_healed_by_a_webhook_and_delivered_at_one_bill(
    world: World, paid: PaidProvider
) -> None:
    async with world.running():
        job = await parked(world)
        assert await world.balance() == HELD
        paid.prove(job)
        await write(world, job)
        done = await world.until(job, JobState.DONE)
    assert (done.provider_job_id, done.endpoint) == (f"task-{job.id}", "fake")
    assert done.failure is None
    assert done.receipt is not None
    assert done.receipt.effective["steps"] == 9
    assert done.receipt.provider_job_id == f"task-{job.id}"
    assert paid.tokens == [job.attempt_token]
    assert len(world.delivery.posts) == 1
    assert await world.balance() == ONE_VIDEO


async def test_a_healed_job_says_nothing_of_how_long_a_render_takes(
    world: World, paid: PaidProvider
) -> None:
    async with world.running():
        job = await parked(world)
        paid.prove(job)
        await write(world, job)
        await world.until(job, JobState.DONE)
        assert await world.jobs.rates("novita") == []
        again = await parked(world)
        await world.decisions.decide(again.id, Decision.RETRY, by=BEN)
        await world.until(again, JobState.DONE)
        assert len(await world.jobs.rates("novita")) == 1, "its second submit was answered"


async def test_the_card_follows_a_healed_job(world: World, paid: PaidProvider) -> None:
    paid.go.clear()
    async with world.running():
        job = await parked(world)
        paid.prove(job)
        await write(world, job)
        await world.until(job, JobState.RUNNING)
        assert await world.balance() == HELD
        paid.go.set()
        await world.until(job, JobState.DONE)


async def test_a_forged_webhook_leaves_the_job_as_it_is(
    world: World, paid: PaidProvider, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.running():
        job = await parked(world)
        await write(world, job, b'{"status": "success", "id": 1, "output": ["http://evil"]}')
        await until_read(world)
    assert [letter.job_id for letter in paid.letters] == [job.id]
    assert "a webhook proved nothing" in caplog.text
    assert (await world.jobs.get(job.id)).state is JobState.UNCONFIRMED
    assert await world.balance() == HELD


async def test_a_webhook_that_names_another_jobs_video_proves_nothing(
    world: World, paid: PaidProvider
) -> None:
    async with world.running():
        theirs = await world.until(await world.ask("theirs"), JobState.DONE)
        job = await parked(world)
        assert theirs.provider_job_id is not None
        paid.healed[job.id] = Submission(
            provider_job_id=theirs.provider_job_id, endpoint="fake", sent={}, effective={}
        )
        await write(world, job)
        await until_read(world)
    assert len(paid.letters) == 1
    assert (await world.jobs.get(job.id)).state is JobState.UNCONFIRMED


async def test_a_webhook_before_the_answer_waits_for_it_and_heals_if_it_is_lost(
    world: World, paid: PaidProvider
) -> None:
    paid.may_submit.clear()
    async with world.running():
        asked = await world.ask()
        await paid.until_tried(asked)
        job = await world.jobs.get(asked.id)
        paid.prove(job)
        await write(world, job)
        await world.clock.until_asleep(TEND_S)
        assert paid.letters == []
        paid.submit_errors = [UnconfirmedError("The answer was lost.")]
        paid.may_submit.set()
        await world.until(job, JobState.DONE)
    assert len(paid.tokens) == 1
    assert await world.balance() == ONE_VIDEO


async def test_a_webhook_about_a_running_job_is_a_hint_to_look_now(
    world: World, paid: PaidProvider
) -> None:
    paid.go.clear()
    async with world.running():
        job = await world.ask()
        await paid.until_watching(job)
        await write(world, await world.jobs.get(job.id))
        await until_read(world)
        assert paid.looked_at == [job.id]
        assert paid.letters == []
        paid.go.set()
        await world.until(job, JobState.DONE)
    assert await world.balance() == ONE_VIDEO


async def test_a_webhook_about_a_finished_job_changes_nothing(
    world: World, paid: PaidProvider
) -> None:
    async with world.running():
        done = await world.until(await world.ask(), JobState.DONE)
        await write(world, done)
        await until_read(world)
    assert paid.letters == []
    assert await world.jobs.get(done.id) == done


async def test_duplicates_heal_once(world: World, paid: PaidProvider) -> None:
    paid.go.clear()
    async with world.running():
        job = await parked(world)
        paid.prove(job)
        for body in (b"1", b"1", b"2", b"3"):
            await write(world, job, body)
        await until_read(world)
        paid.go.set()
        await world.until(job, JobState.DONE)
    assert len(paid.letters) == 1
    assert paid.looked_at == [job.id, job.id]
    assert len(world.delivery.posts) == 1
    assert await world.balance() == ONE_VIDEO


async def test_a_provider_that_cannot_be_asked_is_asked_again_later(
    world: World, paid: PaidProvider
) -> None:
    paid.heal_errors = [UnavailableError("away"), UnavailableError("away", retry_after_s=40)]
    async with world.running():
        job = await parked(world)
        paid.prove(job)
        asked_at = world.clock.now()
        await write(world, job)
        done = await until_state(world, job, JobState.DONE)
    assert len(paid.letters) == 3
    assert done.started_at is not None
    assert done.started_at - asked_at >= timedelta(seconds=40)
    assert await world.balance() == ONE_VIDEO


async def test_a_letter_that_is_never_answered_does_not_hold_up_the_others(
    world: World, paid: PaidProvider
) -> None:
    async with world.running():
        broken, other = await parked(world, "first"), await parked(world, "second")
        paid.broken.add(broken.id)
        for job in (broken, other):
            paid.prove(job)
            await write(world, job)
        await until_state(world, other, JobState.DONE)
    assert (await world.jobs.get(broken.id)).state is JobState.UNCONFIRMED
    assert [letter.job_id for letter in await world.inbox.unread(limit=9)] == [broken.id]


async def test_more_letters_that_must_wait_than_are_looked_at_in_one_go_hide_none(
    world: World, paid: PaidProvider
) -> None:
    async with world.running():
        first = [await parked(world, f"cat {number}") for number in range(4)]
        for job in first:
            paid.broken.add(job.id)
            for number in range(BATCH // 4 + 1):
                await write(world, job, b"%d" % number)
        last = await parked(world, "the last one")
        paid.prove(last)
        await write(world, last)
        await until_state(world, last, JobState.DONE)
    assert {letter.job_id for letter in await world.inbox.unread(limit=99)} == {
        job.id for job in first
    }


async def test_a_provider_that_is_switched_off_keeps_its_letters(
    world: World, paid: PaidProvider
) -> None:
    async with world.running():
        job = await parked(world)
    world.become(FakeProvider(video=VIDEO))
    await write(world, job)
    async with world.running():
        await world.until(await world.ask("another one"), JobState.DONE)
        await world.clock.until_asleep(TEND_S)
    assert len(await world.inbox.unread(limit=9)) == 1
    paid.prove(job)
    world.become(paid)
    async with world.running():
        await world.until(job, JobState.DONE)


async def test_a_webhook_that_came_while_the_bot_was_down_heals_what_the_crash_parked(
    world: World, paid: PaidProvider
) -> None:
    asked = await world.ask()
    now = world.clock.now()
    job = await world.jobs.claim(
        asked.backend, token=make_token(), now=now, lease_until=now + timedelta(minutes=1)
    )
    assert job is not None
    paid.prove(job)
    await write(world, job)
    async with world.running():
        await world.until(job, JobState.DONE)
    assert paid.submitted == []
    assert await world.balance() == ONE_VIDEO


async def test_a_crash_right_after_the_heal_resumes_the_job(
    world: World, paid: PaidProvider
) -> None:
    paid.go.clear()
    async with world.doomed():
        job = await parked(world)
        paid.prove(job)
        await write(world, job)
        await paid.until_watching(job)
    assert (await world.jobs.get(job.id)).state is JobState.RUNNING
    assert await world.balance() == HELD
    paid.go.set()
    async with world.running():
        await world.until(job, JobState.DONE)
    assert len(paid.letters) == 1
    assert len(paid.tokens) == 1
    assert await world.balance() == ONE_VIDEO


class LossyInbox(SqliteInbox):
    """An inbox that cannot note the first letter as read."""

    losses = 1

    @override
    async def mark_read(self, letter: Letter, *, now: object) -> None:
        if self.losses:
            self.losses -= 1
            raise StorageError("the disk is full")
        await super().mark_read(letter, now=now)  # pyright: ignore[reportArgumentType] - passed on


async def test_a_heal_whose_letter_stays_unread_is_not_repeated(
    world: World, paid: PaidProvider
) -> None:
    world.inbox = LossyInbox(world.database)
    async with world.running():
        job = await parked(world)
        paid.prove(job)
        await write(world, job)
        await world.clock.until_asleep(TEND_S)
        while (await world.jobs.get(job.id)).state is not JobState.DONE:
            await world.clock.until_asleep(TEND_S)
            world.clock.advance(LEASE.total_seconds())
    assert len(paid.letters) == 1
    assert len(world.delivery.posts) == 1
    assert await world.balance() == ONE_VIDEO


async def test_a_letter_about_a_submit_that_a_retry_replaced_tells_the_operator(
    world: World, paid: PaidProvider, caplog: pytest.LogCaptureFixture
) -> None:
    paid.go.clear()
    async with world.running():
        job = await parked(world)
        await world.decisions.decide(job.id, Decision.RETRY, by=BEN)
        await paid.until_watching(job)
        paid.prove(job)
        await write(world, job)
        await until_read(world)
        assert paid.letters[0].token == job.attempt_token
        paid.go.set()
        done = await world.until(job, JobState.DONE)
    assert f"Job {job.id}: a submit that was given up did arrive; novita made it" in caplog.text
    assert f"task-{job.id}" in caplog.text
    assert done.provider_job_id == f"{job.id}-1", "the second submit is the one that counts"
    assert await world.balance() == ONE_VIDEO


async def test_a_letter_to_an_old_address_about_the_submit_that_counts_is_no_news(
    world: World, paid: PaidProvider, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.running():
        job = await parked(world)
        await world.decisions.decide(job.id, Decision.RETRY, by=BEN)
        done = await world.until(job, JobState.DONE)
        assert done.provider_job_id is not None
        paid.healed[job.id] = Submission(
            provider_job_id=done.provider_job_id, endpoint="fake", sent={}, effective={}
        )
        await write(world, job)
        await until_read(world)
    assert len(paid.letters) == 1
    assert "did arrive" not in caplog.text


async def test_a_letter_about_a_job_that_was_released_tells_the_operator(
    world: World, paid: PaidProvider, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.running():
        job = await parked(world)
        await world.decisions.decide(job.id, Decision.RELEASE, by=BEN)
        paid.prove(job)
        await write(world, job)
        await until_read(world)
    assert "a submit that was given up did arrive" in caplog.text
    assert (await world.jobs.get(job.id)).state is JobState.FAILED
    assert await world.balance() == FREE


@pytest.mark.parametrize(
    ("decision", "state", "books"),
    [
        (Decision.RELEASE, JobState.FAILED, FREE),
        (Decision.CHARGE, JobState.FAILED, ONE_VIDEO),
        (Decision.RETRY, JobState.DONE, ONE_VIDEO),
    ],
)
async def test_a_decision_made_while_the_provider_is_asked_stands(
    world: World,
    paid: PaidProvider,
    decision: Decision,
    state: JobState,
    books: dict[Unit, tuple[int, int]],
) -> None:
    async with world.running():
        job = await parked(world)
        paid.prove(job)
        paid.world, paid.decision = world, decision
        await write(world, job)
        ended = await until_state(world, job, state)
        await until_read(world)
    assert ended.provider_job_id != f"task-{job.id}"
    assert await world.balance() == books


async def test_a_member_who_cancelled_meanwhile_gets_what_was_paid_for(
    world: World, paid: PaidProvider
) -> None:
    async with world.running():
        job = await parked(world)
        await world.service.cancel(job.id, by=job.requester, may_manage=False)
        paid.prove(job)
        await write(world, job)
        await world.until(job, JobState.DONE)
    assert await world.balance() == ONE_VIDEO


@pytest.mark.usefixtures("paid")
async def test_no_token_is_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="jobs")
    async with world.running():
        job = await parked(world)
        await write(world, job)
        await until_read(world)
    assert job.attempt_token is not None
    assert job.attempt_token not in caplog.text
