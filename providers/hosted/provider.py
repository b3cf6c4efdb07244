"""A paid service as a backend: submit once, look until it is done, take the file, heal.

It holds nothing that matters: what must survive a restart stands on the job's row, and a job
is looked at where it was submitted, whatever the settings say by then.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from jobs.errors import (
    FlaggedError,
    ProviderError,
    RefusedError,
    RenderFailedError,
    UnavailableError,
)
from jobs.events import either
from jobs.model import Health, Job, JobId, Letter, Progress, Submission
from jobs.ports import Clock, Rendering
from jobs.request import ModelInfo, ProviderName, ResolvedRequest
from providers.hosted.account import Account, flagged_sentence
from providers.hosted.api import Api, Order, Shelf
from providers.hosted.videos import Files, Videos
from providers.hosted.watch import Watch

logger = logging.getLogger(__name__)

START_S = 10.0  # how long a start waits for the list of models
FRESH_S = 600.0  # how old that list gets
FIRST_AGAIN_S = 5.0  # after a list that could not be had; doubling
FLAG = "flagged"  # among what a job really used: by the service's safety checker
LONGEST_AGAIN_S = 60.0  # while the service is lost: the list is also how it is found again


class HostedProvider:
    """The `Provider` of one account at a paid service; open it with `async with`.

    Args:
        api: What the service brings of its own.
        http: Fetches finished videos.
        clock: Measures limits, deadlines and the age of the list of models.
        public_url: Where the service can reach our webhooks, without a slash at its end, or
            None if it cannot.
        rng: Keeps looks from falling into step.
        heeds_flags: What the service's safety checker flags is not posted.
    """

    def __init__(
        self,
        api: Api,
        *,
        http: Files,
        clock: Clock,
        public_url: str | None,
        rng: random.Random,
        heeds_flags: bool = True,
    ) -> None:
        self._api = api
        self._clock = clock
        self._public_url = public_url
        self._rng = rng
        self._account = Account(api, clock=clock, heeds_flags=heeds_flags)
        self._videos = Videos(account=self._account, http=http, clock=clock)
        self._shelf = Shelf()
        self._failed_lists = 0
        self._was_asked = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._watches: dict[JobId, Watch] = {}
        self._etas_s: dict[JobId, float] = {}

    async def __aenter__(self) -> Self:
        """Ask for the models; a service that does not answer does not stop the start."""
        self._keeper = asyncio.create_task(self._keep_shelf(), name=f"models {self.name}")
        try:
            await either(self._clock, START_S, self._was_asked.wait())
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    @property
    def name(self) -> ProviderName:
        """Return its name."""
        return self._api.name

    @property
    def is_paid(self) -> bool:
        """A submit costs money."""
        return True

    @property
    def slots(self) -> int:
        """Return how many jobs the service holds for this account at once."""
        return self._api.limits.in_flight

    @property
    def health(self) -> Health:
        """Return how the service was when it was last asked."""
        return self._account.condition.health

    async def until_ready(self) -> None:
        """Wait until a submit may be made; one that would be refused may be made at once."""
        await self._account.until_ready()

    def models(self) -> Sequence[ModelInfo]:
        """Return the models that the service listed last."""
        return self._shelf.models

    def faults(self) -> Mapping[str, str]:
        """Return nothing: a service lists what works."""
        return {}

    async def try_out(self) -> str:
        """Ask for the models, which is free and proves the key.

        Raises:
            ProviderError: It cannot be asked, or refuses.
        """
        self._shelf = await self._account.shelf()
        count = len(self._shelf.models)
        return f"{count} model{'' if count == 1 else 's'} at {self._api.endpoint}"

    def loras(self) -> Sequence[str]:
        """Return the LoRAs that the service listed last."""
        return self._shelf.loras

    def embeddings(self) -> Sequence[str]:
        """Return the textual inversions that the service listed last."""
        return self._shelf.embeddings

    def check(self, request: ResolvedRequest) -> Sequence[str]:
        """Return a sentence for each option that the service cannot honour.

        Raises:
            RequestError: An option makes no sense there at all.
        """
        return self._api.check(request)

    async def submit(self, job: Job, *, token: str, image: Path | None) -> Submission:
        """Submit, once; an init image stays here, as the job's warnings say.

        Raises:
            BusyError: It takes nothing on just now.
            UnavailableError: Nothing was sent.
            RefusedError: It said no.
            RequestError: The request makes no sense there.
            UnconfirmedError: It was sent and the answer was lost.
        """
        del image
        hook_url = f"{self._public_url}/hooks/{self.name}/{token}" if self._public_url else None
        order = Order(request=job.request, token=token, hook_url=hook_url)
        accepted = await self._account.submit(order)
        if accepted.eta_s is not None:
            self._etas_s[job.id] = accepted.eta_s
        return Submission(
            provider_job_id=accepted.provider_job_id,
            endpoint=self._api.endpoint,
            sent=accepted.sent,
            # Written on the job: the looks that follow need not repeat it.
            effective={**accepted.effective, **({FLAG: True} if accepted.is_flagged else {})},
        )

    async def heal(self, job: Job, letter: Letter) -> Submission | None:
        """Look for the job that a webhook names, with our own key.

        Any answer about it proves that the lost submit arrived. Where it was submitted is only
        known if the settings are still those of then.

        Raises:
            ProviderError: The service cannot be asked now.
        """
        provider_job_id = self._api.named_in(letter.body)
        if provider_job_id is None:
            return None
        endpoint = job.endpoint or self._api.endpoint
        try:
            look = await self._account.look(provider_job_id, endpoint=endpoint, is_patient=False)
        except RefusedError as error:
            if error.refuses_everyone:
                raise UnavailableError(error.user_message, detail=error.detail) from error
            return None
        return Submission(
            provider_job_id=provider_job_id, endpoint=endpoint, sent={}, effective=look.effective
        )

    def look_now(self, job: Job) -> None:
        """Look at a watched job soon; many hints make one look, at most one in two seconds."""
        if (watch := self._watches.get(job.id)) is not None:
            watch.hint()

    async def watch(self, job: Job) -> AsyncIterator[Progress]:
        """Yield what the service says of its progress until the video is there.

        Raises:
            RenderFailedError: It failed, or was not done in time.
            FlaggedError: The service's safety checker flagged it.
        """
        self._check_flag(job)
        watch = Watch(
            job,
            account=self._account,
            clock=self._clock,
            rng=self._rng,
            endpoint=self._endpoint_of(job),
            eta_s=self._etas_s.pop(job.id, None),
            deadline_s=self._api.limits.deadline_s,
            crowd=lambda: len(self._watches),
        )
        self._watches[job.id] = watch
        try:
            async for progress in watch.follow():
                yield progress
        finally:
            if self._watches.get(job.id) is watch:
                del self._watches[job.id]

    @asynccontextmanager
    async def fetch(self, job: Job) -> AsyncGenerator[Rendering]:
        """Open the finished video.

        Raises:
            UnavailableError: It cannot be had now; later it may.
            UnconfirmedError: As before.
            RenderFailedError: The service has it no more.
            MediaError: What lies there is no video of ours.
        """
        if job.provider_job_id is None:
            raise RenderFailedError("There is no video, because the job was never accepted.")
        endpoint = self._endpoint_of(job)
        async with self._videos.open(job.provider_job_id, endpoint=endpoint) as (look, chunks):
            yield Rendering(
                chunks=chunks,
                effective=look.effective,
                versions={self.name.value: endpoint},
            )

    async def cancel(self, job: Job) -> None:
        """Do nothing: neither service can stop what it has begun, and it is paid for."""
        del job

    def _check_flag(self, job: Job) -> None:
        """Refuse what was flagged with the answer to its submit already.

        Raises:
            FlaggedError: It was.
        """
        if self._account.heeds_flags and job.receipt and job.receipt.effective.get(FLAG) is True:
            raise FlaggedError(flagged_sentence(self._account.title))

    def _endpoint_of(self, job: Job) -> str:
        return job.endpoint or self._api.endpoint

    async def _keep_shelf(self) -> None:
        """Ask for the models from time to time, and whenever the service seems to have changed.

        That also finds a service that was lost, and tells why one refuses.
        """
        while True:
            await self._refresh()
            changed = self._account.condition.changed
            self._was_asked.set()
            await either(self._clock, self._refresh_in_s(), changed.wait())

    async def _refresh(self) -> None:
        """Bring the list of models up to date, or keep the last one."""
        try:
            self._shelf = await self._account.shelf()
        except ProviderError as error:
            self._failed_lists += 1
            logger.log(
                logging.WARNING if self._failed_lists == 1 else logging.DEBUG,
                "No list of models from %s: %s %s",
                self._account.title,
                error,
                error.detail,
                extra={"action": "models_not_listed", "provider": self.name},
            )
        else:
            self._failed_lists = 0

    def _refresh_in_s(self) -> float:
        if not self._failed_lists or self._account.condition.is_out:
            return FRESH_S
        longest = FRESH_S if self._account.condition.is_ok else LONGEST_AGAIN_S
        return min(longest, FIRST_AGAIN_S * 2 ** min(self._failed_lists - 1, 10))

    async def _close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
