"""Waits for one job at a service, by looking: rarely, irregularly, and not for ever.

A look that fails says nothing about the job, which is paid for: only an answer ends it.
"""

import math
import random
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from jobs.errors import FlaggedError, ProviderError, RefusedError, RenderFailedError
from jobs.model import Job, Progress
from jobs.ports import Clock
from providers.hosted.account import Account
from providers.hosted.api import Look, Stage
from providers.hosted.pace import Alarm

MIN_FIRST_S, MAX_FIRST_S = 2.0, 60.0  # the first look; ModelsLab's eta runs from 10 to 960
FIRST_GAP_S, GROWTH, LONGEST_GAP_S = 3.0, 1.5, 15.0
LONGEST_SILENT_GAP_S = 60.0  # between looks that are not answered or refused
MIN_GAP_S = 2.0  # between two looks at one job, however many hints come
JITTER = 0.2
LOOKS_PER_S = 10.0  # of all watched jobs together: more jobs are looked at less often
GRACE_S = 60.0  # "done" may come before the video is there, and the job after its submit's answer


class Watch:
    """One job that is waited for.

    Args:
        job: As it was submitted: its id, where, and when.
        account: Asked about it.
        eta_s: What the submit's answer said.
        deadline_s: Counted from the submit.
        crowd: Returns how many jobs are watched at this service.
    """

    def __init__(  # noqa: PLR0913 - each a fact of its own
        self,
        job: Job,
        *,
        account: Account,
        clock: Clock,
        rng: random.Random,
        endpoint: str,
        eta_s: float | None,
        deadline_s: float,
        crowd: Callable[[], int],
    ) -> None:
        self._id = job.provider_job_id or ""
        self._endpoint = endpoint
        self._account = account
        self._clock = clock
        self._rng = rng
        self._crowd = crowd
        self._eta_s = _sane(eta_s)
        self._deadline_s = deadline_s
        self._deadline = (job.started_at or clock.now()) + timedelta(seconds=deadline_s)
        # A silent service gets as long again, also if the bot was off until after the deadline.
        self._silence_ends = max(self._deadline, clock.now()) + timedelta(seconds=deadline_s)
        self._alarm = Alarm(clock)
        self._gap_s = FIRST_GAP_S
        self._unknown_since: datetime | None = None
        self._empty_since: datetime | None = None

    def hint(self) -> None:
        """Look soon; any number of hints until then makes one look."""
        self._alarm.ring()

    async def follow(self) -> AsyncIterator[Progress]:
        """Yield what the service says of its progress, until the video is there.

        Raises:
            RenderFailedError: It failed, or was not done in time.
        """
        if self._eta_s is not None:
            yield Progress(eta_s=self._eta_s)
        first_s = FIRST_GAP_S if self._eta_s is None else self._eta_s
        await self._rest(min(max(first_s, MIN_FIRST_S), MAX_FIRST_S), at_least_s=0.0)
        while True:
            look = await self._look()
            if look is not None:
                if self._is_done(look):
                    return
                if (progress := _progress_of(look)) is not None:
                    yield progress
            await self._rest(self._gap_s, at_least_s=MIN_GAP_S)
            longest = LONGEST_SILENT_GAP_S if look is None else LONGEST_GAP_S
            self._gap_s = min(self._gap_s * GROWTH, longest)

    async def _look(self) -> Look | None:
        """Return what the service says, or None if it says nothing about the job.

        Raises:
            RenderFailedError: It does not know the job, or was silent for too long.
        """
        try:
            look = await self._account.look(self._id, endpoint=self._endpoint)
        except RefusedError as error:
            if error.refuses_everyone:
                self._gap_s = LONGEST_SILENT_GAP_S
            else:
                self._check_unknown(error)
            self._check_silence(error)
            return None
        except ProviderError as error:
            self._check_silence(error)
            return None
        self._unknown_since = None
        return look

    def _is_done(self, look: Look) -> bool:
        """Say whether the video is there.

        Raises:
            RenderFailedError: It will never be.
        """
        match look.stage:
            case Stage.DONE:
                if look.url is None:
                    self._check_empty(look)
                return look.url is not None
            case Stage.FAILED if look.is_flagged:
                raise FlaggedError(look.failure, detail=look.detail)
            case Stage.FAILED:
                failure = look.failure or f"{self._account.title} could not make this video."
                raise RenderFailedError(failure, detail=look.detail)
            case Stage.RUNNING:
                if self._clock.now() >= self._deadline:
                    raise RenderFailedError(
                        f"{self._account.title} did not finish within "
                        f"{round(self._deadline_s / 60)} minutes.",
                        detail=look.detail,
                    )
                return False

    def _check_empty(self, look: Look) -> None:
        now = self._clock.now()
        self._empty_since = self._empty_since or now
        if now >= self._empty_since + timedelta(seconds=GRACE_S):
            raise RenderFailedError(
                f"{self._account.title} says that it is done and has no video.",
                detail=look.detail,
            )

    def _check_unknown(self, error: RefusedError) -> None:
        now = self._clock.now()
        self._unknown_since = self._unknown_since or now
        if now >= self._unknown_since + timedelta(seconds=GRACE_S):
            raise RenderFailedError(error.user_message, detail=error.detail) from error

    def _check_silence(self, error: ProviderError) -> None:
        if self._clock.now() >= self._silence_ends:
            raise RenderFailedError(
                f"{self._account.title} could not be asked about this video for too long.",
                detail=error.detail,
            ) from error

    async def _rest(self, seconds: float, *, at_least_s: float) -> None:
        """Sleep about so long, longer in a crowd, but not past the deadline."""
        fair_s = max(seconds, self._crowd() / LOOKS_PER_S)
        rest_s = fair_s * self._rng.uniform(1 - JITTER, 1 + JITTER)
        left_s = (self._deadline - self._clock.now()).total_seconds()
        if left_s > 0:
            rest_s = min(rest_s, left_s)
        await self._alarm.sleep(max(rest_s, at_least_s), at_least_s=at_least_s)


def _progress_of(look: Look) -> Progress | None:
    """Return only what the service said."""
    fraction, eta_s = _sane(look.fraction), _sane(look.eta_s)
    if fraction is not None:
        return Progress(done=round(100 * min(fraction, 1.0)), total=100, eta_s=eta_s)
    return None if eta_s is None else Progress(eta_s=eta_s)


def _sane(number: float | None) -> float | None:
    """Return a number that is one: JSON's readers take NaN and Infinity, too."""
    return max(number, 0.0) if number is not None and math.isfinite(number) else None
