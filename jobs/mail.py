"""Reads the webhooks that came in: each is a hint, and only the backend's own answer counts.

A letter about a job whose paid submit was never answered heals it, if the backend confirms what
the letter says; one about a running job saves waiting for the next poll. What cannot be asked now
stays unread and is tried again later, also after a restart.
"""

import logging
from collections.abc import AsyncIterator, Container
from dataclasses import dataclass
from datetime import UTC, datetime

from jobs.errors import ProviderError, RequestError, StaleAttemptError
from jobs.model import Job, JobId, Letter, Submission
from jobs.ports import Catalogue, Clock, Inbox, JobStore
from jobs.retry import retry_delay
from jobs.states import JobState
from jobs.steps import Steps
from jobs.work import LEASE

logger = logging.getLogger(__name__)

BATCH = 50  # letters that are looked at in one go


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pause:
    """How often a letter's backend could not be asked, and when it is asked again."""

    tries: int
    until: datetime


_FRESH = _Pause(tries=0, until=datetime.min.replace(tzinfo=UTC))


class Mail:
    """Opens the letters of the inbox."""

    def __init__(
        self, *, inbox: Inbox, jobs: JobStore, catalogue: Catalogue, steps: Steps, clock: Clock
    ) -> None:
        self._inbox = inbox
        self._jobs = jobs
        self._catalogue = catalogue
        self._steps = steps
        self._clock = clock
        self._pauses: dict[int, _Pause] = {}  # of letters that stayed unread, by number

    async def healed(self, *, in_hand: Container[JobId]) -> AsyncIterator[Job]:
        """Look at every letter that is due, and yield the jobs that can go on now.

        Args:
            in_hand: Jobs that somebody holds or is just putting down; those are not healed.

        Raises:
            StorageError: The inbox or the table of jobs cannot be read or written.
        """
        silent: set[str] = set()  # backends that could not be asked this time
        for letter in await self._due():
            if letter.provider in silent:
                self._leave(letter)
                continue
            try:
                job = await self._open(letter, in_hand)
            except (ProviderError, RequestError) as error:
                silent.add(letter.provider)
                self._put_off(letter, error)
            else:
                if job is not None:
                    yield job

    async def _due(self) -> list[Letter]:
        unread = await self._inbox.unread(limit=BATCH + len(self._pauses))
        known = {letter.number for letter in unread}
        self._pauses = {n: pause for n, pause in self._pauses.items() if n in known}
        now = self._clock.now()
        due = [one for one in unread if self._pause_of(one).until <= now]
        # Those that failed least first: what can never be asked about holds up nothing new.
        return sorted(due, key=lambda one: (self._pause_of(one).tries, one.number))

    def _pause_of(self, letter: Letter) -> _Pause:
        return self._pauses.get(letter.number, _FRESH)

    async def _open(self, letter: Letter, in_hand: Container[JobId]) -> Job | None:
        """Do what a letter asks for, and return its job if that was healed."""
        job = await self._jobs.get(letter.job_id)
        match job.state:
            case _ if job.attempt_token != letter.token:
                await self._look_back(job, letter)
            case JobState.SUBMITTING:
                self._leave(letter)  # the answer of the submit itself may still come
            case JobState.UNCONFIRMED if job.id in in_hand:
                self._leave(letter)
            case JobState.UNCONFIRMED:
                return await self._heal(job, letter)
            case JobState.RUNNING:
                self._catalogue.provider(letter.provider).look_now(job)
                await self._put_away(letter)
            case _ if job.provider_job_id is None:
                await self._look_back(job, letter)
            case _:
                await self._put_away(letter)
        return None

    async def _heal(self, job: Job, letter: Letter) -> Job | None:
        """Let a parked job go on, if the backend confirms that it took it."""
        found = await self._confirmed(job, letter)
        if found is None:
            logger.warning(
                "Job %s: a webhook proved nothing", job.id, extra={"action": "webhook_unproven"}
            )
            await self._put_away(letter)
            return None
        try:
            lease_until = self._clock.now() + LEASE
            healed = await self._steps.heal(job, found, lease_until=lease_until)
        except StaleAttemptError:
            self._leave(letter)  # somebody decided meanwhile; next time that counts
            return None
        await self._put_away(letter)
        return healed

    async def _look_back(self, job: Job, letter: Letter) -> None:
        """Find out whether a submit that was given up did arrive: its operator pays for it."""
        then = job.evolve(attempt_token=letter.token, provider_job_id=None, endpoint=None)
        found = await self._confirmed(then, letter)
        if found is not None:
            logger.warning(
                "Job %s: a submit that was given up did arrive; %s made it as %s and bills it",
                job.id,
                letter.provider,
                found.provider_job_id,
                extra={"action": "late_submit", "provider_job_id": found.provider_job_id},
            )
        await self._put_away(letter)

    async def _confirmed(self, job: Job, letter: Letter) -> Submission | None:
        """Ask the backend; what it made for another job of ours proves nothing about this one."""
        found = await self._catalogue.provider(letter.provider).heal(job, letter)
        if found is None:
            return None
        known = await self._jobs.made_as(letter.provider, found.provider_job_id)
        return found if known is None else None

    async def _put_away(self, letter: Letter) -> None:
        await self._inbox.mark_read(letter, now=self._clock.now())
        self._pauses.pop(letter.number, None)

    def _leave(self, letter: Letter) -> None:
        """Leave a letter unread until the next time."""
        self._pauses.setdefault(letter.number, _FRESH)

    def _put_off(self, letter: Letter, error: ProviderError | RequestError) -> None:
        """Leave a letter unread for a while, twice as long each time."""
        tries = self._pause_of(letter).tries + 1
        after_s = getattr(error, "retry_after_s", None)
        until = self._clock.now() + retry_delay(tries, after_s)
        self._pauses[letter.number] = _Pause(tries=tries, until=until)
        logger.info(
            "A webhook about job %s waits, %s cannot be asked now: %s",
            letter.job_id,
            letter.provider,
            error,
            extra={"action": "webhook_waits"},
        )
