"""What goes wrong with a backend, a file, a channel or a disk, and what it costs whom."""

from datetime import timedelta

import pytest

from jobs.errors import (
    InterruptedRenderError,
    RefusedError,
    RenderFailedError,
    UnavailableError,
    UnconfirmedError,
)
from jobs.model import Gone, Later, TooLarge
from jobs.quota.books import Unit
from jobs.request import ProviderName
from jobs.retry import MAX_SETBACKS
from jobs.runner import IDLE_S, TEND_S
from jobs.states import JobState
from jobs.work import LEASE
from tests.fakes.line import Line
from tests.fakes.media import VIDEO
from tests.fakes.provider import FakeProvider
from tests.jobs.conftest import FREE, ONE_VIDEO, FullFolder, World


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
