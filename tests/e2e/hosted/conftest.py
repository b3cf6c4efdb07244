"""The whole bot against a hosted provider: three processes, and only the services are made up."""

import asyncio
import signal
import socket
import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from typing_extensions import override

from bot.sandbox import Message, Sandbox
from jobs.request import ProviderName
from jobs.states import JobState
from tests.e2e.conftest import VIDEO_S, BotProcess, cards, videos
from tests.e2e.hosted.services import KEY, PATIENCE_S, SECRET, ServiceProcess, started

PROVIDERS = [name for name in ProviderName if name is not ProviderName.LOCAL]
WAITS = "Waiting for the provider's word"


class HostedBot(BotProcess):
    """The bot with one hosted provider and nothing else."""

    @classmethod
    def at(cls, service: ServiceProcess, sandbox: Sandbox, data_dir: Path) -> "HostedBot":
        prefix = service.name.upper()
        environment = {
            "LOCAL_ENABLED": "off",
            "FLIPBOOK_DEFAULT_PROVIDER": service.name.value,
            f"{prefix}_API_KEY": KEY,
            f"{prefix}_BASE_URL": service.url,
            "NOVITA_SUBMITS_PER_MINUTE": "1000",  # its two a minute are tested with its own room
        }
        return cls(sandbox, data_dir, environment)

    def open_to_webhooks(self) -> None:
        """Give the bot an address of its own, which it has again after a restart."""
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        self.environment |= {"FLIPBOOK_HTTP_PORT": str(port), "FLIPBOOK_PUBLIC_URL": address}

    async def start_to_die(self, point: str) -> None:
        """Start the bot that kills itself at a point (`dying_bot`)."""
        await self._start_as("tests.e2e.hosted.dying_bot", point)

    @override
    async def start(self) -> None:
        await self._start_as("bot")

    async def _start_as(self, *program: str) -> None:
        self.program = program
        await super().start()

    async def until_dead(self) -> None:
        """Wait until the bot has killed itself."""
        assert self.process is not None
        async with asyncio.timeout(PATIENCE_S):
            assert await self.process.wait() == -signal.SIGKILL, self.log

    async def ask(self, prompt: str = "a comet over a lake") -> None:
        """Ask for a video, as ana."""
        sandbox = self.sandbox
        await sandbox.slash(sandbox.ana, sandbox.channel, f'/video prompt:"{prompt}"')

    async def until_card(self, words: str, times: int = 1) -> Message:
        """Wait until the cards of so many jobs show some words; return the last one."""

        def found() -> list[Message]:
            return [card for card in cards(self.sandbox.channel) if words in card.text]

        try:
            await self.sandbox.wait_for(lambda: len(found()) >= times, VIDEO_S)
        except Exception as error:
            raise AssertionError(f"{error}\n\n{self.log}") from error
        return found()[-1]

    async def decide(self, decision: str) -> None:
        """Settle the one unconfirmed job, as the moderator does."""
        sandbox = self.sandbox
        line = f"/mod jobs {decision} id:{self.job_ids()[0]}"
        sent = await sandbox.slash(sandbox.max, sandbox.channel, line)
        assert (await sent.wait_answer()).is_ephemeral

    def job_ids(self) -> list[str]:
        """Return the ids of all jobs, oldest first."""
        with closing(sqlite3.connect(self.database)) as connection:
            return [row[0] for row in connection.execute("SELECT id FROM job ORDER BY number")]

    async def end(self) -> None:
        """Stop the bot as its operator would."""
        assert await self.stop() == 0, self.log


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def services() -> Generator[Callable[[ProviderName], ServiceProcess]]:
    """Start each fake service once, when it is first wanted."""
    with ExitStack() as stack:
        running: dict[ProviderName, ServiceProcess] = {}

        def get(name: ProviderName) -> ServiceProcess:
            if name not in running:
                running[name] = stack.enter_context(started(name))
            return running[name]

        yield get


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> ProviderName:
    """Both, unless a test says which."""
    return request.param


@pytest.fixture
async def service(
    services: Callable[[ProviderName], ServiceProcess], provider: ProviderName
) -> AsyncGenerator[ServiceProcess]:
    found = services(provider)
    await found.begin()
    yield found
    await found.begin()  # nothing is held any more, and nothing scripted


@pytest.fixture
async def bot(
    sandbox: Sandbox, data_dir: Path, service: ServiceProcess
) -> AsyncGenerator[HostedBot]:
    """Return the bot, not started; at the end nothing of it may be left."""
    bot = HostedBot.at(service, sandbox, data_dir)
    try:
        yield bot
    finally:
        if bot.process is not None:
            await bot.kill()
        await bot.until_no_worker()
    assert_tells_no_key(bot)


def assert_tells_no_key(bot: HostedBot) -> None:
    """Look for the key wherever the bot can have left it, however it may be quoted there."""
    sandbox = bot.sandbox
    said = [message.text for message in sandbox.channel.messages.values()]
    sent = [f"{entry.path} {entry.json}" for entry in sandbox.requests]
    assert not any(SECRET in text for text in [*said, *sent])
    for path in bot.data_dir.rglob("*"):  # the database, its WAL, the log, the videos
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


async def assert_delivered(bot: HostedBot, service: ServiceProcess, *, bills: int = 1) -> None:
    """Wait for the one result, stop the bot, and read the books."""
    await bot.until_card("### Done")
    await bot.end()
    assert bot.states() == [JobState.DONE]
    assert len(videos(bot.sandbox.channel)) == 1
    assert len(await service.bills()) == bills
    assert await bot.books() == (1, 0)


async def assert_ended(
    bot: HostedBot, service: ServiceProcess, *, bills: int, used: int = 0
) -> None:
    """Wait for the end of the one job without a video, stop the bot, and read the books."""
    await bot.until_card("No video this time")
    await bot.end()
    assert bot.states() == [JobState.FAILED]
    assert videos(bot.sandbox.channel) == []
    assert len(await service.bills()) == bills
    assert await bot.books() == (used, 0)


async def assert_waits(bot: HostedBot, service: ServiceProcess, *, bills: int) -> None:
    """Look at a job whose submit was not answered: it is held, and nobody knows more."""
    await bot.until_card(WAITS)
    assert bot.states() == [JobState.UNCONFIRMED]
    assert videos(bot.sandbox.channel) == []
    assert len(await service.bills()) == bills
    assert await bot.books() == (0, 1)
