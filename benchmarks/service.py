"""A hosted provider to measure with: the stand-in for Novita, as a process of its own."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.processes import started
from bot.settings import child_environment
from jobs.request import ModelInfo, ProviderName
from providers.http import Http
from providers.novita import NovitaApi
from providers.novita.models import FAVOURITE

KEY = "a-key-of-the-bench"
MODEL = ModelInfo(id=FAVOURITE, provider=ProviderName.NOVITA, title="Bench")
BETWEEN_S = 0.01  # two looks for its first line
OPEN = {"01", "02"}  # established, and about to be (include/net/tcp_states.h)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The stand-in, seen from here."""

    url: str
    http: Http

    @property
    def api(self) -> NovitaApi:
        """Return an account at it."""
        return NovitaApi(http=self.http, base_url=self.url, key=KEY)

    @property
    def settings(self) -> dict[str, str]:
        """Return what makes a bot use it, and nothing else."""
        return {
            "FLIPBOOK_DEFAULT_PROVIDER": "novita",
            "LOCAL_ENABLED": "off",
            "NOVITA_API_KEY": KEY,
            "NOVITA_BASE_URL": self.url,
            "NOVITA_SUBMITS_PER_MINUTE": "60",
        }

    async def looks(self) -> int:
        """Return how often it was asked after a job."""
        said = (await self.http.call("GET", f"{self.url}/_until")).json()
        if not isinstance(said, dict):
            raise TypeError("the stand-in does not count")
        return int(said["counts"].get("look", 0))

    def connections(self) -> int:
        """Count the connections to it that are open now. Source: proc(5)."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        port = f":{urlsplit(self.url).port or 0:04X}"
        return sum(row[2].endswith(port) and row[3] in OPEN for row in rows)


@asynccontextmanager
async def open_service(folder: Path, *words: str) -> AsyncGenerator[Service]:
    """Start the stand-in, and end it.

    Args:
        folder: Where it runs.
        words: Options of `python -m tests.fakes.novita`.
    """
    command: Sequence[str] = (sys.executable, "-m", "tests.fakes.novita", "--key", KEY, *words)
    log, env = folder / "novita.log", child_environment({})
    async with started(command, env=env, folder=folder, log=log) as process:
        while not (lines := log.read_text().splitlines()):
            if process.returncode is not None:
                raise RuntimeError("the stand-in did not start")
            await asyncio.sleep(BETWEEN_S)
        async with Http.open(own=[lines[0]]) as http:
            yield Service(url=lines[0], http=http)
