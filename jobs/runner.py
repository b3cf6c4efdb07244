"""Moves jobs: claims them by turns, has each worked on, and picks up what a crash left behind.

A slot of a backend is held from the claim until the backend is done; taking the file over
and posting it happen outside, so a slow upload never idles a GPU.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from jobs.board import Board
from jobs.errors import FlipbookError, StorageError
from jobs.estimate import Estimator
from jobs.events import Notices, either
from jobs.mail import Mail
from jobs.model import Job, JobId
from jobs.ports import Catalogue, Clock, JobStore, Provider
from jobs.privacy.housekeeping import Housekeeping
from jobs.recovery import Recovery
from jobs.request import ProviderName
from jobs.states import JobState
from jobs.steps import Steps
from jobs.upkeep import Upkeep
from jobs.work import LEASE, Work

logger = logging.getLogger(__name__)

TEND_S = 15.0  # how often leases and cards are looked after
IDLE_S = 5.0  # how long a claim loop sleeps without a notice; due times need it
REFRESHED_CARDS = 5  # how many waiting cards are told their new place
STALE_CARDS = 20  # how many ended jobs' cards are brought up to date at once
CARD_PAUSE = timedelta(minutes=5)  # before a card that could not be shown is tried again


class Runner:
    """The loops around `Work`; build it, `run` it, `stop` it."""

    def __init__(  # noqa: PLR0913 - the subject's ports, each once
        self,
        *,
        jobs: JobStore,
        catalogue: Catalogue,
        steps: Steps,
        mail: Mail,
        board: Board,
        notices: Notices,
        estimator: Estimator,
        clock: Clock,
        draw_token: Callable[[], str],
        housekeeping: Housekeeping | None = None,
    ) -> None:
        self._jobs = jobs
        self._catalogue = catalogue
        self._steps = steps
        self._mail = mail
        self._board = board
        self._notices = notices
        self._estimator = estimator
        self._clock = clock
        self._draw_token = draw_token
        self._housekeeping = housekeeping
        self._upkeep = Upkeep(jobs=jobs, estimator=estimator, board=board, clock=clock)
        self._recovery = Recovery(jobs=jobs, catalogue=catalogue, steps=steps, clock=clock)
        self._stopping = asyncio.Event()
        self._working: dict[JobId, tuple[Work, asyncio.Task[None]]] = {}
        self._shown_places: dict[JobId, int] = {}
        self._card_due: dict[JobId, datetime] = {}

    def stop(self) -> None:
        """Make `run` claim no more, drain and return."""
        self._stopping.set()

    async def run(self, *, drain_s: float) -> None:
        """Recover what was left behind, then claim and tend until `stop`; drain; return.

        Args:
            drain_s: How long deliveries may still take; renders of our own go back to the
                queue at once, hosted ones go on at their provider and are resumed.

        Raises:
            StorageError: The leases of the last run cannot be ended.
        """
        await self._jobs.abandon_leases()
        async with asyncio.TaskGroup() as group:
            await self._tend(group)
            loops = [
                group.create_task(self._claim_loop(group, provider), name=f"claim {provider.name}")
                for provider in self._catalogue.providers()
            ]
            loops += [
                group.create_task(self._off_loop(name), name=f"off {name}")
                for name in ProviderName
                if name not in self._on()
            ]
            loops.append(group.create_task(self._tend_loop(group), name="tend"))
            loops.append(group.create_task(self._mail_loop(group), name="mail"))
            await self._stopping.wait()
            for loop in loops:
                loop.cancel()
            await self._drain(drain_s)

    async def _drain(self, seconds: float) -> None:
        """Put renders of ours back, let hosted ones go, wait a while for what is being posted."""
        for work, task in list(self._working.values()):
            is_resting = work.job.id in self._steps.moves.resting
            if work.may_be_put_back or work.job.state is JobState.RUNNING or is_resting:
                task.cancel()
        tasks = [task for _, task in self._working.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for task in tasks:
            task.cancel()

    async def _claim_loop(self, group: asyncio.TaskGroup, provider: Provider) -> None:
        slots = asyncio.Semaphore(provider.slots)
        while True:
            await slots.acquire()
            await provider.until_ready()
            job = await self._next_job(provider.name)
            self._start(group, job, slots.release)

    async def _next_job(self, backend: str) -> Job:
        while True:
            claim = asyncio.create_task(self._claim(backend), name=f"one claim {backend}")
            try:
                job = await asyncio.shield(claim)
            except asyncio.CancelledError:
                await self._give_back(claim)
                raise
            if job is not None:
                return job
            await either(self._clock, IDLE_S, self._notices.next_queued(backend))

    async def _claim(self, backend: str) -> Job | None:
        now, token = self._clock.now(), self._draw_token()
        try:
            return await self._jobs.claim(backend, token=token, now=now, lease_until=now + LEASE)
        except Exception:
            logger.exception("Claim at %s failed", backend, extra={"action": "claim_failed"})
            return None

    async def _give_back(self, claim: asyncio.Task[Job | None]) -> None:
        """Undo a claim that a stop came upon: left as it is, it would look like a lost submit."""
        job = await claim
        if job is None:
            return
        try:
            await self._steps.moves.requeue(job)
        except FlipbookError:
            logger.exception("Job %s kept", job.id, extra={"action": "requeue_failed"})

    async def _off_loop(self, backend: str) -> None:
        """Let go what waits for a backend that is off: now, and what a moderator sends there."""
        while True:
            try:
                async for job in self._recovery.of_switched_off(backend):
                    await self._close(job)
            except Exception:
                logger.exception("Queue of %s", backend, extra={"action": "let_go_failed"})
                await self._clock.sleep(TEND_S)
            else:
                await self._notices.next_queued(backend)

    def _start(self, group: asyncio.TaskGroup, job: Job, release: Callable[[], None]) -> None:
        work = Work(
            job,
            release=_Once(release),
            jobs=self._jobs,
            catalogue=self._catalogue,
            steps=self._steps,
            board=self._board,
            notices=self._notices,
            clock=self._clock,
        )
        self._working[job.id] = work, group.create_task(self._see_to(work), name=f"job {job.id}")

    async def _see_to(self, work: Work) -> None:
        """Have one job worked on, and keep its trouble from the others."""
        try:
            await self._close(await work.run())
        except Exception:  # its lease ends, and it is picked up again
            logger.exception("Job %s let go", work.job.id, extra={"action": "job_let_go"})
        finally:
            # A job that went back to the queue may be in other hands by now.
            held, _ = self._working.get(work.job.id, (None, None))
            if held is work:
                del self._working[work.job.id]
                self._notices.unwatch_cancel(work.job.id)
            if work.job.state is JobState.UNCONFIRMED:
                self._notices.letter_arrived()  # perhaps it came while the job was in hand

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
        """Show a card's last state; what cannot be shown or noted now is by a later tending."""
        try:
            if await self._board.show(job):
                self._card_due.pop(job.id, None)
                await self._jobs.mark_card(job)
            else:
                self._card_due[job.id] = self._clock.now() + CARD_PAUSE
        except StorageError:
            logger.exception("Card of job %s", job.id, extra={"action": "storage_failed"})

    async def _mail_loop(self, group: asyncio.TaskGroup) -> None:
        """Look at webhooks as they come; beside the tending, because a backend may be slow."""
        while True:
            self._notices.mail.clear()
            await self._read_mail(group)
            await either(self._clock, TEND_S, self._notices.mail.wait())

    async def _read_mail(self, group: asyncio.TaskGroup) -> None:
        try:
            async for job in self._mail.healed(in_hand=self._working):
                self._start(group, job, _nothing)
                self._board.expect(job.id)
                self._board.tell(job)
        except Exception:
            logger.exception("Mail not read", extra={"action": "mail_failed"})

    async def _tend_loop(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._notices.ended.clear()
            await self._tend(group)
            await either(self._clock, TEND_S, self._notices.ended.wait())

    async def _tend(self, group: asyncio.TaskGroup) -> None:
        try:
            await self._upkeep.recount()
            await self._upkeep.end_overdue()
            await self._recover(group)
            await self._show_ends()
            await self._upkeep.tell_late([work.job for work, _ in self._working.values()])
            await self._refresh_places()
            if self._housekeeping is not None:
                await self._housekeeping.tend()
        except Exception:
            logger.exception("Tending failed", extra={"action": "tend_failed"})

    async def _recover(self, group: asyncio.TaskGroup) -> None:
        async for job in self._recovery.orphans(in_hand=self._working):
            if job.state.is_active:
                self._start(group, job, _nothing)
            else:
                await self._close(job)
        async for job in self._recovery.of_lost():
            await self._close(job)

    async def _show_ends(self) -> None:
        now = self._clock.now()
        stale = await self._jobs.stale_cards(limit=STALE_CARDS + len(self._card_due))
        for job in stale:
            if job.id not in self._working and self._card_due.get(job.id, now) <= now:
                await self._show_end(job)

    async def _refresh_places(self) -> None:
        """Tell the first waiting jobs their new place, if it changed."""
        waiting = await self._jobs.list_jobs(is_open=True, limit=4 * REFRESHED_CARDS)
        queued = [
            job for job in waiting if job.state is JobState.QUEUED and job.backend in self._on()
        ][:REFRESHED_CARDS]
        places: dict[JobId, int] = {}
        for job in queued:
            standing = await self._estimator.standing(job)
            if self._shown_places.get(job.id, standing.ahead) != standing.ahead:
                await self._board.show(job, standing=standing)
            places[job.id] = standing.ahead
        self._shown_places = places

    def _on(self) -> frozenset[str]:
        return frozenset(provider.name for provider in self._catalogue.providers())


class _Once:
    """Calls a function the first time it is called."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._is_called = False

    def __call__(self) -> None:
        if not self._is_called:
            self._is_called = True
            self._function()


def _nothing() -> None:
    """Stand for a slot that was not taken."""
