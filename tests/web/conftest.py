"""A sender of webhooks, and somebody who receives them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fakes.raw_server import RawServer
from tests.web.sender import OpenSender, Sender


@pytest.fixture
def open_sender(tmp_path: Path) -> OpenSender:
    @asynccontextmanager
    async def opened(**options: object) -> AsyncGenerator[Sender]:
        sender = Sender(path=tmp_path / "flipbook.db", **options)  # pyright: ignore[reportArgumentType] - options of a test
        await sender.start()
        try:
            yield sender
        finally:
            await sender.kill()

    return opened


@pytest.fixture
async def receiver() -> AsyncGenerator[RawServer]:
    async with RawServer.open() as server:
        yield server
