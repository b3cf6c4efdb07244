"""The bot as anybody starts it, `python -m bot run`, in a sandbox on loopback."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from benchmarks.processes import children_of, started
from bot.sandbox import Message, RateLimits, Sandbox
from bot.settings import child_environment

START_S = 120.0  # with a GPU, torch is asked for it from a cold disk
VIDEO_S = 120.0
REST_S = 3.0  # after which a process counts as idle
LOCAL = MappingProxyType(
    {"FLIPBOOK_DEFAULT_PROVIDER": "local", "LOCAL_ENABLED": "on", "LOCAL_DEVICES": "cpu"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Playground:
    """A sandbox, and the bot in it."""

    sandbox: Sandbox
    bot_pid: int
    data: Path

    def workers(self) -> list[int]:
        """List the worker processes; media children are long gone when this is asked."""
        return children_of(self.bot_pid)

    def results(self) -> Sequence[Message]:
        """List the posted videos."""
        return [m for m in self.sandbox.channel.messages.values() if m.attachments]

    async def video(self, line: str) -> str:
        """Ask for one video, wait until its card says that it is done, and return its job's id."""
        sandbox, before = self.sandbox, len(self.results())
        asked = await sandbox.slash(sandbox.ana, sandbox.channel, line)
        await sandbox.wait_for(lambda: len(self.results()) > before, VIDEO_S)
        await sandbox.wait_for(lambda: asked.message and "Done" in asked.message.text, VIDEO_S)
        return Path(self.results()[-1].attachments[0].filename).stem.removeprefix("flipbook-")

    def times(self, job_id: str) -> tuple[float, float]:
        """Return when a job's render began and ended, in seconds since 1970."""
        uri = f"file:{self.data / 'flipbook.db'}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            began, ended = connection.execute(
                "SELECT started_at, rendered_at FROM job WHERE id = ?", (job_id,)
            ).fetchone()
        return began / 1e6, ended / 1e6

    def posted_at(self, job_id: str) -> float:
        """Return when the request came that posted a job's video, in seconds since 1970.

        It is noted when its head has arrived, before its body is read.
        """
        posts = self.sandbox.requests.of("POST", "/channels/{channel_id}/messages")
        post = next(post for post in posts if any(job_id in name for name in post.files))
        return post.time.timestamp()


@asynccontextmanager
async def open_playground(
    folder: Path, name: str, *, settings: Mapping[str, str] = LOCAL
) -> AsyncGenerator[Playground]:
    """Start sandbox and bot, and end both.

    Args:
        folder: The folder of this run.
        name: A folder in it for this bot alone; its `data` may hold a database already.
        settings: Who renders.
    """
    data = folder / name / "data"
    data.mkdir(parents=True, exist_ok=True)
    limits = RateLimits.roomy()  # the bot is measured, not Discord's patience
    async with Sandbox.open(folder / name / "sandbox", rate_limits=limits) as sandbox:
        environment = {
            **sandbox.environment(),
            "FLIPBOOK_DATA_DIR": str(data),
            "FLIPBOOK_HTTP_PORT": "0",
            **settings,
        }
        words, log = (sys.executable, "-m", "bot", "run"), folder / name / "bot.log"
        env = child_environment(environment)
        async with started(words, env=env, folder=folder / name, log=log) as bot:
            await sandbox.wait_ready(START_S)
            await asyncio.sleep(REST_S)
            yield Playground(sandbox=sandbox, bot_pid=bot.pid, data=data)
