"""Keeps to what a service allows: so many submits a minute, few looks at once, and pauses.

Nothing here is written down. After a restart a service may be asked too early once; it answers
"later", and that is kept to.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from jobs.events import either
from jobs.ports import Clock

WINDOW_S = 61.0  # a minute, and what a request may be under way
PAUSE_S = 30.0  # if "later" came without a time (ModelsLab's spam filter asks for 30 seconds)
LONGEST_PAUSE_S = 600.0  # whatever a service asks
LOOKS_AT_ONCE = 4


class Alarm:
    """A sleep that a hint ends early; hints that come before it, or twice, count once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """End the sleep that is on, or the next one."""
        self._rung.set()

    async def sleep(self, seconds: float, *, at_least_s: float = 0.0) -> None:
        """Sleep until the time is over or a hint comes, but never less than `at_least_s`."""
        until = self._clock.now() + timedelta(seconds=seconds)
        await self._clock.sleep(min(seconds, at_least_s))
        rest = (until - self._clock.now()).total_seconds()
        if rest > 0:
            await either(self._clock, rest, self._rung.wait())
        self._rung.clear()


class Pause:
    """The quiet that a service asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = clock.now()

    @property
    def rest_s(self) -> float:
        """Return how long it still lasts, in seconds."""
        return max(0.0, (self._until - self._clock.now()).total_seconds())

    def begin(self, seconds: float | None) -> None:
        """Be quiet for so long, or for the usual time; a longer pause that is on stays."""
        asked = PAUSE_S if seconds is None else max(0.0, min(LONGEST_PAUSE_S, seconds))
        self._until = max(self._until, self._clock.now() + timedelta(seconds=asked))


class Looks:
    """Takes turns in looking, so that any number of waiting jobs costs a few connections."""

    def __init__(self, clock: Clock, *, at_once: int = LOOKS_AT_ONCE) -> None:
        self._clock = clock
        self._turns = asyncio.Semaphore(at_once)
        self.pause = Pause(clock)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for a turn and hold it."""
        async with self._turns:
            while rest_s := self.pause.rest_s:
                await self._clock.sleep(rest_s)
            yield


class SubmitLimit:
    """The submits that an account may make in a minute, over a sliding window.

    A submit never waits here, because a job that is being submitted when the bot is killed
    counts as lost. The waiting is done before a job is claimed, with `promise`: it keeps room
    for the one submit that follows the claim.

    Args:
        per_minute: None is no limit; pauses are kept to all the same.
    """

    def __init__(self, clock: Clock, *, per_minute: int | None) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._taken: deque[datetime] = deque()
        self._claimed: deque[datetime] = deque()
        self._is_promised = False
        self.pause = Pause(clock)

    def claim(self) -> None:
        """Count the submit that was last promised: its job is claimed and will come any moment."""
        if self._is_promised:
            self._claimed.append(self._clock.now())
            self._is_promised = False

    @property
    def wait_s(self) -> float:
        """Return how long there is no room for one more submit, in seconds."""
        return max(self.pause.rest_s, self._window_s())

    def promise(self) -> None:
        """Keep room for the next submit."""
        self._is_promised = True

    def take(self) -> float:
        """Count a submit that is made now; return 0, or how long it has to wait instead."""
        if self._claimed:
            self._claimed.popleft()
        elif self._is_promised:
            self._is_promised = False
        if wait_s := self.wait_s:
            return wait_s
        self._taken.append(self._clock.now())
        return 0.0

    def _window_s(self) -> float:
        if self._per_minute is None:
            return 0.0
        now = self._clock.now()
        for stamps in (self._taken, self._claimed):
            while stamps and (now - stamps[0]).total_seconds() >= WINDOW_S:
                stamps.popleft()
        over = len(self._taken) + len(self._claimed) - self._per_minute
        if over < 0:
            return 0.0
        free_at = sorted([*self._taken, *self._claimed])[over] + timedelta(seconds=WINDOW_S)
        return (free_at - now).total_seconds()
