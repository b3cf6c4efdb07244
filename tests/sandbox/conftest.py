"""Opens a sandbox for each test and connects a real discord.py client to it over TLS."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox import Sandbox
from tests.sandbox.lounge_bot import LoungeBot

Rest = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox.open(tmp_path) as opened:
        yield opened


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[LoungeBot]:
    async with LoungeBot(connector=sandbox.connector()) as client:
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


@pytest.fixture
async def rest(sandbox: Sandbox) -> AsyncIterator[Rest]:
    """Send what discord.py would not send: bare requests with the bot's token."""
    headers = {"Authorization": f"Bot {sandbox.token}"}
    async with aiohttp.ClientSession(connector=sandbox.connector(), headers=headers) as session:

        async def send(method: str, path: str, payload: object = None) -> tuple[int, Any]:
            url = f"https://discord.com/api/v10{path}"
            async with session.request(method, url, json=payload) as response:
                if response.status == 204:
                    return 204, None
                assert response.headers["Content-Type"] == "application/json"
                return response.status, await response.json()

        yield send
