"""How a service is shows in what came of each request, and is told once."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from jobs.errors import ProviderError, RefusedError, UnavailableError, UnconfirmedError
from jobs.model import HealthState
from tests.fakes.hosted_api import DONE, RUNNING, make_shelf
from tests.providers.hosted.world import World, settle

NOT_SENT = UnavailableError("not sent", detail="connect refused")
LOST = UnconfirmedError("lost")
BAD_KEY = RefusedError("no", refuses_everyone=True, detail="INVALID_API_KEY")
NO_MONEY = RefusedError("no", refuses_everyone=True, detail="BILLING_BALANCE_NOT_ENOUGH")


def actions(caplog: pytest.LogCaptureFixture) -> Sequence[str]:
    """Return what was said of the provider, in order."""
    said = [str(vars(record).get("action")) for record in caplog.records]
    return [action for action in said if action.startswith("provider_")]


async def fail(world: World, error: ProviderError) -> None:
    world.api.accepts.append(error)
    with pytest.raises(type(error)):
        await world.submit()


@pytest.mark.parametrize("error", [NOT_SENT, LOST], ids=str)
async def test_one_submit_without_an_answer_is_enough_to_hold_the_others(
    world: World, error: ProviderError
) -> None:
    world.api.lists.append(NOT_SENT)
    world.api.lists.popleft()
    await fail(world, error)
    assert world.provider.health.state is HealthState.LOST
    assert world.provider.health.reason == "Novita cannot be reached just now."
    assert world.provider.health.lost_at == world.clock.now()
    ready = asyncio.create_task(world.provider.until_ready())
    await world.let_pass(4)
    assert not ready.done()
    await world.let_pass(1)
    assert ready.done()


async def test_a_lost_service_is_tried_by_one_submit_at_a_time_at_growing_distances(
    world: World,
) -> None:
    world.api.lists.append(NOT_SENT)
    world.api.lists.popleft()
    await fail(world, NOT_SENT)
    waited: list[float] = []
    for _ in range(6):
        before = world.clock.now()
        ready = asyncio.create_task(world.provider.until_ready())
        while not ready.done():
            await world.let_pass(1)
        waited.append((world.clock.now() - before).total_seconds())
        await fail(world, NOT_SENT)
    assert waited == [5, 10, 20, 40, 60, 60]


async def test_a_submit_that_goes_through_ends_the_wait_of_the_next(world: World) -> None:
    world.api.lists.append(LOST)  # the list stays broken
    world.api.lists.popleft()
    await fail(world, NOT_SENT)
    await world.let_pass(5)
    await world.provider.until_ready()
    ready = asyncio.create_task(world.provider.until_ready())
    await settle()
    assert not ready.done()
    await world.submit()
    await settle()
    assert ready.done()


async def test_lost_and_back_are_said_once_each(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.api.lists.append(NOT_SENT)
    world.api.lists.popleft()
    for _ in range(4):
        await fail(world, NOT_SENT)
    await world.let_pass(300)
    world.api.lists.append(make_shelf())
    world.api.lists.popleft()
    await world.let_pass(60)
    assert world.provider.health.state is HealthState.OK
    await world.submit()
    assert actions(caplog) == ["provider_lost", "provider_back"]


async def test_a_lost_look_now_and_then_says_nothing_about_the_service(world: World) -> None:
    world.will_say(LOST, NOT_SENT, RUNNING, LOST, LOST, RUNNING)
    world.watch(world.job("task"))
    await world.let_pass(120)
    assert len(world.looks_at()) > 6
    assert world.provider.health.state is HealthState.OK


async def test_three_lost_looks_one_after_the_other_do(world: World) -> None:
    world.api.lists.append(LOST)
    world.api.lists.popleft()
    world.api.always = LOST
    world.watch(world.job("task"))
    await world.let_pass(3 + 3)
    assert world.provider.health.state is HealthState.OK
    await world.let_pass(4.5)
    assert world.provider.health.state is HealthState.LOST
    world.api.always = None
    await world.let_pass(60)
    assert world.provider.health.state is HealthState.OK


async def test_a_provider_that_is_out_is_ready_at_once_to_refuse_for_free(world: World) -> None:
    await fail(world, NO_MONEY)
    health = world.provider.health
    assert health.state is HealthState.OUT
    assert health.reason == "Novita refuses Flipbook just now; its operator has been told."
    for _ in range(3):
        await world.provider.until_ready()
        with pytest.raises(RefusedError) as caught:
            await world.submit()
        assert caught.value.refuses_everyone
    assert len(world.api.orders) == 1


async def test_whoever_waits_for_a_lost_provider_is_let_go_when_it_turns_out_to_refuse(
    world: World,
) -> None:
    world.api.lists.extend([NOT_SENT, BAD_KEY])
    world.api.lists.popleft()
    await fail(world, NOT_SENT)
    ready = asyncio.create_task(world.provider.until_ready())
    await settle()
    assert not ready.done()
    with pytest.raises(RefusedError):
        await world.provider.try_out()
    await settle()
    assert ready.done()


async def test_an_empty_balance_is_not_healed_by_a_list_of_models(world: World) -> None:
    await fail(world, NO_MONEY)
    await world.let_pass(599)
    assert len(world.api.listed) == 2  # at the start, and at once to find the cause
    assert world.provider.health.state is HealthState.OUT


async def test_after_ten_minutes_one_submit_tries_a_provider_that_was_out(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await fail(world, NO_MONEY)
    await world.let_pass(601)
    assert world.provider.health.state is HealthState.LOST  # so it is routed to after the others
    world.api.may_answer.clear()
    trial = asyncio.create_task(world.submit())
    await settle()
    with pytest.raises(RefusedError):
        await world.submit()
    assert len(world.api.orders) == 2
    world.api.may_answer.set()
    await trial
    assert world.provider.health.state is HealthState.OK
    await world.submit()
    assert actions(caplog) == ["provider_out", "provider_back"]


async def test_a_trial_that_is_refused_waits_again_and_is_not_said_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await fail(world, NO_MONEY)
    await world.let_pass(601)
    await fail(world, NO_MONEY)
    assert world.provider.health.state is HealthState.OUT
    with pytest.raises(RefusedError):
        await world.submit()
    assert len(world.api.orders) == 2
    assert actions(caplog) == ["provider_out"]


async def test_a_trial_that_was_not_sent_may_be_made_again(world: World) -> None:
    await fail(world, NO_MONEY)
    await world.let_pass(601)
    await fail(world, NOT_SENT)
    await world.submit()
    assert world.provider.health.state is HealthState.OK


async def test_a_bad_key_is_over_as_soon_as_the_models_are_listed_again(world: World) -> None:
    world.api.lists.append(BAD_KEY)
    world.api.lists.popleft()
    await fail(world, BAD_KEY)
    await settle()  # the list was asked for at once, and was refused as well
    world.api.lists.append(make_shelf())
    await world.let_pass(599)
    assert world.provider.health.state is HealthState.OUT
    world.api.lists.popleft()
    await world.let_pass(1)
    assert world.provider.health.state is HealthState.OK
    await world.submit()


async def test_a_refused_look_takes_the_provider_out_until_a_look_is_answered(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.will_say(BAD_KEY, BAD_KEY, BAD_KEY, RUNNING, DONE)
    waiting = world.watch(world.job("task"))
    await world.let_pass(3 + 60 + 60)
    assert len(world.looks_at()) == 3
    assert len(world.api.listed) == 2  # the list went well, and that proved nothing
    assert world.provider.health.state is HealthState.OUT
    assert actions(caplog) == ["provider_out"]
    await world.let_pass(60)
    assert world.provider.health.state is HealthState.OK
    await world.let_pass(60)
    assert waiting.is_over
