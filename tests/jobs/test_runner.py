import asyncio
from datetime import timedelta

import pytest

from jobs.errors import (
    InterruptedRenderError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    RenderFailedError,
    UnavailableError,
    UnconfirmedError,
)
from jobs.model import Gone, Later, Origin, TooLarge
from jobs.quota import Unit
from jobs.request import ProviderName
from jobs.retry import MAX_SETBACKS
from jobs.runner import IDLE_S, TEND_S
from jobs.service import Ask
from jobs.states import JobState
from jobs.work import LEASE
from tests.factories import make_job
from tests.fakes.line import Line
from tests.fakes.media import VIDEO
from tests.fakes.provider import FakeProvider
from tests.jobs.conftest import ADA, BEN, FullFolder, World

FREE = {Unit.VIDEOS: (0, 0), Unit.VIDEO_MS: (0, 0)}
ONE_VIDEO = {Unit.VIDEOS: (1, 0), Unit.VIDEO_MS: (2000, 0)}


async def test_a_video_goes_from_the_ask_to_the_channel(world: World) -> None:
    async with world.running():
        job = await world.ask(seed=7)
        done = await world.until(job, JobState.DONE)
    assert done.message_id == world.delivery.posts[job.id]
    assert world.delivery.files[job.id] == VIDEO
    assert await world.balance() == ONE_VIDEO


async def test_the_card_goes_through_the_states_with_real_progress(world: World) -> None:
    async with world.running():
        job = await world.ask()
        await world.until(job, JobState.DONE)
    states = [state for state, _ in world.delivery.cards[job.id]]
    assert states[0] in (JobState.RUNNING, JobState.SUBMITTING)
    assert states[-1] is JobState.DONE


async def test_the_receipt_keeps_asked_sent_and_effective_apart(world: World) -> None:
    async with world.running():
        job = await world.ask("a cat")
        done = await world.until(job, JobState.DONE)
    receipt = done.receipt
    assert receipt is not None
    assert receipt.asked["segments"] == [{"prompt": "a cat"}]
    assert receipt.sent == {"prompt": "a cat"}
    measured = {"width": 128, "height": 128, "frames": 16, "fps": 8}
    assert receipt.effective == {"steps": 12, **measured}
    assert receipt.seed == 4242
    assert receipt.versions == {"flipbook": "test", "fake": "1"}
    assert world.media.tagged == [receipt]


async def test_jobs_are_taken_first_come_first_served_within_the_slots(world: World) -> None:
    jobs = [await world.ask(f"cat {n}") for n in range(10)]
    async with world.running():
        for job in jobs:
            await world.until(job, JobState.DONE)
    assert world.provider.submitted == [job.id for job in jobs]
    assert world.provider.most_at_once == 1


async def test_a_hundred_queued_jobs_all_end(world: World) -> None:
    jobs = [await world.ask(f"cat {n}", by=(ADA, BEN)[n % 2]) for n in range(100)]
    async with world.running():
        for job in jobs:
            await world.until(job, JobState.DONE)
    assert sorted(world.delivery.posts) == sorted(job.id for job in jobs)
    assert (await world.balance())[Unit.VIDEOS] == (100, 0)


async def test_the_same_request_delivered_twice_is_one_job(world: World) -> None:
    first = await world.ask()
    again = Ask(
        origin=Origin.DISCORD,
        origin_key=first.origin_key,
        requester=ADA,
        address=first.address,
        request=first.asked,
    )
    answers = await asyncio.gather(*(world.service.ask(again) for _ in range(5)))
    assert {answer.job.id for answer in answers} == {first.id}
    assert not any(answer.is_new for answer in answers)
    assert (await world.balance())[Unit.VIDEOS] == (0, 1)


async def test_a_queued_job_is_cancelled_at_once_and_costs_nothing(world: World) -> None:
    job = await world.ask()
    cancelled = await world.service.cancel(job.id, by=ADA, may_manage=False)
    assert cancelled.state is JobState.CANCELLED
    assert await world.balance() == FREE
    async with world.running():
        await world.until(job, JobState.CANCELLED)
    assert world.provider.submitted == []


async def test_a_running_job_is_stopped_when_its_owner_cancels(world: World) -> None:
    world.provider.go.clear()
    async with world.running():
        job = await world.ask()
        await world.provider.until_watching(job)
        await world.service.cancel(job.id, by=ADA, may_manage=False)
        cancelled = await world.until(job, JobState.CANCELLED)
    assert cancelled.message_id is None
    assert await world.balance() == ONE_VIDEO, "a render that had started is counted"


async def test_only_the_owner_or_a_moderator_cancels(world: World) -> None:
    job = await world.ask(by=ADA)
    with pytest.raises(NotAllowedError):
        await world.service.cancel(job.id, by=BEN, may_manage=False)
    cancelled = await world.service.cancel(job.id, by=BEN, may_manage=True)
    assert cancelled.state is JobState.CANCELLED


async def test_a_job_of_another_server_is_not_found(world: World) -> None:
    job = await world.ask(by=ADA)
    with pytest.raises(NotFoundError):
        await world.service.info(job.id, guild_id=11)


async def test_who_is_in_no_server_finds_no_job_of_the_command_line(world: World) -> None:
    job = make_job(origin=Origin.CLI, guild_id=0, user_id=0)
    await world.jobs.enqueue(job)
    with pytest.raises(NotFoundError):
        await world.service.info(job.id, guild_id=0)


async def test_a_backend_that_is_away_is_tried_again_later(world: World) -> None:
    world.provider.submit_errors = [UnavailableError("away", retry_after_s=30)]
    async with world.running():
        job = await world.ask()
        waiting = await world.until(job, JobState.QUEUED)
        assert waiting.due_at == world.clock.now() + timedelta(seconds=30)
        while not world.provider.submitted:
            await world.clock.until_asleep(IDLE_S)  # the claim loop found nothing due yet
            world.clock.advance(31)
        await world.until(job, JobState.DONE)
    assert world.provider.submitted == [job.id]


async def test_a_backend_that_stays_away_ends_the_job_for_free(world: World) -> None:
    world.provider.submit_errors = [UnavailableError("The backend is away.")] * MAX_SETBACKS
    async with world.running():
        job = await world.ask()
        for times in range(1, MAX_SETBACKS):
            await world.delivery.until_shown(job.id, JobState.QUEUED, times)
            while len(world.provider.tokens) == times:
                await world.clock.until_asleep(IDLE_S)  # the claim loop found nothing due yet
                world.clock.advance(400)
        failed = await world.until(job, JobState.FAILED)
    assert failed.failure is not None
    assert failed.failure.message == "The backend is away."
    assert await world.balance() == FREE


async def test_an_explicit_refusal_is_final_and_free(world: World) -> None:
    world.provider.submit_errors = [RefusedError("No such prompt here.")]
    async with world.running():
        job = await world.ask()
        failed = await world.until(job, JobState.FAILED)
    assert failed.failure is not None
    assert failed.failure.message == "No such prompt here."
    assert len(world.provider.tokens) == 1
    assert await world.balance() == FREE


async def test_a_failed_render_is_final_and_free(world: World) -> None:
    world.provider.watch_errors = [RenderFailedError("The model broke.")]
    async with world.running():
        job = await world.ask()
        await world.until(job, JobState.FAILED)
    assert await world.balance() == FREE


async def test_a_lost_answer_of_a_paid_submit_is_never_repeated(world: World) -> None:
    world.become(FakeProvider(video=VIDEO, name=ProviderName.NOVITA, is_paid=True))
    world.provider.submit_errors = [UnconfirmedError("The answer was lost.")]
    async with world.running():
        job = await world.ask()
        parked = await world.until(job, JobState.UNCONFIRMED)
        world.clock.advance(3600)
        await world.until(await world.ask("another one"), JobState.DONE)
    assert parked.ended_at is None
    assert job.id not in world.provider.submitted
    assert len(world.provider.tokens) == 2
    assert await world.balance() == {Unit.VIDEOS: (1, 1), Unit.VIDEO_MS: (2000, 2000)}


async def test_an_interrupted_render_of_ours_is_made_again(world: World) -> None:
    world.provider.watch_errors = [InterruptedRenderError("The worker died.")]
    async with world.running():
        job = await world.ask()
        done = await world.until(job, JobState.DONE)
    assert world.provider.submitted == [job.id, job.id]
    assert done.attempt == 2
    assert await world.balance() == ONE_VIDEO


async def test_a_job_that_kills_every_worker_ends(world: World) -> None:
    world.provider.watch_errors = [InterruptedRenderError("The worker died.")] * MAX_SETBACKS
    async with world.running():
        job = await world.ask()
        failed = await world.until(job, JobState.FAILED)
    assert failed.setbacks == MAX_SETBACKS - 1
    assert len(world.provider.submitted) == MAX_SETBACKS
    assert await world.balance() == FREE


async def test_a_file_that_is_no_video_fails_the_job_for_free(world: World) -> None:
    world.provider.video = b"<html>not yet</html>"
    async with world.running():
        job = await world.ask()
        failed = await world.until(job, JobState.FAILED)
    assert failed.failure is not None
    assert failed.failure.code == "bad_file"
    assert await world.balance() == FREE


async def test_a_file_too_large_for_the_channel_is_made_smaller(world: World) -> None:
    world.delivery.outcomes = [TooLarge(limit=1000)]
    async with world.running():
        job = await world.ask()
        done = await world.until(job, JobState.DONE)
    assert world.delivery.files[job.id] == b"video"
    assert done.artifact is not None
    kept = world.artifacts.path(done.artifact)
    assert kept.read_bytes() == VIDEO
    assert list(world.videos.glob("*.fit.*")) == []


async def test_a_file_that_never_fits_is_undelivered_and_refunded(world: World) -> None:
    world.delivery.outcomes = [TooLarge(limit=1000), TooLarge(limit=500), TooLarge(limit=50)]
    async with world.running():
        job = await world.ask()
        lost = await world.until(job, JobState.UNDELIVERED)
    assert lost.artifact is not None
    assert [path.name for path in world.videos.glob(f"{job.id}*")] == [lost.artifact.name]
    assert await world.balance() == FREE


async def test_a_channel_that_is_gone_keeps_the_video_and_the_charge(world: World) -> None:
    world.delivery.outcomes = [Gone(reason="The channel was deleted.")]
    async with world.running():
        job = await world.ask()
        lost = await world.until(job, JobState.UNDELIVERED)
    assert lost.failure is not None
    assert lost.failure.message == "The channel was deleted."
    assert await world.balance() == ONE_VIDEO


async def test_a_channel_that_is_busy_gets_the_result_later(world: World) -> None:
    at = world.clock.now() + timedelta(seconds=40)
    world.delivery.outcomes = [Later(at=at, reason="Discord is away")]
    async with world.running():
        job = await world.ask()
        await world.delivery.until_tried(job.id)
        await world.clock.until_asleep(40)
        world.clock.advance(41)
        await world.until(job, JobState.DONE)
    assert world.delivery.tries.count(job.id) == 2


async def test_an_unpaid_render_cut_off_by_a_crash_is_made_again(world: World) -> None:
    world.provider.go.clear()
    job = await world.ask()
    async with world.doomed():
        await world.provider.until_watching(job)
    assert (await world.jobs.get(job.id)).state is JobState.RUNNING
    world.provider.go.set()
    async with world.running():
        await world.until(job, JobState.DONE)
    assert list(world.delivery.posts) == [job.id]
    assert await world.balance() == ONE_VIDEO


async def test_a_paid_render_cut_off_by_a_crash_is_resumed_not_bought_again(world: World) -> None:
    world.become(FakeProvider(video=VIDEO, name=ProviderName.NOVITA, is_paid=True))
    world.provider.go.clear()
    job = await world.ask()
    async with world.doomed():
        await world.provider.until_watching(job)
    assert (await world.jobs.get(job.id)).state is JobState.RUNNING
    world.provider.go.set()
    async with world.running():
        done = await world.until(job, JobState.DONE)
    assert world.provider.submitted == [job.id]
    assert done.provider_job_id == f"{job.id}-1"


async def test_a_crash_in_the_middle_of_a_paid_submit_parks_the_job(world: World) -> None:
    world.become(FakeProvider(video=VIDEO, name=ProviderName.NOVITA, is_paid=True))
    job = await world.ask()
    now = world.clock.now()
    await world.jobs.claim(job.backend, token="t", now=now, lease_until=now + timedelta(minutes=1))
    async with world.running():
        parked = await world.until(job, JobState.UNCONFIRMED)
    assert world.provider.submitted == []
    assert parked.failure is not None
    assert await world.balance() == {Unit.VIDEOS: (0, 1), Unit.VIDEO_MS: (0, 2000)}


async def test_a_crash_after_the_post_posts_nothing_again(world: World) -> None:
    world.delivery.go.clear()
    job = await world.ask()
    async with world.doomed():
        await world.delivery.until_tried(job.id)
        world.delivery.posts[job.id] = 77  # it was applied; the answer was not read
    assert (await world.jobs.get(job.id)).state is JobState.DELIVERING
    world.delivery.go.set()
    async with world.running():
        done = await world.until(job, JobState.DONE)
    assert done.message_id == 77
    assert world.provider.submitted == [job.id]


async def test_stopping_puts_a_render_of_ours_back_into_the_queue(world: World) -> None:
    world.provider.go.clear()
    async with world.running():
        job = await world.ask()
        await world.provider.until_watching(job)
    stored = await world.jobs.get(job.id)
    assert stored.state is JobState.QUEUED
    assert stored.started_at is None
    assert (await world.balance())[Unit.VIDEOS] == (0, 1)


async def test_an_end_that_was_not_shown_before_a_crash_is_shown_after_it(world: World) -> None:
    job = await world.ask()
    await world.service.cancel(job.id, by=ADA, may_manage=False)
    async with world.running():
        await world.until(job, JobState.CANCELLED)
    shown = len(world.delivery.cards[job.id])
    async with world.running():
        await world.until(await world.ask(), JobState.DONE)
    assert len(world.delivery.cards[job.id]) == shown, "it is shown once"


async def test_the_wait_is_told_once_enough_renders_were_measured(world: World) -> None:
    job = await world.ask()
    assert (await world.service.standing(job)).eta_s is None
    second = await world.ask()
    assert (await world.service.standing(second)).ahead == 1


@pytest.mark.parametrize("method", ["mark_card", "claim", "stale_cards", "renew", "save"])
async def test_a_disk_that_is_full_for_a_moment_stops_no_runner_and_loses_no_job(
    world: World, method: str
) -> None:
    line = Line(world.jobs)
    line.failures[method] = 1
    async with world.running(line):
        first = await world.ask("first")
        second = await world.ask("second")
        while (await world.jobs.get(first.id)).state is not JobState.DONE:
            await world.clock.until_asleep(TEND_S)
            world.clock.advance(LEASE.total_seconds())
        await world.until(second, JobState.DONE)
    assert sorted(world.delivery.posts) == sorted([first.id, second.id])
    assert (await world.balance())[Unit.VIDEOS] == (2, 0)


async def test_a_cancel_before_the_render_began_is_free_even_if_it_came_during_the_submit(
    world: World,
) -> None:
    world.provider.go.clear()
    world.provider.may_submit.clear()
    async with world.running():
        job = await world.ask()
        await world.provider.until_tried(job)
        await world.service.cancel(job.id, by=ADA, may_manage=False)
        world.provider.may_submit.set()
        await world.until(job, JobState.CANCELLED)
    assert await world.balance() == FREE


async def test_a_disk_too_full_for_videos_ends_the_job_after_some_tries(world: World) -> None:
    world.artifacts = FullFolder(world.videos)
    world.become(world.provider)
    async with world.running():
        job = await world.ask()
        for times in range(1, MAX_SETBACKS):
            await world.delivery.until_shown(job.id, JobState.QUEUED, times)
            while len(world.provider.submitted) == times:
                await world.clock.until_asleep(IDLE_S)
                world.clock.advance(400)
        failed = await world.until(job, JobState.FAILED)
    assert failed.failure is not None
    assert "disk is full" in failed.failure.message
    assert len(world.provider.submitted) == MAX_SETBACKS
    assert await world.balance() == FREE


async def test_a_restart_is_no_setback(world: World) -> None:
    world.provider.go.clear()
    job = await world.ask()
    for _ in range(2 * MAX_SETBACKS):
        async with world.doomed():
            await world.provider.until_watching(job)
    world.provider.go.set()
    async with world.running():
        done = await world.until(job, JobState.DONE)
    assert done.setbacks == 0


async def test_a_render_whose_backend_was_switched_off_ends_for_free(world: World) -> None:
    world.provider.go.clear()
    job = await world.ask()
    async with world.doomed():
        await world.provider.until_watching(job)
    world.become(FakeProvider(video=VIDEO, name=ProviderName.NOVITA, is_paid=True))
    async with world.running():
        failed = await world.until(job, JobState.FAILED)
    assert failed.failure is not None
    assert "not set up here" in failed.failure.message
    assert await world.balance() == FREE


async def test_a_stop_is_not_held_up_by_a_card_that_hangs(world: World) -> None:
    async with world.running():
        job = await world.ask()
        world.delivery.may_show.clear()
        await world.delivery.until_tried(job.id)
    assert (await world.jobs.get(job.id)).state is JobState.DONE


async def test_a_render_put_back_into_the_queue_is_in_one_pair_of_hands(world: World) -> None:
    """Two slots: the next one may claim it before the first one has let go."""
    world.become(FakeProvider(video=VIDEO, slots=2))
    world.provider.watch_errors = [InterruptedRenderError("The worker died.")]
    async with world.running():
        jobs = [await world.ask(f"cat {n}") for n in range(6)]
        for job in jobs:
            await world.until(job, JobState.DONE)
    assert sorted(world.delivery.posts) == sorted(job.id for job in jobs)
    assert (await world.balance())[Unit.VIDEOS] == (6, 0)
