"""A hosted provider that is open while a test runs."""

from collections.abc import AsyncGenerator

import pytest

from tests.providers.hosted.world import World


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    world = World.new()
    async with world.provider:
        yield world
        await world.close()
