"""The real bot as a process of its own, in the sandbox, with a real worker and the real model."""

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.sandbox import Channel, Message, RateLimits, Sandbox
from bot.settings import child_environment
from jobs.model import Job, JobId
from jobs.states import JobState
from providers.local.library.roots import EMBEDDED
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.referee.referee import Referee

SOURCE = Path(__file__).parents[2]
START_S = 60
# Two workers of two spinning threads each, on two cores, wait for each other most of the time.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
VIDEO_S = 120
MESSAGES = "/channels/{channel_id}/messages"
LONG = "steps:30"  # renders long enough to be hit in the middle


@dataclass
class BotProcess:
    """`python -m bot run`, started, killed and started again over one data folder."""

    sandbox: Sandbox
    data_dir: Path
    environment: dict[str, str] = field(default_factory=dict[str, str])
    program: tuple[str, ...] = ("bot",)
    process: asyncio.subprocess.Process | None = None

    @property
    def database(self) -> Path:
        return self.data_dir / "flipbook.db"

    @property
    def log(self) -> str:
        return (self.data_dir / "bot.log").read_text(errors="replace")

    async def start(self) -> None:
        environment = {
            **self.sandbox.environment(),
            "FLIPBOOK_DATA_DIR": str(self.data_dir),
            "FLIPBOOK_HTTP_PORT": "0",
            "LOCAL_ENABLED": "on",
            "LOCAL_DEVICES": "cpu",
            "PYTHONPATH": str(SOURCE),
            **ONE_THREAD,
            **self.environment,
        }
        await self.sandbox.wait_gone()
        with (self.data_dir / "bot.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *self.program,
                "run",
                env=child_environment(environment),
                cwd=self.data_dir,  # no `.env` with real keys lies there
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        await self._until_ready(self.process)

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        """Wait until the bot is there, or has ended, which is told at once."""
        ready = asyncio.create_task(self.sandbox.wait_ready(START_S))
        ended = asyncio.create_task(process.wait())
        await asyncio.wait([ready, ended], return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not ready.done():
            ready.cancel()
        await asyncio.gather(ready, ended, return_exceptions=True)
        assert process.returncode is None, self.log
        ready.result()

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(30):
            return await self.process.wait()

    def workers(self) -> Sequence[int]:
        """Return the ids of every process that was started over this data folder."""
        own = self.process.pid if self.process is not None else 0
        return [pid for pid in processes_naming(self.data_dir) if pid != own]

    async def until_no_worker(self) -> None:
        """Wait until every worker is gone."""
        for pid in self.workers():
            await gone(pid)

    def kill_worker(self) -> None:
        (pid,) = self.workers()
        os.kill(pid, signal.SIGKILL)

    def states(self) -> Sequence[str]:
        """Return the states of all jobs as they stand in the file, oldest first."""
        connection = sqlite3.connect(self.database)
        try:
            return [row[0] for row in connection.execute("SELECT state FROM job ORDER BY number")]
        finally:
            connection.close()

    async def books(self) -> tuple[int, int]:
        """Return what members used and hold, in videos; the bot is down, and its books balance."""
        async with Database.open(self.database) as database:
            assert await SqliteQuotaStore(database).audit() == []

            def total(connection: sqlite3.Connection) -> tuple[int, int]:
                row = connection.execute(
                    "SELECT coalesce(SUM(used), 0) AS used, coalesce(SUM(reserved), 0) AS reserved "
                    "FROM bucket WHERE unit = 'videos' AND account LIKE '%/user:%'"
                ).fetchone()
                return row["used"], row["reserved"]

            return await database.read(total)

    async def job(self, job_id: str) -> Job:
        async with Database.open(self.database) as database:
            return await SqliteJobStore(database).get(JobId(job_id))


async def run_to_the_end(bot: BotProcess, **settings: str) -> tuple[int, str]:
    """Start the bot where it cannot run; return its exit code and what it said."""
    environment = {
        **bot.sandbox.environment(),
        "FLIPBOOK_DATA_DIR": str(bot.data_dir),
        "FLIPBOOK_HTTP_PORT": "0",
        **settings,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "run",
        env=child_environment(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        _, said = await process.communicate()
    return process.returncode or 0, said.decode()


async def gone(pid: int) -> None:
    """Wait for the end of a process that is not our child (pidfd_open(2))."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(20):
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def processes_naming(folder: Path) -> Sequence[int]:
    """Return the ids of processes whose command line names a folder (proc(5))."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it ended meanwhile
        if str(folder).encode() in words:
            found.append(int(entry.name))
    return found


def videos(channel: Channel) -> Sequence[Message]:
    """Return the results that were posted and are still there."""
    return [m for m in channel.messages.values() if m.attachments and not m.is_deleted]


def cards(channel: Channel) -> Sequence[Message]:
    """Return the cards of jobs: the answers to interactions, which hold no file."""
    return [m for m in channel.messages.values() if not m.attachments and not m.is_deleted]


def case_card(log: Channel, number: int) -> Message:
    """Return the card of a case in the log channel, with its buttons."""
    return next(m for m in log.messages.values() if f"Case #{number}" in m.text and m.buttons)


def shows(channel: Channel, words: str) -> Callable[[], bool]:
    """Say whether some message of a channel shows these words."""
    return lambda: any(words in message.text for message in channel.messages.values())


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def add_broken_model(data_dir: Path) -> str:
    """Give the operator a model whose weights are cut off, and return its id."""
    folder = data_dir / "models" / "cracked"
    shutil.copytree(EMBEDDED / "shapes", folder)
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    os.truncate(weights, weights.stat().st_size - 1000)
    return folder.name


@pytest.fixture
def judges_refusals() -> bool:
    """Flipbook asks for nothing that Discord's document forbids, whatever the answer."""
    return True


@pytest.fixture
async def sandbox(tmp_path: Path, referee: Referee) -> AsyncGenerator[Sandbox]:
    limits = RateLimits.observed(identify_pause_s=0)  # bots are started again at once
    folder, observers = tmp_path / "sandbox", (referee.observe,)
    async with Sandbox.open(folder, rate_limits=limits, observers=observers) as sandbox:
        yield sandbox


@pytest.fixture
def log(sandbox: Sandbox) -> Channel:
    """Return a channel for `/settings log`."""
    return sandbox.world.add_channel(sandbox.guild, "log")


@pytest.fixture
async def bot(sandbox: Sandbox, data_dir: Path) -> AsyncGenerator[BotProcess]:
    """Return the bot, not started; at the end nothing of it may be left."""
    bot = BotProcess(sandbox, data_dir)
    try:
        yield bot
    finally:
        if bot.process is not None:
            await bot.kill()
        await bot.until_no_worker()


@asynccontextmanager
async def running(bot: BotProcess) -> AsyncGenerator[BotProcess]:
    """Start the bot, and stop it as an operator would."""
    await bot.start()
    yield bot
    assert await bot.stop() == 0, bot.log


def ended(bot: BotProcess, number: int) -> Callable[[], bool]:
    """Say whether so many jobs have come to an end."""
    finals = {state.value for state in JobState if state.is_final}
    return lambda: sum(state in finals for state in bot.states()) >= number
