"""A client of the HTTP door gets the size that it asked for, whatever the model can do."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from jobs.errors import MediaError
from jobs.model import Address, ApiAddress, Job, MediaInfo, Origin, Requester
from jobs.prompts import parse_prompt
from jobs.request import VideoRequest
from jobs.service import Ask
from jobs.states import JobState
from storage.media.orders import PyAvMedia
from tests.fakes.films import Film, shoot
from tests.fakes.media import FakeMedia
from tests.jobs.conftest import World


async def ask(world: World, width: int | None, height: int | None, **fields: Any) -> Job:
    api = ApiAddress(protocol="novita", width=width, height=height)
    request = VideoRequest.model_validate({"segments": parse_prompt("a cat"), **fields})
    asked = await world.service.ask(
        Ask(
            origin=Origin.DISCORD,
            origin_key="once",
            requester=Requester(user_id=1, guild_id=10),
            address=Address(channel_id=5, api=api),
            request=request,
        )
    )
    return asked.job


class Unscaled(FakeMedia):
    """Media that must not be scaled, or cannot be."""

    @override
    async def scale(self, path: Path, width: int, height: int) -> MediaInfo:
        raise MediaError("It cannot be scaled.")


async def test_the_kept_file_has_the_size_asked_and_says_both(world: World) -> None:
    media = PyAvMedia()
    world.provider.video = shoot(Film(width=128, height=128, frames=8))
    world.media = media  # pyright: ignore[reportAttributeAccessIssue] - the real one, this once
    async with world.running():
        done = await world.until(await ask(world, 200, 152), JobState.DONE)
    assert done.artifact is not None
    assert done.receipt is not None
    assert (done.artifact.width, done.artifact.height) == (200, 152)
    info = await media.probe(world.artifacts.path(done.artifact))
    assert (info.width, info.height, info.frames) == (200, 152, 8)
    effective = done.receipt.effective
    assert (effective["width"], effective["height"]) == (200, 152)
    assert (effective["rendered_width"], effective["rendered_height"]) == (128, 128)
    assert json.loads(info.comment)["effective"] == effective
    size = (await asyncio.to_thread(world.artifacts.path(done.artifact).stat)).st_size
    assert size == done.artifact.size
    assert [item.name for item in world.videos.iterdir()] == [f"{done.id}.mp4"]


@pytest.mark.parametrize("size", [(128, 128), (None, None), (200, None)])
async def test_a_file_of_the_right_size_is_left_alone(
    world: World, size: tuple[int | None, int | None]
) -> None:
    world.media = Unscaled()
    async with world.running():
        done = await world.until(await ask(world, *size), JobState.DONE)
    assert done.receipt is not None
    assert done.receipt.effective["width"] == 128
    assert "rendered_width" not in done.receipt.effective


async def test_a_member_of_discord_gets_what_the_model_made(world: World) -> None:
    world.media = Unscaled()
    async with world.running():
        done = await world.until(await world.ask(), JobState.DONE)
    assert done.artifact is not None
    assert done.artifact.width == 128


async def test_a_file_that_cannot_be_scaled_fails_and_costs_nothing(world: World) -> None:
    world.media = Unscaled()
    async with world.running():
        failed = await world.until(await ask(world, 200, 152), JobState.FAILED)
    assert failed.failure is not None
    assert failed.failure.code == "bad_file"
    assert all(used == 0 for used, _ in (await world.balance()).values())
