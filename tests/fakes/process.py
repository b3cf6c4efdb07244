"""Runs a fake service as a process of its own; the first line it prints is its base URL."""

import argparse
import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

from tests.fakes.hosted import FakeService


async def serve(service: FakeService, port: int) -> None:
    """Serve until the process is ended."""
    async with service.open(port) as fake:
        print(fake.url, flush=True)  # noqa: T201 -- whoever started the process reads it
        await asyncio.Event().wait()


def main(make: Callable[..., FakeService]) -> None:
    """Take `--port`, `--key`, `--looks`, `--eta` and `--faults` from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="a-key-of-the-fake")
    parser.add_argument("--looks", type=int, default=0)
    parser.add_argument("--eta", type=float, default=0.0)
    parser.add_argument("--faults", default="[]", help='[{"place": "look", "kind": "stuck"}]')
    given = parser.parse_args()
    service = make(key=given.key)
    service.looks_until_done, service.eta_s = given.looks, given.eta
    for fault in json.loads(given.faults):
        service.script(**fault)
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(service, given.port))
