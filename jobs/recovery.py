"""Finds jobs that would otherwise stand still, and says how each of them goes on.

A crash leaves jobs without a holder; a restart with other settings, or a long outage, leaves some
waiting for a backend that will not come to them.
"""

import logging
from collections.abc import AsyncIterator, Container

from jobs.errors import FlipbookError, RequestError, StaleAttemptError
from jobs.model import Job, JobId
from jobs.ports import Catalogue, Clock, JobStore
from jobs.request import ProviderName
from jobs.retry import PATIENCE
from jobs.states import JobState
from jobs.steps import Steps
from jobs.work import LEASE, NEEDS_BACKEND

logger = logging.getLogger(__name__)


class Recovery:
    """Looks for such jobs; what it yields is to be worked on, or shown if nobody has to."""

    def __init__(self, *, jobs: JobStore, catalogue: Catalogue, steps: Steps, clock: Clock) -> None:
        self._jobs = jobs
        self._catalogue = catalogue
        self._steps = steps
        self._clock = clock

    async def orphans(self, *, in_hand: Container[JobId]) -> AsyncIterator[Job]:
        """Pick up jobs whose holder is gone, and yield them as they stand then.

        Raises:
            StorageError: The table of jobs cannot be read.
        """
        for orphan in await self._jobs.orphans(now=self._clock.now()):
            if orphan.id in in_hand:
                continue
            try:
                job = await self._resumed(orphan)
            except FlipbookError:
                logger.exception("Job %s not resumed", orphan.id, extra={"action": "resume_failed"})
            else:
                if job is not None:
                    yield job

    async def of_switched_off(self, backend: str) -> AsyncIterator[Job]:
        """Move or end what waits in the queue of a backend that is not on.

        Raises:
            StorageError: The table of jobs cannot be read or written.
        """
        for job in await self._jobs.queued_at(backend):
            try:
                freed = await self._steps.setbacks.switched_off(job)
            except StaleAttemptError:  # its member cancelled it just now
                continue
            yield freed

    async def of_lost(self) -> AsyncIterator[Job]:
        """End what has waited too long for paid backends that cannot be reached.

        Raises:
            StorageError: The table of jobs cannot be read or written.
        """
        now = self._clock.now()
        for provider in self._catalogue.providers():
            lost_at = provider.health.lost_at
            if not provider.is_paid or lost_at is None or now - lost_at < PATIENCE:
                continue
            for job in await self._jobs.queued_at(provider.name):
                if now - job.created_at < PATIENCE:
                    continue
                try:
                    freed = await self._steps.setbacks.lost(job)
                except StaleAttemptError:  # it has just got its turn, or was cancelled
                    continue
                yield freed

    async def _resumed(self, orphan: Job) -> Job | None:
        """Go on from the written state: a render of ours is repeated, a paid one never is."""
        job = await self._jobs.adopt(orphan, lease_until=self._clock.now() + LEASE)
        logger.info("Job %s found at %s", job.id, job.state, extra={"action": "job_resumed"})
        if job.state not in NEEDS_BACKEND:
            return job
        moves = self._steps.moves
        try:
            provider = self._catalogue.provider(job.backend)
        except RequestError as error:
            return await self._without_backend(job, error)
        if not provider.is_paid:
            await provider.cancel(job)
            return await moves.requeue(job)
        if job.state is JobState.SUBMITTING:
            lost = FlipbookError("The provider's answer was lost.")
            return await moves.fail(job, "unconfirmed", lost, state=JobState.UNCONFIRMED)
        return job

    async def _without_backend(self, job: Job, error: RequestError) -> Job | None:
        """End a render of ours whose backend was switched off; paid work waits for it."""
        if job.request.provider is not ProviderName.LOCAL:
            logger.error("Job %s waits: %s", job.id, error, extra={"action": "backend_off"})
            return None
        return await self._steps.moves.fail(job, "backend_off", error)
