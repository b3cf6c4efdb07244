"""A video that was paid for is not lost to a bad network or a full disk."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typing_extensions import override

from jobs.errors import (
    FlaggedError,
    FlipbookError,
    InterruptedRenderError,
    MediaError,
    RenderFailedError,
    StorageFullError,
    UnavailableError,
    UnconfirmedError,
)
from jobs.model import Failure, Job
from jobs.request import ProviderName
from jobs.retry import retry_delay
from jobs.setbacks import VIDEO_LIFE
from jobs.states import JobState
from storage.artifacts import FolderArtifactStore
from tests.fakes.media import VIDEO
from tests.fakes.provider import FakeProvider
from tests.jobs.conftest import FREE, ONE_VIDEO, World


class TightFolder(FolderArtifactStore):
    """A videos folder on a disk that has no room a few times."""

    def __init__(self, root: Path, times: int) -> None:
        super().__init__(root)
        self._times = times

    @override
    async def receive(self, job: Job, chunks: AsyncIterator[bytes]) -> Path:
        if self._times:
            self._times -= 1
            raise StorageFullError("no space left on device")
        return await super().receive(job, chunks)


@pytest.fixture
def paid(world: World) -> FakeProvider:
    provider = FakeProvider(video=VIDEO, name=ProviderName.NOVITA, is_paid=True)
    world.become(provider)
    return provider


async def wait_out(world: World, setbacks: int) -> None:
    """Let a pause pass, as long as it is after that many setbacks."""
    seconds = retry_delay(setbacks, None).total_seconds()
    await world.clock.until_asleep(seconds)
    world.clock.advance(seconds)


def parts(world: World) -> list[str]:
    return [path.name for path in world.videos.glob("*.part")]


@pytest.mark.parametrize(
    "error",
    [
        UnavailableError("It cannot be reached."),
        UnconfirmedError("The download broke off."),
        InterruptedRenderError("It was interrupted."),
    ],
)
async def test_a_broken_download_of_a_paid_video_is_made_again(
    world: World, paid: FakeProvider, error: FlipbookError
) -> None:
    paid.fetch_errors = [error, error]
    async with world.running():
        job = await world.ask()
        for setbacks in (1, 2):
            await wait_out(world, setbacks)
        await world.until(job, JobState.DONE)
    assert paid.submitted == [job.id]
    assert len(paid.fetched) == 3
    assert world.delivery.files[job.id] == VIDEO
    assert await world.balance() == ONE_VIDEO


async def test_a_paid_video_waits_until_the_disk_has_room(world: World, paid: FakeProvider) -> None:
    tries = 8
    world.artifacts = TightFolder(world.videos, tries)
    async with world.running():
        job = await world.ask()
        for setbacks in range(1, tries + 1):
            await wait_out(world, setbacks)
        await world.until(job, JobState.DONE)
    assert paid.submitted == [job.id]
    assert await world.balance() == ONE_VIDEO


async def test_a_service_that_asks_for_a_longer_pause_gets_it(
    world: World, paid: FakeProvider
) -> None:
    paid.fetch_errors = [UnavailableError("Come back later.", retry_after_s=90)]
    async with world.running():
        job = await world.ask()
        await world.clock.until_asleep(90)
        assert len(paid.fetched) == 1
        world.clock.advance(90)
        await world.until(job, JobState.DONE)


async def test_a_pause_survives_a_crash_and_nothing_is_bought_again(
    world: World, paid: FakeProvider
) -> None:
    paid.fetch_errors = [UnavailableError("It cannot be reached.")]
    job = await world.ask()
    async with world.doomed():
        await world.clock.until_asleep(2)
    held = await world.jobs.get(job.id)
    assert (held.state, held.setbacks) == (JobState.FETCHING, 1)
    async with world.running():
        await world.until(job, JobState.DONE)
    assert paid.submitted == [job.id]


async def test_after_a_day_a_video_that_cannot_be_had_is_given_up_for_free(
    world: World, paid: FakeProvider
) -> None:
    paid.fetch_errors = [UnavailableError("It cannot be reached.")] * 2
    async with world.running():
        job = await world.ask()
        await world.clock.until_asleep(2)
        world.clock.advance(VIDEO_LIFE.total_seconds())
        failed = await world.until(job, JobState.FAILED)
    assert failed.failure is not None
    assert failed.failure.message == "It cannot be reached."
    assert parts(world) == []
    assert await world.balance() == FREE


async def test_a_paid_file_that_is_no_video_is_downloaded_once_more(
    world: World, paid: FakeProvider
) -> None:
    paid.fetch_errors = [MediaError("The file is cut off.")]
    async with world.running():
        job = await world.ask()
        await wait_out(world, 1)
        await world.until(job, JobState.DONE)
    assert len(paid.fetched) == 2
    assert world.delivery.files[job.id] == VIDEO


async def test_a_paid_file_that_stays_no_video_ends_the_job_for_free(
    world: World, paid: FakeProvider
) -> None:
    paid.video = b"<html>not found</html>"
    async with world.running():
        job = await world.ask()
        await wait_out(world, 1)
        failed = await world.until(job, JobState.FAILED)
    assert failed.failure is not None
    assert failed.failure.code == "bad_file"
    assert len(paid.fetched) == 2
    assert parts(world) == []
    assert await world.balance() == FREE


async def test_a_video_that_the_service_has_no_more_is_given_up_at_once(
    world: World, paid: FakeProvider
) -> None:
    paid.fetch_errors = [RenderFailedError("The video has expired.")]
    async with world.running():
        job = await world.ask()
        failed = await world.until(job, JobState.FAILED)
    assert len(paid.fetched) == 1
    assert failed.failure is not None
    assert failed.failure.message == "The video has expired."


async def test_what_the_file_says_counts_more_than_what_its_backend_says_of_it(
    world: World, paid: FakeProvider
) -> None:
    paid.told = {"width": 512, "frames": 40, "fps": 30, "scheduler": "DDIM"}
    async with world.running():
        done = await world.until(await world.ask(), JobState.DONE)
    assert done.receipt is not None
    measured = {"width": 128, "height": 128, "frames": 16, "fps": 8}
    assert done.receipt.effective == {"steps": 12, "scheduler": "DDIM", **measured}


async def test_a_flagged_video_is_not_posted_and_its_member_pays_nothing(
    world: World, paid: FakeProvider
) -> None:
    paid.watch_errors.append(FlaggedError("It was flagged."))
    async with world.running():
        job = await world.ask()
        failed = await world.until(job, JobState.FAILED)
    assert failed.failure == Failure(code="flagged", message="It was flagged.")
    assert paid.submitted == [job.id]
    assert world.delivery.files == {}
    assert await world.balance() == FREE


async def test_a_video_that_is_flagged_late_is_not_fetched_again(
    world: World, paid: FakeProvider
) -> None:
    paid.fetch_errors.append(FlaggedError("It was flagged."))
    async with world.running():
        job = await world.ask()
        failed = await world.until(job, JobState.FAILED)
    assert failed.failure is not None
    assert failed.failure.code == "flagged"
    assert world.delivery.files == {}
    assert await world.balance() == FREE
