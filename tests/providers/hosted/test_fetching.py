"""A video that was paid for is not lost to one bad minute, nor to an address that expired."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web

from jobs.errors import (
    MediaError,
    ProviderError,
    RefusedError,
    RenderFailedError,
    UnavailableError,
    UnconfirmedError,
)
from jobs.model import Job
from jobs.ports import Rendering
from providers.addresses import ForbiddenAddressError
from providers.hosted.api import Look, Stage
from providers.hosted.provider import HostedProvider
from providers.http import EmptyFileError, Http
from tests.fakes.clock import FakeClock
from tests.fakes.hosted_api import DONE, RUNNING, FakeApi
from tests.providers.hosted.world import Steady, World

GONE = RenderFailedError("gone")
NO_NET = UnavailableError("no way there")
VIDEO = (b"one", b"two")


def at(url: str) -> Look:
    return Look(stage=Stage.DONE, url=url)


async def take(world: World, job: Job) -> bytes:
    """Fetch a job's video, letting as much time pass as that takes."""

    async def fetch() -> bytes:
        async with world.provider.fetch(job) as rendering:
            return b"".join([chunk async for chunk in rendering.chunks])

    task = asyncio.create_task(fetch())
    await world.let_pass(70)
    assert task.done()
    return task.result()


async def test_the_video_comes_with_what_the_service_says_of_it(world: World) -> None:
    world.will_say(Look(stage=Stage.DONE, url="https://v.example/1", effective={"seed": 9}))
    world.files.files.append(VIDEO)
    async with world.provider.fetch(world.job("task")) as rendering:
        assert isinstance(rendering, Rendering)
        assert rendering.effective == {"seed": 9}
        assert rendering.versions == {"novita": "https://api.example"}
        assert [chunk async for chunk in rendering.chunks] == [b"one", b"two"]
    assert world.files.opened == ["https://v.example/1"]


async def test_it_is_asked_for_where_the_job_was_submitted(world: World) -> None:
    world.will_say(DONE)
    world.files.files.append(VIDEO)
    job = world.job("task", endpoint="https://old.example")
    async with world.provider.fetch(job) as rendering:
        assert rendering.versions == {"novita": "https://old.example"}
    assert [endpoint for _, _, endpoint in world.api.looked] == ["https://old.example"]


async def test_an_address_that_has_expired_is_asked_for_anew(world: World) -> None:
    world.will_say(at("https://v.example/old"), at("https://v.example/new"))
    world.files.files.extend([GONE, VIDEO])
    assert await take(world, world.job("task")) == b"onetwo"
    assert world.files.opened == ["https://v.example/old", "https://v.example/new"]


@pytest.mark.parametrize(
    "error", [NO_NET, UnconfirmedError("lost"), GONE, EmptyFileError()], ids=repr
)
async def test_a_file_that_cannot_be_opened_three_times_is_opened_at_the_fourth(
    world: World, error: Exception
) -> None:
    world.will_say(DONE)
    world.files.files.extend([error, error, error, VIDEO])
    assert await take(world, world.job("task")) == b"onetwo"


@pytest.mark.parametrize(
    "error", [NO_NET, UnconfirmedError("lost"), GONE, EmptyFileError()], ids=repr
)
async def test_what_stands_in_the_way_four_times_is_said(world: World, error: Exception) -> None:
    world.will_say(DONE)
    world.files.files.extend([error] * 4)
    with pytest.raises(type(error)) as caught:
        await take(world, world.job("task"))
    assert caught.value is error
    assert len(world.looks_at()) == 4


@pytest.mark.parametrize(
    "looks",
    [
        (NO_NET, DONE),
        (UnconfirmedError("lost"), RUNNING, DONE),
        (Look(stage=Stage.DONE), DONE),
        (RefusedError("never heard of it"), DONE),
    ],
    ids=["unreachable", "silent", "without a video", "refused"],
)
async def test_a_service_that_is_slow_to_say_where_it_is_is_asked_again(
    world: World, looks: Sequence[Look | Exception]
) -> None:
    world.will_say(*looks)
    world.files.files.append(VIDEO)
    assert await take(world, world.job("task")) == b"onetwo"


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (RUNNING, UnavailableError),
        (Look(stage=Stage.DONE), RenderFailedError),
        (RefusedError("never heard of it"), RenderFailedError),
        (NO_NET, UnavailableError),
    ],
    ids=["running again", "without a video", "refused", "unreachable"],
)
async def test_a_service_that_never_says_where_it_is_decides_whether_later_helps(
    world: World, says: Look | Exception, error: type[Exception]
) -> None:
    world.will_say(says)
    with pytest.raises(error):
        await take(world, world.job("task"))
    assert len(world.looks_at()) == 4


async def test_a_key_that_went_bad_does_not_lose_the_video(world: World) -> None:
    world.will_say(RefusedError("no", refuses_everyone=True, detail="INVALID_API_KEY"))
    with pytest.raises(UnavailableError) as caught:
        await take(world, world.job("task"))
    assert caught.value.detail == "INVALID_API_KEY"
    assert world.provider.health.state == "out"


async def test_a_job_that_failed_after_all_is_not_asked_for_again(world: World) -> None:
    world.will_say(Look(stage=Stage.FAILED, failure="It was too dark.", detail="GPU lost"))
    with pytest.raises(RenderFailedError, match="It was too dark") as caught:
        await take(world, world.job("task"))
    assert caught.value.detail == "GPU lost"
    assert len(world.looks_at()) == 1


@pytest.mark.parametrize(
    "error", [ForbiddenAddressError("a private host"), MediaError("too large")], ids=repr
)
async def test_what_no_other_try_changes_is_not_tried_again(world: World, error: Exception) -> None:
    world.will_say(DONE)
    world.files.files.append(error)
    with pytest.raises(type(error)):
        await take(world, world.job("task"))
    assert len(world.files.opened) == 1


async def test_a_file_without_a_byte_is_opened_again(world: World) -> None:
    world.will_say(DONE)
    world.files.files.extend([(), (b"",), VIDEO])
    assert await take(world, world.job("task")) == b"onetwo"


async def test_a_file_that_breaks_off_says_so_and_is_not_begun_again(world: World) -> None:
    world.will_say(DONE)
    world.files.files.append((b"one", NO_NET))
    with pytest.raises(UnavailableError):
        await take(world, world.job("task"))
    assert len(world.files.opened) == 1
    assert world.files.open_now == 0


async def test_a_download_is_closed_with_what_it_is_fetched_for(world: World) -> None:
    world.will_say(DONE)
    world.files.files.append(VIDEO)
    async with world.provider.fetch(world.job("task")):
        assert world.files.open_now == 1
    assert world.files.open_now == 0
    world.files.files.append(VIDEO)
    with pytest.raises(ProviderError):
        async with world.provider.fetch(world.job("task")):
            raise NO_NET
    assert world.files.open_now == 0


async def test_a_job_that_was_never_accepted_has_no_video(world: World) -> None:
    with pytest.raises(RenderFailedError):
        await take(world, world.job())
    assert world.api.looked == []


@asynccontextmanager
async def file_server(answers: list[web.Response]) -> AsyncGenerator[str]:
    """Serve these answers, one after the other, and yield the address."""

    async def answer(_: web.Request) -> web.Response:
        return answers.pop(0)

    app = web.Application()
    app.router.add_get("/video.mp4", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def test_over_real_sockets_an_expired_address_is_followed_by_the_file() -> None:
    clock = FakeClock()
    api = FakeApi(clock=clock)
    answers = [web.Response(status=403), web.Response(body=b""), web.Response(body=b"video")]
    async with AsyncExitStack() as stack:
        base_url = await stack.enter_async_context(file_server(answers))
        http = await stack.enter_async_context(Http.open(own=[base_url]))
        provider = HostedProvider(api, http=http, clock=clock, public_url=None, rng=Steady())
        await stack.enter_async_context(provider)
        api.says["task"].append(at(f"{base_url}/video.mp4"))
        opening = provider.fetch(World.new().job("task"))
        entering = asyncio.create_task(stack.enter_async_context(opening))
        for delay_s in (5, 15):
            await clock.until_asleep(delay_s)
            clock.advance(delay_s)
        rendering = await entering
        assert [chunk async for chunk in rendering.chunks] == [b"video"]
