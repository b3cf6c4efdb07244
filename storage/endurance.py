"""Work in a thread that has to end before its caller may go on, even a cancelled caller.

A thread cannot be stopped. Whoever leaves it alone would read a file that it still writes, or
miss a transaction that it is about to commit.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")


async def to_its_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Await `work`; a cancellation of the caller is passed on once the work is over."""
    running = asyncio.create_task(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # seen: the cancellation goes first
        raise
