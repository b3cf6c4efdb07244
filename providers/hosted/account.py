"""Every request to a service passes here: rates are kept, and its condition is learned.

What an `Api` raises against its contract ends here too. Towards a submit it counts as a lost
answer, because money may have been spent; towards a look it is one that was not answered.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from jobs.errors import (
    BusyError,
    ProviderError,
    RefusedError,
    RequestError,
    UnavailableError,
    UnconfirmedError,
)
from jobs.events import either
from jobs.ports import Clock
from providers.hosted.api import Accepted, Api, Look, Order, Shelf, Stage
from providers.hosted.condition import Asking, Condition
from providers.hosted.pace import Looks, Pause, SubmitLimit

logger = logging.getLogger(__name__)


class Account:
    """One account at one service, asked within its limits.

    Args:
        api: The service.
        clock: Measures the limits.
        heeds_flags: What its safety checker flags counts as failed.
    """

    def __init__(self, api: Api, *, clock: Clock, heeds_flags: bool = True) -> None:
        self._api = api
        self._clock = clock
        self.heeds_flags = heeds_flags
        self._title = api.name.heading
        self._looks = Looks(clock)
        self._submits = SubmitLimit(clock, per_minute=api.limits.submits_per_minute)
        self.condition = Condition(api.name, clock=clock)

    @property
    def title(self) -> str:
        """Return the service's name as it writes it."""
        return self._title

    async def until_ready(self) -> None:
        """Wait until a submit may be made, and keep room for it.

        One that would be refused may be made at once: it is not sent.
        """
        self._submits.claim()
        while not self.condition.is_out:
            wait_s = max(self._submits.wait_s, self.condition.try_in_s)
            if wait_s <= 0:
                self._submits.promise()
                self.condition.let_one_try()
                return
            await either(self._clock, wait_s, self.condition.changed.wait())

    async def submit(self, order: Order) -> Accepted:
        """Submit, once.

        Raises:
            BusyError: There is no room just now, or the service says so; nothing was taken on.
            UnavailableError: Nothing was sent.
            RefusedError: It said no, or says no to everyone.
            RequestError: The request makes no sense there; nothing was sent.
            UnconfirmedError: It was sent, and what came of it is not known.
        """
        self.condition.begin_submit()
        try:
            if wait_s := self._submits.take():
                raise BusyError(f"{self._title} takes no more just now.", retry_after_s=wait_s)
            with self._learning(Asking.SUBMIT, self._submits.pause):
                accepted = await self._api.submit(order)
                if not accepted.provider_job_id:
                    raise UnconfirmedError(self._lost(Asking.SUBMIT), detail="no id in the answer")
            return accepted
        finally:
            self.condition.end_submit()

    async def look(self, provider_job_id: str, *, endpoint: str, is_patient: bool = True) -> Look:
        """Ask how a job is, when it is one's turn.

        Args:
            provider_job_id: The service's own id of it.
            endpoint: Where it was submitted.
            is_patient: Wait while the service wants quiet, instead of raising `BusyError`.

        Raises:
            UnavailableError: It cannot be asked now, or says "later".
            UnconfirmedError: It gave no answer that can be read.
            RefusedError: It said no.
        """
        if not is_patient and (rest_s := self._looks.pause.rest_s):
            raise BusyError(f"{self._title} wants no questions just now.", retry_after_s=rest_s)
        async with self._looks.turn():
            with self._learning(Asking.LOOK, self._looks.pause):
                look = await self._api.look(provider_job_id, endpoint=endpoint)
        return self._heeded(look)

    async def shelf(self) -> Shelf:
        """Ask what the account can render with.

        Raises:
            UnavailableError: It cannot be asked now, or says "later".
            UnconfirmedError: It gave no answer that can be read.
            RefusedError: It said no.
        """
        with self._learning(Asking.SHELF, None):
            return await self._api.shelf()

    def _heeded(self, look: Look) -> Look:
        """Return a look in which what was flagged has failed, unless flags do not count."""
        if not look.is_flagged or not self.heeds_flags:
            return replace(look, is_flagged=False)
        failure = flagged_sentence(self._title)
        return replace(look, stage=Stage.FAILED, url=None, failure=failure)

    @contextmanager
    def _learning(self, asking: Asking, pause: Pause | None) -> Generator[None]:
        """Learn from what comes of a request."""
        try:
            yield
        except Exception as error:
            if asking is Asking.SUBMIT and isinstance(error, RequestError):
                raise
            if self._is_foreseen(asking, error, pause):
                raise
            raise self._broken(asking, error) from None  # its text may hold what was sent
        else:
            self.condition.succeeded(asking)

    def _is_foreseen(self, asking: Asking, error: Exception, pause: Pause | None) -> bool:
        """Learn from an error of the contract; say whether it is one."""
        match error:
            case BusyError(retry_after_s=retry_after_s):
                self.condition.reached()
                if pause is not None:
                    pause.begin(retry_after_s)
            case RefusedError(refuses_everyone=True):
                self.condition.refused(asking, error)
            case RefusedError():
                self.condition.reached()
            case UnavailableError() | UnconfirmedError():
                self.condition.missed(asking, error)
            case _:
                return False
        return True

    def _broken(self, asking: Asking, error: Exception) -> ProviderError:
        """Turn an error that no `Api` should raise into a lost answer."""
        kind = type(error).__name__
        logger.error(
            "%s: %s broke with %s", self._title, asking, kind, extra={"action": "provider_broke"}
        )
        lost = UnconfirmedError(self._lost(asking), detail=kind)
        self.condition.missed(asking, lost)
        return lost

    def _lost(self, asking: Asking) -> str:
        if asking is Asking.SUBMIT:
            return f"{self._title}'s answer was lost, so it may or may not be making the video."
        return f"{self._title} gave no answer that could be read."


def flagged_sentence(title: str) -> str:
    """Return what a member reads whose video a service flagged."""
    return f"{title}'s safety checker flagged this video, so it is not shown; try other words."
