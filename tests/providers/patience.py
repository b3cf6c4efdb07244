"""HTTP that waits longer than a test may take, so that only what a test is about ends a call."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from providers.http import Http, Timeouts
from tests.fakes.names import Names

PATIENT = Timeouts(connect_s=20, read_s=20, total_s=40, download_total_s=40)


@asynccontextmanager
async def open_http(*own: str, timeouts: Timeouts = PATIENT) -> AsyncGenerator[Http]:
    async with Http.open(own=own, timeouts=timeouts, resolver=Names({})) as http:
        yield http
