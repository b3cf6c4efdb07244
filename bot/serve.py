"""`python -m bot serve`: the HTTP door, the queue and the backends, without Discord.

What waits for Discord in the same data folder stays there until `run` is started over it.
"""

import asyncio
import logging
import signal
from contextlib import AsyncExitStack

from bot.app import DRAIN_S, Parts, open_parts
from bot.doors import database_answers, open_doors
from bot.files import FileDelivery, HeldDelivery
from bot.settings import Settings
from bot.web.server import open_front_door
from jobs.model import Origin
from jobs.ports import Delivery

logger = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then take no new jobs, drain, and close.

    Raises:
        FlipbookError: Something could not start, or stopped for good.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_parts(settings))
        doors = await stack.enter_async_context(open_doors(parts))
        routes = doors.routes({"database": database_answers(parts)})
        door = open_front_door(settings.http_host, settings.http_port, routes)
        port = await stack.enter_async_context(door)
        logger.info("Serving at http://%s:%d", settings.http_host, port, extra={"action": "listen"})
        await _work(parts, doors.delivery, stop)


async def _work(parts: Parts, delivery: Delivery, stop: asyncio.Event) -> None:
    runner = parts.runner(
        {
            Origin.API: delivery,
            Origin.CLI: FileDelivery(),
            Origin.DISCORD: HeldDelivery(parts.clock),
        }
    )
    running = asyncio.create_task(runner.run(drain_s=DRAIN_S), name="runner")
    waiting = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        logger.info("Closing", extra={"action": "closing"})
        parts.service.close()
        runner.stop()
        await running
    finally:
        for task in (running, waiting):
            task.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)
