"""One job in hand: its steps, its lease, its card, and the cancel that may come at any time."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from jobs.board import Board
from jobs.errors import FlipbookError, StaleAttemptError, StorageError
from jobs.events import Notices
from jobs.model import Job
from jobs.ports import Catalogue, Clock, JobStore
from jobs.states import JobState
from jobs.steps import Steps

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
RENEW_S = 20.0  # a third of the lease: two renewals may fail before it ends
HOLDS_SLOT = frozenset({JobState.SUBMITTING, JobState.RUNNING})
NEEDS_BACKEND = HOLDS_SLOT | {JobState.FETCHING}


class Work:
    """Takes one job from the state it is in to where nobody has to work on it any more.

    Args:
        job: As it was claimed or adopted.
        release: Gives the backend's slot back; called once.
    """

    def __init__(  # noqa: PLR0913 - the subject's ports, each once
        self,
        job: Job,
        *,
        release: Callable[[], None],
        jobs: JobStore,
        catalogue: Catalogue,
        steps: Steps,
        board: Board,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self.job = job
        self._release = release
        self._jobs = jobs
        self._catalogue = catalogue
        self._steps = steps
        self._board = board
        self._clock = clock
        self._cancelled = notices.watch_cancel(job.id)

    @property
    def holds_slot(self) -> bool:
        """The backend is busy with it."""
        return self.job.state in HOLDS_SLOT

    @property
    def may_be_put_back(self) -> bool:
        """It renders on a backend of ours, which costs nothing but time to repeat."""
        return self.job.state in NEEDS_BACKEND and not self._is_paid()

    async def run(self) -> Job:
        """Work to the end and return the job as it stands then."""
        if self.job.cancel_requested:
            self._cancelled.set()
        self._board.expect(self.job.id)
        name = self.job.id
        try:
            async with asyncio.TaskGroup() as helpers:
                tasks = [
                    helpers.create_task(self._keep_lease(), name=f"lease {name}"),
                    helpers.create_task(self._board.present(name), name=f"card {name}"),
                    helpers.create_task(self._obey(), name=f"cancel {name}"),
                ]
                try:
                    await self._advance()
                finally:
                    for task in tasks:
                        task.cancel()
        finally:
            self._release()
        return self.job

    async def _advance(self) -> None:
        try:
            while self.job.state.is_active:
                if not self.holds_slot:
                    self._release()
                self.job = await self._step()
        except asyncio.CancelledError:
            await asyncio.shield(self._put_back())
            raise
        except StaleAttemptError:
            logger.warning("Job %s moved on elsewhere", self.job.id, extra={"action": "job_stale"})
        except StorageError:
            # The row says where the job stands; when its lease ends it is picked up again.
            logger.exception("Job %s: no write", self.job.id, extra={"action": "storage_failed"})
        except Exception as error:
            logger.exception("Job %s broke", self.job.id, extra={"action": "job_broke"})
            await self._give_up(error)

    async def _step(self) -> Job:
        """Take one step; a cancel asked before the render began is obeyed first, and is free."""
        if self._cancelled.is_set() and self.job.state is JobState.SUBMITTING:
            return await self._steps.moves.move(self.job, JobState.CANCELLED)
        if self._cancelled.is_set() and self.job.state is JobState.RUNNING:
            await self._catalogue.provider(self.job.backend).cancel(self.job)
            if not self._is_paid():
                return await self._steps.take(self.job.evolve(started_at=None))
        return await self._steps.take(self.job)

    async def _give_up(self, error: Exception) -> None:
        """End a job over an error that nobody foresaw, except where a video might be lost."""
        if not self.may_be_put_back:
            return  # its lease will end, and it is tried again from its written state
        shown = FlipbookError("Flipbook broke while making this video; its operator can see why.")
        shown.__cause__ = error
        self.job = await self._steps.moves.fail(self.job, "internal", shown)

    async def _put_back(self) -> None:
        """Return an unpaid render to the queue because the bot is closing.

        The cancellation may have met a write that went through: the row says where it stands.
        """
        if not self.may_be_put_back:
            return
        try:
            stored = await self._jobs.get(self.job.id)
            if stored.attempt != self.job.attempt:
                return  # it is in other hands
            self.job = stored
            if self.may_be_put_back:
                await self._catalogue.provider(self.job.backend).cancel(self.job)
                self.job = await self._steps.moves.requeue(self.job)
        except FlipbookError:
            logger.exception("Job %s kept", self.job.id, extra={"action": "requeue_failed"})

    async def _keep_lease(self) -> None:
        while True:
            try:
                if await self._jobs.renew(self.job, lease_until=self._clock.now() + LEASE):
                    self._cancelled.set()
            except StaleAttemptError:
                return  # it has just ended, or its next write will find that it moved on
            except StorageError:
                logger.exception("Lease of %s", self.job.id, extra={"action": "lease_failed"})
            await self._clock.sleep(RENEW_S)

    async def _obey(self) -> None:
        """Stop a render when a cancel is asked; one asked earlier is seen by `_step`."""
        await self._cancelled.wait()
        if self.job.state is JobState.RUNNING:
            await self._catalogue.provider(self.job.backend).cancel(self.job)

    def _is_paid(self) -> bool:
        return self._catalogue.provider(self.job.backend).is_paid
