"""Opens a sandbox for each test and connects a real discord.py client to it over TLS."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from bot.sandbox import Member, RateLimits, Sandbox
from tests.referee.referee import Referee
from tests.sandbox.lounge_bot import LoungeBot
from tests.sandbox.page_view import Act

Rest = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture
def rate_limits() -> RateLimits:
    """Say how fast the bot may be; modules that send much in a hurry say `roomy`."""
    return RateLimits.observed(identify_pause_s=0)  # bots are started again at once


@pytest.fixture
async def sandbox(
    tmp_path: Path, referee: Referee, rate_limits: RateLimits
) -> AsyncIterator[Sandbox]:
    async with Sandbox.open(
        tmp_path, rate_limits=rate_limits, observers=(referee.observe,)
    ) as opened:
        yield opened


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[LoungeBot]:
    async with connected(sandbox) as client:
        yield client


Client = TypeVar("Client", bound=LoungeBot)


def connected(sandbox: Sandbox) -> AbstractAsyncContextManager[LoungeBot]:
    """Connect a small bot; what it is asked, the test answers."""
    return running(sandbox, LoungeBot(connector=sandbox.connector()))


@asynccontextmanager
async def running(sandbox: Sandbox, bot: Client) -> AsyncGenerator[Client]:
    """Connect a bot and wait until it is ready."""
    async with bot as client:
        running = asyncio.create_task(client.start(sandbox.token), name="lounge bot")
        ready = asyncio.create_task(sandbox.wait_ready(10))
        await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if running.done():
            running.result()
        await client.wait_until_ready()
        yield client
        await client.close()
        await running


def form(payload: object, files: Sequence[bytes]) -> aiohttp.FormData:
    """Write a form with files as Discord's "Uploading Files" wants it."""
    data = aiohttp.FormData(quote_fields=False)
    data.add_field("payload_json", json.dumps(payload), content_type="application/json")
    for number, content in enumerate(files):
        data.add_field(f"files[{number}]", content, filename=f"{number}.mp4")
    return data


@pytest.fixture
async def rest(sandbox: Sandbox) -> AsyncIterator[Rest]:
    """Send what discord.py would not send: bare requests with the bot's token."""
    headers = {"Authorization": f"Bot {sandbox.token}"}
    async with aiohttp.ClientSession(connector=sandbox.connector(), headers=headers) as session:

        async def send(
            method: str, path: str, payload: object = None, *, files: Sequence[bytes] = ()
        ) -> tuple[int, Any]:
            url = f"https://discord.com/api/v10{path}"
            body: dict[str, Any] = {"data": form(payload, files)} if files else {"json": payload}
            async with session.request(method, url, **body) as response:
                if response.status == 204:
                    return 204, None
                assert response.headers["Content-Type"] == "application/json"
                return response.status, await response.json()

        yield send


@pytest.fixture
async def session(sandbox: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sandbox.http_url) as opened:
        yield opened


@pytest.fixture
def act(session: aiohttp.ClientSession) -> Act:
    """Do something as a member; return status and answer."""

    async def send(member: Member, act: str, **asked: object) -> tuple[int, Any]:
        asked["account"] = member.id
        async with session.post(f"/page/{act}", json=asked) as response:
            return response.status, await response.json()

    return send
