"""What a service does wrong after it took a job on; what it has to do with each provider's wire
is tested in the rooms of the providers.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from jobs.request import ProviderName
from tests.e2e.hosted.conftest import HostedBot, assert_delivered, assert_ended
from tests.e2e.hosted.services import ServiceProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

GONE: dict[str, Any] = {"status": 403, "body": "<Error><Code>AccessDenied</Code></Error>"}
PAGE: dict[str, Any] = {"status": 200, "body": "<!doctype html><title>Just a moment...</title>"}


@pytest.fixture
def provider() -> ProviderName:
    """One is enough here."""
    return ProviderName.NOVITA


@pytest.mark.parametrize(
    ("place", "kind", "values"),
    [
        pytest.param("look", "no_url", {}, id="done without a video"),
        pytest.param("video", "answer", GONE, id="an expired link"),
        pytest.param("video", "truncated", {}, id="half a file"),
        pytest.param("video", "broken_off", {}, id="a broken download"),
        pytest.param("video", "answer", PAGE, id="a page instead of a file"),
    ],
)
async def test_what_goes_wrong_once_costs_only_time(
    bot: HostedBot, service: ServiceProcess, place: str, kind: str, values: dict[str, Any]
) -> None:
    await service.script(place, kind, **values)
    await bot.start()
    await bot.ask()
    await assert_delivered(bot, service)
    assert await service.count("submit") == 1


async def test_a_file_that_is_no_video_costs_the_member_nothing(
    bot: HostedBot, service: ServiceProcess
) -> None:
    await service.script("video", "answer", times=2, **PAGE)
    await bot.start()
    await bot.ask()
    await assert_ended(bot, service, bills=1)
    assert await service.count("submit") == 1


@pytest.fixture
async def neighbour() -> AsyncGenerator[tuple[str, list[str]]]:
    """Return the address of a server in the bot's own network, and who knocked there."""
    visits: list[str] = []

    def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(str(writer.get_extra_info("peername")))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/admin", visits


async def test_a_redirect_into_the_bots_own_network_is_not_followed(
    bot: HostedBot, service: ServiceProcess, neighbour: tuple[str, list[str]]
) -> None:
    address, visits = neighbour
    await service.script("video", "redirect", times=10, url=address)
    await bot.start()
    await bot.ask()
    await assert_ended(bot, service, bills=1)
    assert visits == []
