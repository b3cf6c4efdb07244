"""Runs the bot: Discord, the HTTP door, the queue and the backends, until somebody says stop."""

import asyncio
import logging
import signal
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import discord

from bot.app import DRAIN_S, Parts, open_parts
from bot.backends import without_backends
from bot.client import FlipbookClient
from bot.doors import database_answers, open_doors
from bot.files import FileDelivery
from bot.settings import Settings
from bot.web.health import Check
from bot.web.server import open_front_door
from cogs.moderation.commands import Moderation
from cogs.privacy import OwnData
from jobs.errors import FlipbookError, SettingsError
from jobs.model import Origin
from jobs.moderation.blocking import Blocking
from jobs.moderation.casework import Casework
from jobs.moderation.clearing import Clearing
from jobs.moderation.decisions import Decisions
from jobs.moderation.outcomes import Outcomes
from jobs.moderation.policies import Policing
from jobs.moderation.review import Reviews
from jobs.privacy.takeout import Takeout
from jobs.quota.allowances import Allowances
from jobs.runner import Runner
from jobs.service import Service
from jobs.usage.spending import Spending
from storage.moderation.audit import SqliteAuditLog
from storage.plots.orders import MatplotlibPlotter
from storage.usage import SqliteUsageStore

logger = logging.getLogger(__name__)


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
        doors = await stack.enter_async_context(open_doors(parts))
        runner = parts.runner(
            {
                Origin.DISCORD: client.delivery,
                Origin.API: doors.delivery,
                Origin.CLI: FileDelivery(),
            }
        )
        checks = {"discord": _is_connected(client), "database": database_answers(parts)}
        door = open_front_door(settings.http_host, settings.http_port, doors.routes(checks))
        port = await stack.enter_async_context(door)
        logger.info(
            "Health at http://%s:%d/healthz", settings.http_host, port, extra={"action": "listen"}
        )
        beside = {
            "herald": parts.herald(client.guild_log).run,
            "takedown": parts.takedown(client.postings).run,
            "courier": parts.courier(client.member_post).run,
        }
        await _serve(client, runner, beside, parts.service, token=token, stop=stop)


def _new_client(parts: Parts, *, syncs_at_start: bool = True) -> FlipbookClient:
    settings = parts.settings
    return FlipbookClient(
        service=parts.service,
        moderation=_moderation(parts),
        management=parts.management,
        allowances=Allowances(
            quotas=parts.quotas,
            jobs=parts.jobs,
            catalogue=parts.catalogue,
            notices=parts.notices,
            clock=parts.clock,
            currency=parts.prices.currency,
        ),
        own_data=OwnData(
            privacy=parts.privacy,
            takeout=Takeout(store=parts.privacy_store, files=parts.files, clock=parts.clock),
            departures=parts.retention,
            days=settings.retention_days or None,
        ),
        values=parts.values,
        clock=parts.clock,
        proxy=str(settings.discord_proxy) if settings.discord_proxy else None,
        dev_guild=settings.discord_dev_guild,
        syncs_at_start=syncs_at_start,
    )


def _moderation(parts: Parts) -> Moderation:
    jobs, notices, clock = parts.jobs, parts.notices, parts.clock
    blocking = Blocking(guilds=parts.guilds, jobs=jobs, notices=notices, clock=clock)
    return Moderation(
        decisions=Decisions(jobs=jobs, notices=notices, clock=clock),
        clearing=Clearing(jobs=jobs, notices=notices, clock=clock),
        blocking=blocking,
        policing=Policing(
            policies=parts.policies, store=parts.policy_store, notices=notices, clock=clock
        ),
        reviews=Reviews(jobs=jobs, blocking=blocking, notices=notices, clock=clock),
        audit=SqliteAuditLog(parts.database),
        casework=Casework(
            cases=parts.cases, jobs=jobs, guilds=parts.guilds, notices=notices, clock=clock
        ),
        appeals=parts.appeals,
        outcomes=Outcomes(store=parts.outcomes, clock=clock),
        spending=Spending(
            store=SqliteUsageStore(parts.database),
            plotter=MatplotlibPlotter(),
            notices=notices,
            clock=clock,
        ),
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
    client: FlipbookClient,
    runner: Runner,
    beside: Mapping[str, Callable[[], Coroutine[None, None, None]]],
    service: Service,
    *,
    token: str,
    stop: asyncio.Event,
) -> None:
    """Log in, run all loops, and on stop: no new jobs, drain, close."""
    if not await _log_in_unless(stop, client, token):
        return
    running = asyncio.create_task(runner.run(drain_s=DRAIN_S), name="runner")
    gateway = asyncio.create_task(client.connect(), name="gateway")
    others = [asyncio.create_task(run(), name=name) for name, run in beside.items()]
    waiting = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait([running, gateway, waiting], return_when=asyncio.FIRST_COMPLETED)
        logger.info("Closing", extra={"action": "closing"})
        service.close()
        runner.stop()
        await running
    finally:
        for task in (waiting, running, *others):
            task.cancel()
        await client.close()
        await asyncio.gather(gateway, waiting, running, *others, return_exceptions=True)
    if not stop.is_set():
        raise FlipbookError("The connection to Discord ended for good.") from gateway.exception()


def _is_connected(client: FlipbookClient) -> Check:
    async def discord_is_connected() -> str | None:
        return None if client.is_connected else "not connected"

    return discord_is_connected
