"""What is looked after from time to time while jobs run: the lanes' counts, and late renders."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from jobs.board import Board
from jobs.errors import StorageError
from jobs.estimate import Estimator
from jobs.model import Job
from jobs.moderation.review import UNREVIEWED
from jobs.ports import Clock, JobStore
from jobs.states import JobState

logger = logging.getLogger(__name__)

RECOUNT_EVERY = timedelta(minutes=1)
OVERDUE_AT_ONCE = 50


class Upkeep:
    """Done by the runner's tending, so it needs no task of its own."""

    def __init__(self, *, jobs: JobStore, estimator: Estimator, board: Board, clock: Clock) -> None:
        self._jobs = jobs
        self._estimator = estimator
        self._board = board
        self._clock = clock
        self._recount_at: datetime | None = None

    async def recount(self) -> None:
        """Count the lanes anew, at the start and then every minute; a drift is logged.

        Where nothing can be written it is tried again with the next tending, which goes on.
        """
        now = self._clock.now()
        if self._recount_at is not None and now < self._recount_at:
            return
        try:
            drifts = await self._jobs.recount()
        except StorageError:
            logger.exception("Lanes not counted", extra={"action": "recount_failed"})
            return
        for drift in drifts:
            logger.warning("Lane repaired: %s", drift, extra={"action": "lane_drift"})
        self._recount_at = now + RECOUNT_EVERY

    async def end_overdue(self) -> None:
        """End what no moderator looked at in time; its cards are shown by the same tending."""
        try:
            ended = await self._jobs.end_overdue(
                now=self._clock.now(), failure=UNREVIEWED, limit=OVERDUE_AT_ONCE
            )
        except StorageError:
            logger.exception("Held jobs not ended", extra={"action": "end_overdue_failed"})
            return
        for job in ended:
            logger.info("Job %s: nobody looked", job.id, extra={"action": "job_unreviewed"})

    async def tell_late(self, working: Iterable[Job]) -> None:
        """Have the cards of renders that take longer than usual say so."""
        now = self._clock.now()
        for job in working:
            if job.state is JobState.RUNNING and await self._estimator.is_late(job, now=now):
                self._board.mark_late(job)
