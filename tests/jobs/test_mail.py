"""Webhooks heal what a lost answer parked, and do no harm otherwise."""

from datetime import timedelta

import pytest

from jobs.errors import UnavailableError, UnconfirmedError
from jobs.mail import BATCH
from jobs.model import Submission
from jobs.moderation.decisions import Decision
from jobs.runner import TEND_S
from jobs.states import JobState
from tests.factories import make_token
from tests.fakes.media import VIDEO
from tests.fakes.paid_provider import PaidProvider
from tests.fakes.provider import FakeProvider
from tests.jobs.conftest import BEN, HELD, ONE_VIDEO, World
from tests.jobs.correspondence import parked, until_read, until_state, write


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
