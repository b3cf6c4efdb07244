"""Wakes whoever waits for the world to change, so that no test needs to poll or sleep."""

import asyncio
from collections.abc import Callable

from bot.sandbox.errors import SandboxTimeoutError


class Changes:
    """A place to wait: conditions are looked at again after each change."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()
        self.revision = 0

    def notify(self) -> None:
        """Tell everyone who waits that something is different now."""
        self.revision += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait_for(
        self,
        predicate: Callable[[], object],
        *,
        timeout_s: float,
        describe: Callable[[], str],
    ) -> None:
        """Wait until `predicate` holds.

        Raises:
            SandboxTimeoutError: It did not hold in time; `describe` says what did happen.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not predicate():
                    await self._next_change()
        except TimeoutError as error:
            raise SandboxTimeoutError(f"after {timeout_s:g} s: {describe()}") from error

    async def _next_change(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)
