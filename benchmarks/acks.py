"""How soon 200 members who ask at the same moment are acknowledged; Discord gives 3 seconds.

The time is from the making of an interaction in the sandbox to the arrival of its
acknowledgement there. Sandbox and bot share the processors, and each acknowledgement is a
request over TLS to which both ends contribute.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.playground import REST_S, Playground, open_playground
from benchmarks.processes import memory_of
from benchmarks.table import Row, tail_ms
from bot.sandbox import Interaction

AT_ONCE = 200
ROUNDS = 3
ROUND_S = 120.0
CLOSING_S = 25.0  # aiohttp keeps an unused connection for 15 seconds
LINE = '/video prompt:"a red circle" steps:2 frames:8'
LONG = '/video prompt:"a long one" steps:50 frames:128'  # keeps the worker busy to the end


async def measure(folder: Path) -> AsyncGenerator[Row]:
    """Yield the latencies over new and over kept connections, with the worker paused and not."""
    async with open_playground(folder, "acks") as playground:
        await _occupy(playground)
        with _paused(playground.workers()):
            yield _row("new connections", [await _round(playground)])
            yield _row("kept connections", [await _round(playground) for _ in range(ROUNDS)])
        yield _row("CPU is rendering", [await _round(playground) for _ in range(ROUNDS)])
        name = f"bot's memory with {(2 * ROUNDS + 1) * AT_ONCE:,} queued jobs"
        yield Row(what=f"{name}, connections open", measured=memory_of(playground.bot_pid).text())
        await asyncio.sleep(CLOSING_S)
        yield Row(what=f"{name}, connections closed", measured=memory_of(playground.bot_pid).text())


def _row(where: str, rounds: list[list[Interaction]]) -> Row:
    asked = [one for interactions in rounds for one in interactions]
    waits = [(one.acked_at - one.created_at).total_seconds() for one in asked if one.acked_at]
    late = len(asked) - len(waits)
    return Row(
        what=f"acknowledgement, {AT_ONCE} at once, {where}",
        measured=(tail_ms(waits) if waits else "none") + (f"; {late} too late" if late else ""),
        aim="all < 3 s",
    )


async def _occupy(playground: Playground) -> None:
    """Give the worker something that outlasts the measurement."""
    sandbox = playground.sandbox
    asked = await sandbox.slash(sandbox.ana, sandbox.channel, LONG)
    await sandbox.wait_for(lambda: asked.message and "%" in asked.message.text, ROUND_S)


@contextmanager
def _paused(pids: list[int]) -> Generator[None]:
    """Stop processes for a while, as if their work were done on a GPU."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def _round(playground: Playground) -> list[Interaction]:
    """Fire, wait until each is acknowledged or too late, and until all cards are filled."""
    sandbox = playground.sandbox
    fired = await asyncio.gather(
        *(sandbox.slash(sandbox.ana, sandbox.channel, LINE) for _ in range(AT_ONCE))
    )

    def is_over() -> bool:
        now = sandbox.clock.now()
        return all(one.answer is not None or one.is_too_late(now) for one in fired)

    await sandbox.wait_for(is_over, ROUND_S)
    await asyncio.sleep(REST_S)
    return fired
