"""A video's way through the runner, from the ask to the channel or to a cancel."""

import asyncio

import pytest

from jobs.errors import NotAllowedError, NotFoundError
from jobs.model import Origin
from jobs.quota.books import Unit
from jobs.service import Ask
from jobs.states import JobState
from tests.factories import make_job
from tests.fakes.media import VIDEO
from tests.jobs.conftest import ADA, BEN, FREE, ONE_VIDEO, World


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


async def test_the_wait_is_told_once_enough_renders_were_measured(world: World) -> None:
    job = await world.ask()
    assert (await world.service.standing(job)).eta_s is None
    second = await world.ask()
    assert (await world.service.standing(second)).ahead == 1


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
