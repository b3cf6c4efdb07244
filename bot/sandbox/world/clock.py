"""The sandbox's own time, because tests must be able to let fifteen minutes pass at once."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Real UTC time plus an offset; the sandbox's only reader of real time."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._waiters: set[asyncio.Future[None]] = set()

    def now(self) -> datetime:
        """Tell the sandbox's present moment, in UTC."""
        real = datetime.now(UTC)  # noqa: TID251 -- the sandbox is a world of its own with one clock
        return real + self._offset

    @property
    def offset_s(self) -> float:
        """How far the sandbox is ahead of real time, in seconds."""
        return self._offset.total_seconds()

    def advance(self, seconds: float) -> None:
        """Let time pass without waiting for it."""
        self._offset += timedelta(seconds=seconds)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait_until(self, moment: datetime) -> None:
        """Wait until the sandbox's time is `moment`, which comes at once if it is advanced."""
        while (left := moment - self.now()) > timedelta():
            moved = asyncio.get_running_loop().create_future()
            self._waiters.add(moved)
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(left.total_seconds()):
                        await moved
            finally:
                self._waiters.discard(moved)
