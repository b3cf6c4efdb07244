"""Rates are kept before a job is claimed, so that none waits while it counts as submitted."""

import asyncio

import pytest

from jobs.errors import BusyError
from providers.hosted.api import Limits
from providers.hosted.pace import Alarm, Pause
from tests.fakes.clock import FakeClock
from tests.fakes.hosted_api import FakeApi
from tests.providers.hosted.world import World, let_pass, settle


@pytest.fixture
def novita() -> World:
    clock = FakeClock()
    limits = Limits(in_flight=5, submits_per_minute=2)
    return World.new(api=FakeApi(clock=clock, limits=limits))


async def is_ready(world: World) -> "asyncio.Task[None]":
    """Begin to wait for readiness and go as far as that goes without time passing."""
    task = asyncio.create_task(world.provider.until_ready())
    world.tasks.append(task)
    await settle()
    return task


async def test_the_third_submit_of_a_minute_waits_before_its_job_is_claimed(novita: World) -> None:
    async with novita.provider:
        for _ in range(2):
            await novita.provider.until_ready()
            await novita.submit()
        third = await is_ready(novita)
        await novita.let_pass(60)
        assert not third.done()
        await novita.let_pass(1)
        assert third.done()
        await novita.submit()
    assert len(novita.api.bills) == 3


async def test_claimed_jobs_count_before_they_are_submitted(novita: World) -> None:
    async with novita.provider:
        await novita.provider.until_ready()
        await novita.provider.until_ready()
        third = await is_ready(novita)
        assert not third.done()
        await novita.submit()
        await novita.submit()
        await novita.let_pass(61)
        assert third.done()


async def test_a_claimed_job_that_never_came_leaves_its_place_after_a_minute(
    novita: World,
) -> None:
    async with novita.provider:
        await novita.provider.until_ready()
        await novita.provider.until_ready()
        third = await is_ready(novita)
        await novita.let_pass(61)
        assert third.done()


async def test_a_submit_without_room_is_busy_and_not_sent(novita: World) -> None:
    async with novita.provider:
        await novita.submit()
        await novita.let_pass(20)
        await novita.submit()
        with pytest.raises(BusyError) as caught:
            await novita.submit()
        assert caught.value.retry_after_s == 41
        assert len(novita.api.orders) == 2


async def test_an_account_without_a_known_limit_submits_as_it_likes(world: World) -> None:
    for _ in range(50):
        await world.provider.until_ready()
        await world.submit()
    assert len(world.api.bills) == 50


@pytest.mark.parametrize(("asked", "kept"), [(7, 7), (None, 30), (86400, 600), (0, 0)])
async def test_later_pauses_submits_as_long_as_the_service_asks_within_reason(
    world: World, asked: float | None, kept: float
) -> None:
    world.api.accepts.append(BusyError("later", retry_after_s=asked))
    with pytest.raises(BusyError):
        await world.submit()
    assert world.provider.health.state == "ok"
    ready = await is_ready(world)
    if kept:
        await world.let_pass(kept - 0.5)
        assert not ready.done()
        with pytest.raises(BusyError):
            await world.submit()
        await world.let_pass(0.5)
    assert ready.done()
    await world.close()


async def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    clock = FakeClock()
    pause = Pause(clock)
    pause.begin(60)
    pause.begin(5)
    assert pause.rest_s == 60


async def test_an_alarm_that_was_rung_before_shortens_the_next_sleep_once() -> None:
    clock = FakeClock()
    alarm = Alarm(clock)
    for _ in range(5):
        alarm.ring()
    first = asyncio.create_task(alarm.sleep(15, at_least_s=2))
    await let_pass(clock, 2)
    assert first.done()
    second = asyncio.create_task(alarm.sleep(15, at_least_s=2))
    await let_pass(clock, 14)
    assert not second.done()
    await let_pass(clock, 1)
    assert second.done()
