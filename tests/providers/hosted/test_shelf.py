"""What can be rendered is known from memory, and kept fresh behind the bot's back."""

import asyncio

import pytest

from jobs.errors import RefusedError, UnavailableError, UnconfirmedError
from jobs.model import HealthState
from providers.hosted.api import Shelf
from tests.fakes.hosted_api import make_shelf
from tests.providers.hosted.world import World, settle

NO_NET = UnavailableError("no way there")


def ids(world: World) -> list[str]:
    return [model.id for model in world.provider.models()]


def list_next(world: World, *answers: Shelf | Exception) -> None:
    """Have the next askings answered so, and no longer as before."""
    world.api.lists.clear()
    world.api.lists.extend(answers)


async def test_the_models_are_known_when_the_bot_starts(world: World) -> None:
    list_next(world, Shelf(loras=("neon",), embeddings=("badhands",)))
    assert ids(world) == ["toon", "real"]
    await world.let_pass(600)
    assert ids(world) == []
    assert world.provider.loras() == ("neon",)
    assert world.provider.embeddings() == ("badhands",)
    assert world.provider.faults() == {}


async def test_the_list_is_asked_for_every_ten_minutes(world: World) -> None:
    await world.let_pass(1800)
    assert world.lists_at() == [0, 600, 1200, 1800]


async def test_a_service_that_is_away_does_not_stop_the_start_and_is_asked_again() -> None:
    world = World.new()
    list_next(world, NO_NET, NO_NET, NO_NET, make_shelf("late"))
    async with world.provider:
        assert ids(world) == []
        assert world.provider.health.state is HealthState.LOST
        await world.let_pass(40)
        assert ids(world) == ["late"]
        assert world.provider.health.state is HealthState.OK
    assert world.lists_at()[:3] == [0, 5, 15]


async def test_a_service_that_hangs_does_not_hold_the_start_for_more_than_ten_seconds() -> None:
    world = World.new()
    world.api.may_list.clear()
    starting = asyncio.create_task(world.provider.__aenter__())
    await world.let_pass(9)
    assert not starting.done()
    await world.let_pass(1)
    assert await starting is world.provider
    world.api.may_list.set()
    await settle()
    assert ids(world) == ["toon", "real"]
    await world.provider.__aexit__(None, None, None)


@pytest.mark.parametrize(
    "error", [NO_NET, UnconfirmedError("a page of HTML"), KeyError("data")], ids=repr
)
async def test_a_list_that_cannot_be_had_leaves_the_last_one(
    world: World, error: Exception
) -> None:
    list_next(world, error)
    await world.let_pass(1200)
    assert len(world.lists_at()) > 3
    assert ids(world) == ["toon", "real"]


async def test_a_list_that_is_broken_for_good_is_asked_for_ever_more_rarely(world: World) -> None:
    list_next(world, RefusedError("no such page"))
    await world.let_pass(600 + 3600)
    assert world.provider.health.state is HealthState.OK
    assert world.lists_at() == [0, 600, 605, 615, 635, 675, 755, 915, 1235, 1835, 2435, 3035, 3635]


async def test_a_bad_key_at_the_start_takes_the_provider_out() -> None:
    world = World.new()
    list_next(world, RefusedError("no", refuses_everyone=True))
    async with world.provider:
        assert world.provider.health.state is HealthState.OUT


async def test_trying_out_says_how_many_models_there_are_and_where(world: World) -> None:
    assert await world.provider.try_out() == "2 models at https://api.example"
    list_next(world, make_shelf("one"))
    assert await world.provider.try_out() == "1 model at https://api.example"
    assert ids(world) == ["one"]


async def test_trying_out_fails_with_the_services_own_word(world: World) -> None:
    list_next(world, RefusedError("The key is not valid.", refuses_everyone=True))
    with pytest.raises(RefusedError, match="not valid"):
        await world.provider.try_out()


async def test_nothing_is_asked_after_the_end(world: World) -> None:
    await world.provider.__aexit__(None, None, None)
    await world.let_pass(3600)
    assert world.lists_at() == [0]
