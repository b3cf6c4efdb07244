"""What becomes of a job that did not get on: it waits, goes back, moves on, or ends for free.

What was not sent may be tried again, and what our own machine renders may be rendered again. What
was paid for is neither sent again nor given up before its video must be gone.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta

from jobs.errors import (
    BusyError,
    FlipbookError,
    InterruptedRenderError,
    RefusedError,
    RequestError,
    UnavailableError,
)
from jobs.failover import elsewhere
from jobs.model import Job
from jobs.moves import Moves
from jobs.ports import ArtifactStore, Catalogue, Clock, QuotaStore
from jobs.prices import PriceTable
from jobs.quota.admission import terms_for
from jobs.retry import MAX_SETBACKS, PATIENT_DELAY_S, PATIENT_SETBACKS, retry_delay

logger = logging.getLogger(__name__)

# How long a paid video can still be had: ModelsLab deletes temporary files after a day
# (https://docs.modelslab.com/video-api/texttovideo, `temp`). A full disk or a broken network
# that is mended before loses no video.
VIDEO_LIFE = timedelta(hours=24)


class Setbacks:
    """The ways out of a step that failed."""

    def __init__(
        self,
        *,
        moves: Moves,
        quotas: QuotaStore,
        catalogue: Catalogue,
        artifacts: ArtifactStore,
        prices: PriceTable,
        clock: Clock,
    ) -> None:
        self._moves = moves
        self._quotas = quotas
        self._catalogue = catalogue
        self._artifacts = artifacts
        self._prices = prices
        self._clock = clock

    async def turned_away(self, job: Job, error: RefusedError | RequestError) -> Job:
        """End a job that was refused; one that meets a closed door goes to the next backend."""
        is_closed = isinstance(error, RefusedError) and error.refuses_everyone
        return await self._moved_on(job, "refused", error, may_move=is_closed)

    async def switched_off(self, job: Job) -> Job:
        """Take a queued job away from a backend that is not there any more."""
        title = job.request.provider.heading
        error = FlipbookError(f"{title} is switched off here; ask again.")
        return await self._moved_on(job, "backend_off", error, may_move=True)

    async def not_sent(self, job: Job, error: UnavailableError) -> Job:
        """Queue a job again whose backend could not be reached; a paid one is waited for."""
        if not self._catalogue.provider(job.backend).is_paid:
            return await self._set_back(job, "unavailable", error, after_s=error.retry_after_s)
        setbacks = job.setbacks + 1
        if setbacks > PATIENT_SETBACKS:
            return await self.lost(job)
        self._moves.log_trouble(job, "unavailable", error)
        delay = retry_delay(setbacks, error.retry_after_s, longest_s=PATIENT_DELAY_S)
        return await self._moves.requeue(job, setbacks=setbacks, due_at=self._clock.now() + delay)

    async def lost(self, job: Job) -> Job:
        """End a job whose paid backend could not be reached for as long as one may wait."""
        title = job.request.provider.heading
        error = FlipbookError(f"{title} could not be reached for an hour; nothing was charged.")
        return await self._moves.fail(job, "unavailable", error)

    async def busy(self, job: Job, error: BusyError) -> Job:
        """Queue a job again because its backend takes nothing on just now: that is no setback."""
        logger.info("Job %s: %s %s", job.id, error, error.detail, extra={"action": "job_waits"})
        due_at = self._clock.now() + retry_delay(1, error.retry_after_s)
        return await self._moves.requeue(job, due_at=due_at)

    async def repeat(self, job: Job, code: str, error: FlipbookError) -> Job:
        """Try again what went wrong on this side: render, or only fetch what was paid for."""
        await self._artifacts.discard(job)
        if self._catalogue.provider(job.backend).is_paid:
            return await self._stay(job, code, error)
        return await self._set_back(job, code, error)

    async def _moved_on(self, job: Job, code: str, error: FlipbookError, *, may_move: bool) -> Job:
        """Queue a job at another backend that may have it, or end it."""
        changes = await self._elsewhere(job) if may_move else None
        if changes is None:
            return await self._moves.fail(job, code, error)
        self._moves.log_trouble(job, "moves_on", error)
        return await self._moves.requeue(job, **changes)

    async def _elsewhere(self, job: Job) -> Mapping[str, object] | None:
        terms = await self._quotas.terms_of(job.requester, now=self._clock.now())
        tier = terms_for(job, terms).tier
        return elsewhere(job, self._catalogue, self._prices, tier=tier)

    async def _stay(self, job: Job, code: str, error: FlipbookError) -> Job:
        """Wait with a paid job where it stands, unless its video must be gone by now."""
        now = self._clock.now()
        if now - (job.rendered_at or job.started_at or now) >= VIDEO_LIFE:
            return await self._moves.fail(job, code, error)
        self._moves.log_trouble(job, code, error)
        waiting = await self._moves.move(job, job.state, setbacks=job.setbacks + 1)
        after_s = error.retry_after_s if isinstance(error, UnavailableError) else None
        await self._moves.rest(job, retry_delay(waiting.setbacks, after_s).total_seconds())
        return waiting

    async def _set_back(
        self, job: Job, code: str, error: FlipbookError, *, after_s: float | None = None
    ) -> Job:
        """Queue a job again for later, unless that happened too often."""
        setbacks = job.setbacks + 1
        if setbacks >= MAX_SETBACKS:
            return await self._moves.fail(job, code, error)
        self._moves.log_trouble(job, code, error)
        if isinstance(error, InterruptedRenderError):
            return await self._moves.requeue(job, setbacks=setbacks)
        due_at = self._clock.now() + retry_delay(setbacks, after_s)
        return await self._moves.requeue(job, setbacks=setbacks, due_at=due_at)
