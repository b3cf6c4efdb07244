"""Keeps the cards of jobs up to date without flooding the channel.

The newest news of a job replaces older news that was not shown yet; two edits of one card
are at least `interval_s` apart, except the last one.
"""

import asyncio
import logging
from collections.abc import Mapping

from jobs.errors import FlipbookError
from jobs.model import Job, JobId, Origin, Progress, Standing
from jobs.ports import Clock, Delivery
from jobs.states import JobState

logger = logging.getLogger(__name__)

# "5 per 5 s per channel for create and for edit" is what is commonly observed (discord-api-docs
# #20), so a channel with several running jobs stays below it.
CARD_INTERVAL_S = 5.0


class Board:
    """One presenter per job that is being worked on."""

    def __init__(
        self,
        *,
        deliveries: Mapping[Origin, Delivery],
        clock: Clock,
        interval_s: float = CARD_INTERVAL_S,
    ) -> None:
        self._deliveries = deliveries
        self._clock = clock
        self._interval_s = interval_s
        self._news: dict[JobId, tuple[Job, Progress | None]] = {}
        self._arrived: dict[JobId, asyncio.Event] = {}
        self._shown: dict[JobId, Progress | None] = {}
        self._late: set[JobId] = set()

    def expect(self, job_id: JobId) -> None:
        """Keep a job's news from now on, for `present`."""
        self._arrived.setdefault(job_id, asyncio.Event())

    def tell(self, job: Job, progress: Progress | None = None) -> None:
        """Leave the newest news of a job; if somebody presents it, it is shown soon."""
        if job.id in self._arrived:
            self._news[job.id] = (job, progress)
            self._arrived[job.id].set()

    def mark_late(self, job: Job) -> None:
        """Have the card of a render say, from now on, that it takes longer than usual."""
        if job.id in self._arrived and job.id not in self._late:
            self._late.add(job.id)
            _, progress = self._news.get(job.id, (job, self._shown.get(job.id)))
            self.tell(job, progress)

    async def present(self, job_id: JobId) -> None:
        """Show a job's news as they come, until cancelled."""
        arrived = self._arrived.setdefault(job_id, asyncio.Event())
        try:
            while True:
                await arrived.wait()
                arrived.clear()
                job, progress = self._news.pop(job_id)
                self._shown[job_id] = progress
                await self.show(
                    job, progress, Standing(is_late=True) if self._is_late(job) else None
                )
                await self._clock.sleep(self._interval_s)
        finally:
            self._arrived.pop(job_id, None)
            self._news.pop(job_id, None)
            self._shown.pop(job_id, None)
            self._late.discard(job_id)

    def _is_late(self, job: Job) -> bool:
        return job.id in self._late and job.state is JobState.RUNNING

    async def show(
        self, job: Job, progress: Progress | None = None, standing: Standing | None = None
    ) -> bool:
        """Show a card now; say whether that went without an error."""
        try:
            await self._deliveries[job.origin].show(job, progress=progress, standing=standing)
        except FlipbookError as error:
            logger.info("Card of job %s: %s", job.id, error, extra={"action": "card_held"})
            return False
        except Exception as error:  # noqa: BLE001 - a card is never worth a job: log it and go on
            logger.warning(
                "Card of job %s not shown: %r", job.id, error, extra={"action": "card_failed"}
            )
            return False
        return True
