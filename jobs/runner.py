"""Moves jobs: claims them by turns, works on each, and picks up what a crash left behind.

A slot of a backend is held from the claim until the backend is done; taking the file over
and posting it happen outside, so a slow upload never idles a GPU.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import timedelta

from jobs.board import Board
from jobs.errors import FlipbookError, StaleAttemptError, StorageError
from jobs.estimate import Estimator
from jobs.events import Notices
from jobs.model import Job, JobId
from jobs.ports import Catalogue, Clock, JobStore, Provider
from jobs.states import JobState
from jobs.steps import Steps

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
RENEW_S = 20.0  # a third of the lease: two renewals may fail before it ends
TEND_S = 15.0  # how often leases and cards are looked after
IDLE_S = 5.0  # how long a claim loop sleeps without a notice; due times need it
REFRESHED_CARDS = 5  # how many waiting cards are told their new place
HOLDS_SLOT = frozenset({JobState.SUBMITTING, JobState.RUNNING})
NEEDS_BACKEND = HOLDS_SLOT | {JobState.FETCHING}


class Runner:
    """The loops around `Steps`; build it, `run` it, `stop` it."""

    def __init__(  # noqa: PLR0913 - the subject's ports, each once
        self,
        *,
        jobs: JobStore,
        catalogue: Catalogue,
        steps: Steps,
        board: Board,
        notices: Notices,
        estimator: Estimator,
        clock: Clock,
        draw_token: Callable[[], str],
    ) -> None:
        self._jobs = jobs
        self._catalogue = catalogue
        self._steps = steps
        self._board = board
        self._notices = notices
        self._estimator = estimator
        self._clock = clock
        self._draw_token = draw_token
        self._stopping = asyncio.Event()
        self._working: dict[JobId, asyncio.Task[None]] = {}
        self._states: dict[JobId, JobState] = {}
        self._shown_places: dict[JobId, int] = {}

    @property
    def working(self) -> int:
        """How many jobs are being worked on."""
        return len(self._working)

    def stop(self) -> None:
        """Make `run` claim no more, drain and return."""
        self._stopping.set()

    async def run(self, *, drain_s: float) -> None:
        """Recover what was left behind, then claim and tend until `stop`; drain; return.

        Args:
            drain_s: How long deliveries may still take; renders of our own go back to the
                queue at once, hosted ones go on at their provider and are resumed.
        """
        await self._jobs.abandon_leases()
        async with asyncio.TaskGroup() as group:
            await self._adopt_orphans(group)
            loops = [
                group.create_task(self._claim_loop(group, provider), name=f"claim {provider.name}")
                for provider in self._catalogue.providers()
            ]
            loops.append(group.create_task(self._tend_loop(group), name="tend"))
            await self._stopping.wait()
            for loop in loops:
                loop.cancel()
            await self._drain(drain_s)

    async def _drain(self, seconds: float) -> None:
        for job_id, task in list(self._working.items()):
            if self._states.get(job_id) in HOLDS_SLOT:
                task.cancel()
        if self._working:
            await asyncio.wait(list(self._working.values()), timeout=seconds)
        for task in list(self._working.values()):
            task.cancel()

    async def _claim_loop(self, group: asyncio.TaskGroup, provider: Provider) -> None:
        slots = asyncio.Semaphore(provider.slots)
        while True:
            await slots.acquire()
            job = await self._next_job(provider.name)
            self._start(group, job, _Once(slots.release))

    async def _next_job(self, backend: str) -> Job:
        while True:
            try:
                now = self._clock.now()
                token = self._draw_token()
                job = await self._jobs.claim(backend, token=token, now=now, lease_until=now + LEASE)
            except Exception:
                logger.exception("Claim at %s failed", backend, extra={"action": "claim_failed"})
                job = None
            if job is not None:
                return job
            await self._either(self._notices.next_queued(backend), IDLE_S)

    def _start(self, group: asyncio.TaskGroup, job: Job, release: "_Once") -> None:
        self._states[job.id] = job.state
        self._shown_places.pop(job.id, None)
        task = group.create_task(self._work_safely(job, release), name=f"job {job.id}")
        self._working[job.id] = task

    async def _work_safely(self, job: Job, release: "_Once") -> None:
        """Keep one job's trouble from the others; its lease ends, and it is picked up again."""
        try:
            await self._work(job, release)
        except Exception:
            logger.exception("Job %s let go", job.id, extra={"action": "job_let_go"})

    async def _work(self, job: Job, release: "_Once") -> None:
        """Work on one job to its end, with its lease kept and its card up to date."""
        cancelled = self._notices.watch_cancel(job.id)
        if job.cancel_requested:
            cancelled.set()
        try:
            async with asyncio.TaskGroup() as helpers:
                tasks = [
                    helpers.create_task(self._keep_lease(job, cancelled), name=f"lease {job.id}"),
                    helpers.create_task(self._board.present(job.id), name=f"card {job.id}"),
                    helpers.create_task(self._obey(job, cancelled), name=f"cancel {job.id}"),
                ]
                try:
                    job = await self._advance(job, release, cancelled)
                finally:
                    for task in tasks:
                        task.cancel()
        finally:
            release()
            self._notices.unwatch_cancel(job.id)
            self._working.pop(job.id, None)
            self._states.pop(job.id, None)
        await self._close(job)

    async def _advance(self, job: Job, release: "_Once", cancelled: asyncio.Event) -> Job:
        """Take steps until nobody has to work on the job any more."""
        try:
            while job.state.is_active:
                self._states[job.id] = job.state
                if job.state not in HOLDS_SLOT:
                    release()
                job = await self._step(job, is_cancelled=cancelled.is_set())
        except asyncio.CancelledError:
            await asyncio.shield(self._put_back(job))
            raise
        except StaleAttemptError:
            logger.warning("Job %s moved on elsewhere", job.id, extra={"action": "job_stale"})
        except StorageError:
            # The row says where the job stands; when its lease ends it is picked up again.
            logger.exception("Job %s: cannot write", job.id, extra={"action": "storage_failed"})
        except Exception as error:
            logger.exception("Job %s broke", job.id, extra={"action": "job_broke"})
            return await self._give_up(job, error)
        return job

    async def _step(self, job: Job, *, is_cancelled: bool) -> Job:
        """Take one step; a cancel asked before it began is obeyed first."""
        if is_cancelled and job.state is JobState.SUBMITTING:
            return await self._steps.move(job, JobState.CANCELLED)
        if is_cancelled and job.state is JobState.RUNNING:
            await self._catalogue.provider(job.backend).cancel(job)
        return await self._steps.take(job)

    async def _give_up(self, job: Job, error: Exception) -> Job:
        """End a job over an error that nobody foresaw, except where a video might be lost."""
        if job.state not in NEEDS_BACKEND or self._is_paid(job):
            return job  # its lease will end, and it is tried again from its written state
        shown = FlipbookError("Flipbook broke while making this video; its operator can see why.")
        shown.__cause__ = error
        return await self._steps.fail(job, "internal", shown)

    async def _put_back(self, job: Job) -> None:
        """Return an unpaid render to the queue because the bot is closing."""
        if job.state not in NEEDS_BACKEND or self._is_paid(job):
            return
        try:
            await self._catalogue.provider(job.backend).cancel(job)
            await self._steps.requeue(job)
        except FlipbookError:
            logger.exception("Job %s not put back", job.id, extra={"action": "requeue_failed"})

    async def _keep_lease(self, job: Job, cancelled: asyncio.Event) -> None:
        while True:
            try:
                if await self._jobs.renew(job, lease_until=self._clock.now() + LEASE):
                    cancelled.set()
            except StaleAttemptError:
                return  # it has just ended, or its next write will find that it moved on
            except StorageError:
                logger.exception("Lease of %s", job.id, extra={"action": "lease_failed"})
            await self._clock.sleep(RENEW_S)

    async def _obey(self, job: Job, cancelled: asyncio.Event) -> None:
        """Stop a render when a cancel is asked; one asked earlier is seen by `_advance`."""
        await cancelled.wait()
        if self._states.get(job.id) is JobState.RUNNING:
            await self._catalogue.provider(job.backend).cancel(job)

    async def _close(self, job: Job) -> None:
        """Show where the job ended up, and let the others move on."""
        if job.state.is_final:
            await self._show_end(job)
        elif job.state is JobState.QUEUED:
            self._notices.job_queued(job.backend)
            await self._board.show(job)
        elif job.state is JobState.UNCONFIRMED:
            await self._board.show(job)

    async def _show_end(self, job: Job) -> None:
        """Show a card's last state; what cannot be shown or noted now is by the next tending."""
        try:
            if await self._board.show(job):
                await self._jobs.mark_card(job)
        except StorageError:
            logger.exception("Card of job %s", job.id, extra={"action": "storage_failed"})

    async def _tend_loop(self, group: asyncio.TaskGroup) -> None:
        while True:
            try:
                await self._adopt_orphans(group)
                for job in await self._jobs.stale_cards(limit=20):
                    if job.id not in self._working:
                        await self._show_end(job)
                await self._refresh_places()
            except Exception:
                logger.exception("Tending failed", extra={"action": "tend_failed"})
            self._notices.ended.clear()
            await self._either(self._notices.ended.wait(), TEND_S)

    async def _refresh_places(self) -> None:
        """Tell the first waiting jobs their new place, if it changed."""
        waiting = await self._jobs.list_jobs(is_open=True, limit=4 * REFRESHED_CARDS)
        queued = [job for job in waiting if job.state is JobState.QUEUED]
        for job in queued[:REFRESHED_CARDS]:
            standing = await self._estimator.standing(job)
            if self._shown_places.get(job.id, standing.ahead) != standing.ahead:
                await self._board.show(job, standing=standing)
            self._shown_places[job.id] = standing.ahead

    async def _adopt_orphans(self, group: asyncio.TaskGroup) -> None:
        """Pick up jobs whose holder is gone."""
        for job in await self._jobs.orphans(now=self._clock.now()):
            if job.id in self._working:
                continue
            try:
                await self._resume(group, job)
            except FlipbookError:
                logger.exception("Job %s not resumed", job.id, extra={"action": "resume_failed"})

    async def _resume(self, group: asyncio.TaskGroup, orphan: Job) -> None:
        job = await self._jobs.adopt(orphan, lease_until=self._clock.now() + LEASE)
        logger.info("Job %s found at %s", job.id, job.state, extra={"action": "job_resumed"})
        if job.state in NEEDS_BACKEND and not self._is_paid(job):
            await self._catalogue.provider(job.backend).cancel(job)
            await self._close(await self._steps.requeue(job))
        elif job.state is JobState.SUBMITTING:
            error = FlipbookError("The provider's answer was lost; a moderator has to decide.")
            parked = await self._steps.fail(job, "unconfirmed", error, state=JobState.UNCONFIRMED)
            await self._close(parked)
        else:
            self._start(group, job, _Once(lambda: None))

    def _is_paid(self, job: Job) -> bool:
        return self._catalogue.provider(job.backend).is_paid

    async def _either(self, event: Coroutine[None, None, object], seconds: float) -> None:
        """Wait for an event, but no longer than `seconds` of the injected clock."""
        tasks = [asyncio.create_task(event), asyncio.create_task(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class _Once:
    """Calls a function the first time it is called."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function: Callable[[], None] | None = function

    def __call__(self) -> None:
        function, self._function = self._function, None
        if function is not None:
            function()
