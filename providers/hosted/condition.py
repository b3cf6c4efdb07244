"""Knows how a service is, from what came of each request, and tells the operator once.

    OK ──── no answer ────▶ LOST ──── any answer ────▶ OK
    OK or LOST ── refuses everyone ──▶ OUT ── what was refused succeeds, or a submit ──▶ OK

A service that is lost is tried by one submit at a time, at growing distances. One that is out
is left alone for ten minutes; then one submit may try it. Its models are asked for at once, which
is free: with a bad key that is refused too, and is what is well again first; with an empty balance
it is not, and proves nothing.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from enum import StrEnum

from jobs.errors import ProviderError, RefusedError, UnavailableError
from jobs.model import Health, HealthState
from jobs.ports import Clock
from jobs.request import ProviderName

logger = logging.getLogger(__name__)

FIRST_TRY_S, LONGEST_TRY_S = 5.0, 60.0  # between two tries of a service that is lost
OUT_S = 600.0  # before one that refuses everyone is tried again
MISSES = 3  # looks without an answer, one after the other, before a service counts as lost


class Asking(StrEnum):
    """What was asked of the service; only a submit can cost money."""

    SUBMIT = "submit"
    LOOK = "look"
    SHELF = "models"


class Condition:
    """How one account at one service is."""

    def __init__(self, name: ProviderName, *, clock: Clock) -> None:
        self._name = name
        self._title = name.heading
        self._out_reason = f"{self._title} refuses Flipbook just now; its operator has been told."
        self._clock = clock
        self._state = HealthState.OK
        self._misses = 0
        self._tries = 0
        self._try_at = clock.now()
        self._lost_at: datetime | None = None
        self._is_on_trial = False
        self._refused: set[Asking] = set()
        self.changed = asyncio.Event()  # set at the next change, and another one then

    @property
    def health(self) -> Health:
        """Return it as the port says it; one that is out and may be tried counts as lost."""
        match self._state:
            case HealthState.OUT if self.try_in_s > 0:
                return Health(state=HealthState.OUT, reason=self._out_reason)
            case HealthState.OUT:
                return Health(
                    state=HealthState.LOST,
                    reason=f"{self._title} refused Flipbook a while ago and is being tried again.",
                )
            case HealthState.LOST:
                reason = f"{self._title} cannot be reached just now."
                return Health(state=HealthState.LOST, reason=reason, lost_at=self._lost_at)
            case _:
                return Health()

    @property
    def is_ok(self) -> bool:
        """The last requests were answered, and nobody is refused."""
        return self._state is HealthState.OK

    @property
    def is_out(self) -> bool:
        """It refuses everyone; nothing but a trial is worth sending."""
        return self._state is HealthState.OUT

    @property
    def try_in_s(self) -> float:
        """Return how long nothing is worth a try, in seconds."""
        if self._state is HealthState.OK:
            return 0.0
        return max(0.0, (self._try_at - self._clock.now()).total_seconds())

    def let_one_try(self) -> None:
        """Let one submit go to a service that is lost; the next one has to wait longer."""
        if self._state is HealthState.LOST:
            self._tries += 1
            self._try_later()

    def begin_submit(self) -> None:
        """Allow a submit.

        Raises:
            RefusedError: It would be refused; nothing was sent.
        """
        if self._state is not HealthState.OUT:
            return
        if self._is_on_trial or self.try_in_s > 0:
            raise RefusedError(
                self._out_reason,
                refuses_everyone=True,
                detail="not sent: an earlier request was refused",
            )
        self._is_on_trial = True

    def end_submit(self) -> None:
        """Note that a submit is over, whatever came of it."""
        self._is_on_trial = False

    def reached(self) -> None:
        """Note that it answered, whatever it said."""
        self._misses = 0
        if self._state is HealthState.LOST:
            self._come_back()

    def succeeded(self, asking: Asking) -> None:
        """Note that it did what it was asked; if it had refused just that, it is well again."""
        self.reached()
        if self._state is HealthState.OUT and asking in {Asking.SUBMIT, *self._refused}:
            self._come_back()

    def missed(self, asking: Asking, error: ProviderError) -> None:
        """Note that no answer came.

        A submit is sure proof, for the next one may cost money in vain; so is a list of models
        that could not even be asked for. A look may be lost now and then.
        """
        self._misses += 1
        is_sure = asking is Asking.SUBMIT or (
            asking is Asking.SHELF and isinstance(error, UnavailableError)
        )
        if self._state is HealthState.LOST and asking is Asking.SUBMIT:
            self._try_later()
        elif self._state is HealthState.OK and (is_sure or self._misses >= MISSES):
            self._tries = 0
            self._try_later()
            self._become(HealthState.LOST)
            self._log(logging.WARNING, "cannot be reached", error)

    def refused(self, asking: Asking, error: RefusedError) -> None:
        """Note that it refuses everyone."""
        self._misses = 0
        is_news = self._state is not HealthState.OUT
        self._refused = {asking} if is_news else {asking, *self._refused}
        self._try_at = self._clock.now() + timedelta(seconds=OUT_S)
        if is_news:
            self._become(HealthState.OUT)
            self._log(logging.ERROR, "refuses everyone", error)

    def _come_back(self) -> None:
        self._become(HealthState.OK)
        logger.info(
            "%s is back", self._title, extra={"action": "provider_back", "provider": self._name}
        )

    def _become(self, state: HealthState) -> None:
        self._state = state
        self._lost_at = self._clock.now() if state is HealthState.LOST else None
        self.changed.set()
        self.changed = asyncio.Event()

    def _try_later(self) -> None:
        delay_s = min(LONGEST_TRY_S, FIRST_TRY_S * 2**self._tries)
        self._try_at = self._clock.now() + timedelta(seconds=delay_s)

    def _log(self, level: int, what: str, error: ProviderError) -> None:
        logger.log(
            level,
            "%s %s: %s %s",
            self._title,
            what,
            error,
            error.detail,
            extra={"action": f"provider_{self._state}", "provider": self._name},
        )
