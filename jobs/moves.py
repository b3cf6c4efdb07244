"""Writes the moves of jobs: row, event and books in one transaction, and then the card.

Also where a job rests between two tries of the same step. Where it stands is written by then, so
whoever closes the bot need not wait for it.
"""

import logging

from jobs.board import Board
from jobs.errors import FlipbookError, ProviderError
from jobs.model import Failure, Job, JobId
from jobs.ports import Clock, JobStore
from jobs.quota.books import settlement_of
from jobs.states import JobState

logger = logging.getLogger(__name__)


class Moves:
    """What every step ends with.

    Attributes:
        resting: The jobs that wait for their next try and do nothing else.
    """

    def __init__(self, *, jobs: JobStore, board: Board, clock: Clock) -> None:
        self._jobs = jobs
        self._board = board
        self._clock = clock
        self.resting: set[JobId] = set()

    async def move(self, job: Job, state: JobState, **changes: object) -> Job:
        """Write a job's next state; an end settles the books in the same transaction."""
        now = self._clock.now()
        is_end = state.is_final
        after = job.evolve(state=state, **({"ended_at": now} if is_end else {}), **changes)
        after = await self._jobs.save(job, after, now=now, settle=settlement_of(after))
        logger.info("Job %s: %s → %s", job.id, job.state, state, extra={"action": f"job_{state}"})
        if is_end:  # the row forgets the interaction's token; the last card may still need it
            return after.evolve(address=job.address)
        self._board.tell(after)
        return after

    async def fail(
        self, job: Job, code: str, error: FlipbookError, *, state: JobState = JobState.FAILED
    ) -> Job:
        """End a job (or park it) with a sentence for the one who asked."""
        self.log_trouble(job, code, error)
        return await self.move(job, state, failure=Failure(code=code, message=error.user_message))

    async def requeue(self, job: Job, **changes: object) -> Job:
        """Put a job that was not paid for back in its place in the queue."""
        fresh: dict[str, object] = {
            "attempt_token": None,
            "provider_job_id": None,
            "endpoint": None,
            "started_at": None,
            "rendered_at": None,
            "receipt": None,
            "due_at": None,
        }
        return await self.move(job, JobState.QUEUED, **{**fresh, **changes})

    async def rest(self, job: Job, seconds: float) -> None:
        """Wait until a job is tried again."""
        self.resting.add(job.id)
        try:
            await self._clock.sleep(seconds)
        finally:
            self.resting.discard(job.id)

    def log_trouble(self, job: Job, code: str, error: FlipbookError) -> None:
        """Tell the operator the cause, which is not for the channel."""
        detail = error.detail if isinstance(error, ProviderError) else ""
        logger.warning(
            "Job %s: %s: %s %s", job.id, code, error, detail, extra={"action": f"job_{code}"}
        )
