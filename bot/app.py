"""Builds every object once, and runs them together until somebody says stop.

`open_parts` is what every command shares; `run_bot` adds Discord and HTTP to it.
"""

import asyncio
import logging
import secrets
import signal
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import discord
from aiohttp import web

from bot import __version__
from bot.backends import load_prices, open_backends, without_backends
from bot.client import FlipbookClient
from bot.clock import SystemClock
from bot.files import FileDelivery
from bot.settings import Settings
from bot.web.health import Check, health_routes
from bot.web.hooks import Hooks
from bot.web.server import open_front_door
from jobs.board import Board
from jobs.decisions import Decisions
from jobs.errors import FlipbookError, SettingsError
from jobs.estimate import Estimator
from jobs.events import Notices
from jobs.mail import Mail
from jobs.model import JobId, Origin
from jobs.ports import Clock, Delivery
from jobs.prices import PriceTable
from jobs.request import MAX_SEED
from jobs.runner import Runner
from jobs.service import Draws, Service
from jobs.steps import Steps
from providers.registry import Registry
from storage.artifacts import FolderArtifactStore
from storage.database import Database
from storage.folder import DataFolder
from storage.inbox import SqliteInbox
from storage.jobs import SqliteJobStore
from storage.media import PyAvMedia
from storage.quotas import SqliteQuotaStore
from storage.values import SqliteValueStore

logger = logging.getLogger(__name__)

ID_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # no 0/o, 1/l/i: an id is typed by people
ID_LENGTH = 8
DRAIN_S = 8.0  # Docker sends SIGKILL ten seconds after SIGTERM


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every command works with."""

    settings: Settings
    clock: Clock
    database: Database
    jobs: SqliteJobStore
    quotas: SqliteQuotaStore
    inbox: SqliteInbox
    values: SqliteValueStore
    artifacts: FolderArtifactStore
    media: PyAvMedia
    catalogue: Registry
    notices: Notices
    estimator: Estimator
    prices: PriceTable
    service: Service

    def runner(self, deliveries: Mapping[Origin, Delivery]) -> Runner:
        """Build the runner over the given ways back."""
        board = Board(deliveries=deliveries, clock=self.clock)
        steps = Steps(
            jobs=self.jobs,
            catalogue=self.catalogue,
            artifacts=self.artifacts,
            media=self.media,
            deliveries=deliveries,
            board=board,
            clock=self.clock,
            version=__version__,
            prices=self.prices,
        )
        return Runner(
            jobs=self.jobs,
            catalogue=self.catalogue,
            steps=steps,
            mail=Mail(
                inbox=self.inbox,
                jobs=self.jobs,
                catalogue=self.catalogue,
                steps=steps,
                clock=self.clock,
            ),
            board=board,
            notices=self.notices,
            estimator=self.estimator,
            clock=self.clock,
            draw_token=lambda: secrets.token_hex(16),
        )


@asynccontextmanager
async def open_parts(settings: Settings, *, store_dir: Path | None = None) -> AsyncGenerator[Parts]:
    """Open the data folder, the database and the backends, and close them again.

    Args:
        settings: Where everything is.
        store_dir: Holds database and videos instead of the data folder.

    Raises:
        StorageError: The folder is in use, or the database cannot be opened.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        folder = DataFolder(root=store_dir or settings.data_dir)
        stack.enter_context(folder.hold())
        database = await stack.enter_async_context(Database.open(folder.database))
        artifacts = FolderArtifactStore(folder.videos)
        jobs, quotas, notices = SqliteJobStore(database), SqliteQuotaStore(database), Notices()
        backends = open_backends(settings, clock=clock, folder=folder, endpoints=jobs.endpoints)
        catalogue = Registry(
            providers=await stack.enter_async_context(backends), default=settings.default_provider
        )
        media = PyAvMedia()
        prices = load_prices(settings)
        estimator = Estimator(jobs=jobs, slots=lambda name: catalogue.provider(name).slots)
        service = Service(
            jobs=jobs,
            quotas=quotas,
            catalogue=catalogue,
            artifacts=artifacts,
            media=media,
            notices=notices,
            estimator=estimator,
            clock=clock,
            draws=Draws(job_id=draw_job_id, seed=lambda: secrets.randbelow(MAX_SEED + 1)),
            prices=prices,
        )
        yield Parts(
            settings=settings,
            clock=clock,
            database=database,
            jobs=jobs,
            quotas=quotas,
            inbox=SqliteInbox(database),
            values=SqliteValueStore(database),
            artifacts=artifacts,
            media=media,
            catalogue=catalogue,
            notices=notices,
            estimator=estimator,
            prices=prices,
            service=service,
        )


def draw_job_id() -> JobId:
    """Draw an id that people can type: 8 of 31 letters, about 8.5e11 of them."""
    return JobId("".join(secrets.choice(ID_LETTERS) for _ in range(ID_LENGTH)))


async def sync_commands(settings: Settings, *, guild: int | None) -> str:
    """Send the slash commands to Discord, whether they changed or not; a running bot may go on.

    Raises:
        SettingsError: The token is missing or refused.
    """
    token = settings.require_token()
    async with AsyncExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="flipbook-"))
        parts = await stack.enter_async_context(
            open_parts(without_backends(settings), store_dir=Path(scratch))
        )
        client = await stack.enter_async_context(_new_client(parts, syncs_at_start=False))
        await _log_in(client, token)
        await client.sync(guild, force=True)
        commands = client.tree.get_commands()
    where = f"server {guild}" if guild else "every server"
    return f"{len(commands)} commands synced to {where}."


async def run_bot(settings: Settings) -> None:
    """Run Discord, the HTTP front door and the runner until SIGTERM or SIGINT.

    Raises:
        FlipbookError: Something could not start, or stopped for good.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    token = settings.require_token()
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_parts(settings))
        client = await stack.enter_async_context(_new_client(parts))
        runner = parts.runner({Origin.DISCORD: client.delivery, Origin.CLI: FileDelivery()})
        port = await stack.enter_async_context(
            open_front_door(settings.http_host, settings.http_port, _routes(parts, client))
        )
        logger.info(
            "Health at http://%s:%d/healthz", settings.http_host, port, extra={"action": "listen"}
        )
        await _serve(client, runner, parts.service, token=token, stop=stop)


def _new_client(parts: Parts, *, syncs_at_start: bool = True) -> FlipbookClient:
    settings = parts.settings
    return FlipbookClient(
        service=parts.service,
        decisions=Decisions(jobs=parts.jobs, notices=parts.notices, clock=parts.clock),
        values=parts.values,
        clock=parts.clock,
        proxy=str(settings.discord_proxy) if settings.discord_proxy else None,
        dev_guild=settings.discord_dev_guild,
        syncs_at_start=syncs_at_start,
    )


async def _log_in_unless(stop: asyncio.Event, client: FlipbookClient, token: str) -> bool:
    """Log in; a stop that comes first ends the try."""
    login = asyncio.create_task(_log_in(client, token), name="login")
    waiting = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait([login, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if login.done():
        login.result()
        return True
    login.cancel()
    await asyncio.gather(login, waiting, return_exceptions=True)
    return False


async def _log_in(client: FlipbookClient, token: str) -> None:
    try:
        await client.login(token)
    except discord.LoginFailure as error:
        raise SettingsError("DISCORD_TOKEN was refused by Discord.") from error
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        raise FlipbookError(f"Discord cannot be reached: {error}") from error


async def _serve(
    client: FlipbookClient, runner: Runner, service: Service, *, token: str, stop: asyncio.Event
) -> None:
    """Log in, run both loops, and on stop: no new jobs, drain, close."""
    if not await _log_in_unless(stop, client, token):
        return
    running = asyncio.create_task(runner.run(drain_s=DRAIN_S), name="runner")
    gateway = asyncio.create_task(client.connect(), name="gateway")
    waiting = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait([running, gateway, waiting], return_when=asyncio.FIRST_COMPLETED)
        logger.info("Closing", extra={"action": "closing"})
        service.close()
        runner.stop()
        await running
    finally:
        waiting.cancel()
        running.cancel()
        await client.close()
        await asyncio.gather(gateway, waiting, running, return_exceptions=True)
    if not stop.is_set():
        raise FlipbookError("The connection to Discord ended for good.") from gateway.exception()


def _routes(parts: Parts, client: FlipbookClient) -> list[web.AbstractRouteDef]:
    notices = parts.notices
    hooks = Hooks(inbox=parts.inbox, arrived=notices.letter_arrived, clock=parts.clock)
    return [*health_routes(_checks(parts, client)), *hooks.routes()]


def _checks(parts: Parts, client: FlipbookClient) -> dict[str, Check]:
    async def discord_is_connected() -> str | None:
        return None if client.is_connected else "not connected"

    async def database_answers() -> str | None:
        try:
            await parts.values.get_value("commands:global")
        except FlipbookError as error:
            return type(error).__name__
        return None

    return {"discord": discord_is_connected, "database": database_answers}
