"""A clock that moves only when it is told to."""

import asyncio
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class FakeClock:
    """The `Clock` port; `advance` wakes everybody whose time has come, in order."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._changed = asyncio.Condition()
        self._sleepers: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + timedelta(seconds=seconds), woken))
        async with self._changed:
            self._changed.notify_all()
        await woken

    async def until_asleep(self, seconds: float) -> None:
        """Wait until somebody sleeps that long from now."""
        until = self._now + timedelta(seconds=seconds)
        async with self._changed:
            await self._changed.wait_for(
                lambda: any(at == until and not woken.done() for at, woken in self._sleepers)
            )

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        due = [sleeper for sleeper in self._sleepers if sleeper[0] <= self._now]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self._now]
        for _, woken in sorted(due, key=lambda sleeper: sleeper[0]):
            if not woken.done():
                woken.set_result(None)
