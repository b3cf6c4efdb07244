"""What a service's safety checker flags is not posted, unless the operator says otherwise."""

from collections.abc import Sequence

import pytest

from jobs.errors import FlaggedError
from jobs.model import Job
from providers.hosted.api import Accepted, Look, Stage
from tests.factories import make_receipt
from tests.fakes.hosted_api import DONE
from tests.providers.hosted.world import World

URL = "https://videos.example/1.mp4"
FLAGGED = Look(stage=Stage.DONE, url=URL, is_flagged=True, detail="flagged")
VIDEO: Sequence[bytes] = (b"one", b"two")


async def fetched(world: World, job: Job) -> bytes:
    async with world.provider.fetch(job) as rendering:
        return b"".join([chunk async for chunk in rendering.chunks])


async def test_a_flagged_video_fails_in_one_sentence(world: World) -> None:
    world.will_say(FLAGGED)
    waiting = world.watch(world.job("task"))
    await world.let_pass(60)
    error = waiting.task.exception()
    assert isinstance(error, FlaggedError)
    assert "safety checker flagged this video" in error.user_message
    assert error.detail == "flagged"


async def test_a_video_that_is_flagged_when_it_is_fetched_is_not_downloaded(world: World) -> None:
    world.will_say(FLAGGED)
    with pytest.raises(FlaggedError):
        await fetched(world, world.job("task"))
    assert world.files.opened == []
    assert len(world.looks_at()) == 1


async def test_what_was_flagged_with_the_submits_answer_stays_flagged_after_a_restart(
    world: World,
) -> None:
    world.api.accepts.append(Accepted(provider_job_id="task", sent={}, is_flagged=True))
    job = world.job()
    submission = await world.provider.submit(job, token="0" * 32, image=None)
    assert world.api.bills == ["task"]
    receipt = make_receipt(job).evolve(effective=dict(submission.effective))
    later = World.new()
    later.will_say(DONE)
    async with later.provider:
        waiting = later.watch(later.job("task", receipt=receipt))
        await later.let_pass(60)
        assert isinstance(waiting.task.exception(), FlaggedError)
        assert later.looks_at() == []
        await later.close()


async def test_an_operator_may_let_flagged_videos_pass() -> None:
    world = World.new(heeds_flags=False)
    async with world.provider:
        world.will_say(FLAGGED)
        waiting = world.watch(world.job("task"))
        await world.let_pass(60)
        await waiting.task
        world.files.files.append(VIDEO)
        assert await fetched(world, world.job("task")) == b"onetwo"
        await world.close()
