"""A crash or a stop at any point: nothing is lost, made twice, bought twice or posted twice."""

from datetime import timedelta

from jobs.errors import InterruptedRenderError
from jobs.quota.books import Unit
from jobs.request import ProviderName
from jobs.retry import MAX_SETBACKS
from jobs.states import JobState
from tests.fakes.media import VIDEO
from tests.fakes.provider import FakeProvider
from tests.jobs.conftest import ADA, ONE_VIDEO, World


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
