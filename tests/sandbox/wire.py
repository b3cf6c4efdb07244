"""Speaks with the gateway as no library does: frame by frame, right or wrong."""

import json
import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from bot.sandbox import Sandbox

GATEWAY = "https://gateway.discord.gg/"
GUILDS = 1


class Wire:
    """One websocket on the gateway."""

    def __init__(self, sandbox: Sandbox, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._sandbox = sandbox
        self.socket = socket

    async def send(self, op: Any, data: object = None) -> None:
        await self.socket.send_json({"op": op, "d": data})

    async def identify(self, *, intents: object = GUILDS, **fields: object) -> None:
        needed = {"token": self._sandbox.token, "intents": intents, "properties": {}}
        await self.send(2, needed | fields)

    async def resume(self, session_id: str, seq: int) -> None:
        token = {"token": self._sandbox.token}
        await self.send(6, token | {"session_id": session_id, "seq": seq})

    async def receive(self) -> Any:
        return await self.socket.receive_json(timeout=10)

    async def until(self, event: str) -> Any:
        """Read up to an event and return it."""
        while (frame := await self.receive())["t"] != event:
            pass
        return frame

    async def ready(self, **fields: Any) -> Any:
        """Identify and return the READY event's data."""
        await self.identify(**fields)
        return (await self.until("READY"))["d"]

    async def closed(self) -> int | None:
        """Read up to the end and return its code."""
        while not self.socket.closed:
            await self.socket.receive(timeout=10)
        return self.socket.close_code

    async def close(self, code: int = 4000) -> None:
        await self.socket.close(code=code)


@asynccontextmanager
async def wire(sandbox: Sandbox, query: str = "v=10&encoding=json") -> AsyncGenerator[Wire]:
    """Connect and read HELLO."""
    async with aiohttp.ClientSession(connector=sandbox.connector()) as session:
        socket = await session.ws_connect(f"{GATEWAY}?{query}")
        opened = Wire(sandbox, socket)
        hello = await socket.receive()
        assert hello.type is aiohttp.WSMsgType.CLOSE or json.loads(hello.data)["op"] == 10
        yield opened
        await socket.close(code=4000)


def inflate() -> Callable[[bytes], str]:
    """Read `zlib-stream` as Discord's documentation does."""
    stream = zlib.decompressobj()
    return lambda packed: stream.decompress(packed).decode()
