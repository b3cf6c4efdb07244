"""The fake services as processes of their own, and how a test talks to them."""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from jobs.request import ProviderName
from tests.e2e.conftest import SOURCE

SECRET = "4b8e1d90c7a2"  # stands in no other text, and looks the same however it is quoted
KEY = f"sk-flipbook/made+up={SECRET}"
PATIENCE_S = 60
CALM: dict[str, Any] = {
    "forget_faults": True,
    "drop_held": True,
    "looks_until_done": 0,
    "eta_s": 0.0,
    "sends_webhooks": True,
}


@dataclass
class ServiceProcess:
    """`python -m tests.fakes.NAME`, shared by tests; each counts from where it began."""

    name: ProviderName
    url: str
    counted: dict[str, int] = field(default_factory=dict[str, int])
    billed: int = 0

    async def begin(self) -> None:
        """Forget what was scripted, and count from here."""
        self.counted = (await self.control(**CALM))["counts"]
        self.billed += len(await self.bills())

    async def control(self, **order: Any) -> dict[str, Any]:
        """Tell it what to do (`tests.fakes.hosted`), and return what it has counted in all."""
        return await self._ask("POST", "/_control", json=order)

    async def script(self, place: str, kind: str, **values: Any) -> None:
        """Add trouble."""
        await self.control(faults=[{"place": place, "kind": kind, **values}])

    async def call_back(self) -> None:
        """Have the webhooks of this test's jobs sent, and wait until they are answered."""
        await self.control(call_back=[bill["id"] for bill in await self.bills()])

    async def until(self, **counts: int) -> None:
        """Wait until so many of something were counted in this test."""
        wanted = {
            name: str(least + (0 if name == "held" else self.counted.get(name, 0)))
            for name, least in counts.items()
        }
        await self._ask("GET", "/_until", params=wanted)

    async def count(self, what: str) -> int:
        """Return how many of something were counted in this test."""
        counts: dict[str, int] = (await self.control())["counts"]
        return counts.get(what, 0) - self.counted.get(what, 0)

    async def bills(self) -> list[dict[str, Any]]:
        """Return what was billed in this test."""
        return (await self._ask("GET", "/_bills"))[self.billed :]

    async def _ask(self, method: str, path: str, **values: Any) -> Any:
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with (
            aiohttp.ClientSession(self.url, timeout=timeout) as session,
            session.request(method, path, **values) as response,
        ):
            answer = await response.text()
            assert response.status == 200, answer
            return json.loads(answer)


@contextmanager
def started(name: ProviderName) -> Generator[ServiceProcess]:
    """Start a fake service, and end it."""
    command = (sys.executable, "-m", f"tests.fakes.{name}", "--port", "0", "--key", KEY)
    with subprocess.Popen(  # noqa: S603 - our own
        command, cwd=SOURCE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield ServiceProcess(name=name, url=process.stdout.readline().strip())
        finally:
            process.kill()
