"""How the parts of one process wake each other.

Everything that matters is in the database; a notice only saves waiting for the next look.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine

from jobs.model import JobId
from jobs.ports import Clock

logger = logging.getLogger(__name__)

LOOK_S = 60.0  # how often something is looked for without a notice


async def either(clock: Clock, seconds: float, event: Coroutine[None, None, object]) -> None:
    """Wait until an event comes, but no longer than `seconds` of the injected clock."""
    tasks = [asyncio.create_task(event), asyncio.create_task(clock.sleep(seconds))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def whenever(
    event: asyncio.Event, work: Callable[[], Awaitable[None]], *, clock: Clock, name: str
) -> None:
    """Work at the start, whenever an event comes, and every minute; trouble ends nothing.

    Args:
        event: Wakes; a notice that comes during the work is not lost.
        work: What is done.
        clock: Tells when a minute is over.
        name: What the log calls the work.
    """
    while True:
        event.clear()
        try:
            await work()
        except Exception:
            logger.exception("The %s failed", name, extra={"action": f"{name}_failed"})
        await either(clock, LOOK_S, event.wait())


class Notices:
    """Wakes the runner when a job was queued or ended, a cancel was asked, or mail came.

    And the herald when there are news.
    """

    def __init__(self) -> None:
        self._queued: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._cancels: dict[JobId, asyncio.Event] = {}
        self.ended = asyncio.Event()
        self.mail = asyncio.Event()
        self.news = asyncio.Event()
        self.removals = asyncio.Event()
        self.outcomes = asyncio.Event()

    def job_queued(self, backend: str) -> None:
        """Tell the runner that a backend has work."""
        self._queued[backend].set()

    async def next_queued(self, backend: str) -> None:
        """Wait until a backend may have work; a notice given before is not lost."""
        await self._queued[backend].wait()
        self._queued[backend].clear()

    def watch_cancel(self, job_id: JobId) -> asyncio.Event:
        """Return the event that `cancel` sets, for whoever works on the job."""
        return self._cancels.setdefault(job_id, asyncio.Event())

    def unwatch_cancel(self, job_id: JobId) -> None:
        """Forget the event; nobody works on the job any more."""
        self._cancels.pop(job_id, None)

    def cancel(self, job_id: JobId) -> None:
        """Tell whoever works on the job to stop."""
        if job_id in self._cancels:
            self._cancels[job_id].set()
        self.ended.set()

    def job_ended(self) -> None:
        """Tell the runner that a job which nobody works on has ended, so its card is old."""
        self.ended.set()

    def letter_arrived(self) -> None:
        """Tell the runner that there are letters to look at."""
        self.mail.set()

    def job_removed(self) -> None:
        """Tell that there may be a removed video to take down, and that its card is old."""
        self.removals.set()
        self.ended.set()

    def case_decided(self) -> None:
        """Tell that there may be an outcome which somebody waits for."""
        self.outcomes.set()

    def news_added(self) -> None:
        """Tell the herald that there may be news for log channels."""
        self.news.set()
