"""A stop that meets a write, a claim or a pause loses nothing, and waits for nothing in vain."""

import asyncio
import logging
from datetime import datetime
from typing import cast

import pytest

from jobs.errors import UnavailableError
from jobs.model import Job, Later
from jobs.ports import JobStore
from jobs.request import ProviderName
from jobs.states import JobState
from tests.fakes.line import Line
from tests.fakes.media import VIDEO
from tests.fakes.provider import FakeProvider
from tests.jobs.conftest import ONE_VIDEO, World

LONG_S = 50.0  # longer than a test may take


class SlowAnswers:
    """A store whose writes go through, and whose answers to one kind of them wait for `go`.

    Attributes:
        written: Set when such a write is in the database.
    """

    def __init__(
        self, jobs: JobStore, *, claims: bool = False, into: JobState | None = None
    ) -> None:
        self._jobs = jobs
        self._claims = claims
        self._into = into
        self.written = asyncio.Event()
        self.go = asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._jobs, name)

    async def claim(
        self, backend: str, *, token: str, now: datetime, lease_until: datetime
    ) -> Job | None:
        job = await self._jobs.claim(backend, token=token, now=now, lease_until=lease_until)
        if self._claims and job is not None:
            await self._answer()
        return job

    async def save(self, before: Job, after: Job, **given: object) -> Job:
        save = cast("asyncio.Future[Job]", self._jobs.save(before, after, **given))  # pyright: ignore[reportArgumentType] - passed on
        job = await save
        if after.state is self._into is not before.state:
            await self._answer()
        return job

    async def _answer(self) -> None:
        self.written.set()
        await self.go.wait()


async def stopped(world: World, slow: SlowAnswers) -> None:
    """Stop a runner while an answer is on its way; the answer comes after the stop."""
    runner = world.new_runner(cast("JobStore", slow))
    task = asyncio.create_task(runner.run(drain_s=2))
    await slow.written.wait()
    runner.stop()
    for _ in range(20):
        await asyncio.sleep(0)
    slow.go.set()
    await task


@pytest.fixture
def paid(world: World) -> FakeProvider:
    provider = FakeProvider(video=VIDEO, name=ProviderName.NOVITA, is_paid=True)
    world.become(provider)
    return provider


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.FETCHING])
async def test_a_stop_that_meets_a_write_puts_our_own_render_back(
    world: World, caplog: pytest.LogCaptureFixture, state: JobState
) -> None:
    job = await world.ask()
    await stopped(world, SlowAnswers(world.jobs, into=state))
    stored = await world.jobs.get(job.id)
    assert (stored.state, stored.started_at) == (JobState.QUEUED, None)
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
    async with world.running():
        await world.until(job, JobState.DONE)
    assert await world.balance() == ONE_VIDEO


async def test_a_stop_that_meets_the_last_write_of_a_fetch_keeps_the_file(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    job = await world.ask()
    await stopped(world, SlowAnswers(world.jobs, into=JobState.READY))
    assert (await world.jobs.get(job.id)).state is JobState.READY
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
    async with world.running():
        await world.until(job, JobState.DONE)
    assert world.provider.submitted == [job.id]


async def test_a_stop_that_meets_a_claim_gives_it_back_and_nothing_looks_lost(
    world: World, paid: FakeProvider
) -> None:
    job = await world.ask()
    await stopped(world, SlowAnswers(world.jobs, claims=True))
    stored = await world.jobs.get(job.id)
    assert (stored.state, stored.attempt_token) == (JobState.QUEUED, None)
    assert paid.tokens == []
    async with world.running():
        await world.until(job, JobState.DONE)
    assert await world.balance() == ONE_VIDEO


async def test_a_stop_that_meets_a_claim_and_a_full_disk_loses_no_job(
    world: World, paid: FakeProvider
) -> None:
    line = Line(world.jobs)
    line.failures["save"] = 1
    job = await world.ask()
    await stopped(world, SlowAnswers(cast("JobStore", line), claims=True))
    async with world.running():
        await world.until(job, JobState.UNCONFIRMED)
    assert paid.tokens == []


async def test_a_stop_does_not_wait_for_a_paid_video_that_is_tried_again_later(
    world: World, paid: FakeProvider
) -> None:
    paid.fetch_errors = [UnavailableError("It cannot be reached.")]
    job = await world.ask()
    runner = world.new_runner()
    task = asyncio.create_task(runner.run(drain_s=LONG_S))
    await world.clock.until_asleep(2)
    runner.stop()
    await task
    assert (await world.jobs.get(job.id)).state is JobState.FETCHING
    async with world.running():
        await world.until(job, JobState.DONE)
    assert paid.submitted == [job.id]


async def test_a_stop_does_not_wait_for_a_channel_that_wants_the_result_later(
    world: World,
) -> None:
    at = world.clock.now().replace(minute=59)
    world.delivery.outcomes = [Later(at=at, reason="Discord is away")]
    job = await world.ask()
    runner = world.new_runner()
    task = asyncio.create_task(runner.run(drain_s=LONG_S))
    await world.clock.until_asleep((at - world.clock.now()).total_seconds())
    runner.stop()
    await task
    assert (await world.jobs.get(job.id)).state is JobState.DELIVERING
    async with world.running():
        await world.until(job, JobState.DONE)
    assert world.provider.submitted == [job.id]
