"""Runs a fake service as a process of its own; the first line it prints is its base URL."""

import argparse
import asyncio
import json
import signal
from collections.abc import Callable

from tests.fakes.hosted import FakeService


async def serve(service: FakeService, port: int) -> None:
    """Serve until the process is told to end."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with service.open(port) as fake:
        print(fake.url, flush=True)  # noqa: T201 -- whoever started the process reads it
        await told.wait()


def main(make: Callable[..., FakeService]) -> None:
    """Run a fake as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="a-key-of-the-fake")
    parser.add_argument("--looks", type=int, default=0)
    parser.add_argument("--eta", type=float, default=0.0)
    parser.add_argument("--faults", default="[]", help='[{"place": "look", "kind": "stuck"}]')
    parser.add_argument("--as-asked", action="store_true", help="videos as they were asked")
    given = parser.parse_args()
    service = make(key=given.key)
    service.looks_until_done, service.eta_s = given.looks, given.eta
    service.shoots_as_asked = given.as_asked
    for fault in json.loads(given.faults):
        service.script(**fault)
    asyncio.run(serve(service, given.port))
