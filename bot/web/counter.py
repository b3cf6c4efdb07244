"""The counter behind both doors: what is done with a request once its protocol is read.

The doors know what ModelsLab and Novita call things; here is only what Flipbook does: queue a job
for a key, once for each idempotency key, and tell how far it is.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.web.problems import Problem, ProblemKind, problem_of
from jobs.errors import NO_SUCH_JOB, FlipbookError, NotFoundError
from jobs.keys import ApiKey
from jobs.model import Address, ApiAddress, Job, JobId, Origin, Progress, Requester, Standing
from jobs.ports import Catalogue, JobStore
from jobs.request import ModelInfo, VideoRequest
from jobs.service import Ask, Service
from jobs.states import JobState

SAME_KEY = "This idempotency key was used for another request; use a new one."

# How long a link works, by protocol: "each link is good for 24 hours" (ModelsLab's temporary
# storage) and `video_url_ttl` "3600" in Novita's task result.
LINK_TTL_S = {"modelslab": 86_400, "novita": 3_600}


class Links(Protocol):
    """What makes signed links to finished files."""

    def url_of(self, job: Job, *, base: str, ttl_s: int) -> str:
        """Return an address that whoever has it may fetch from until it expires."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A job that is queued; `is_new` is False if this very request had arrived before."""

    job: Job
    standing: Standing | None
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How far a job is.

    Attributes:
        job: As it stands now.
        standing: Its place in the queue, while it is open.
        progress: What its backend said last, while it renders.
        url: A signed link to the finished file; None before, and where there is none.
        ttl_s: How long that works.
    """

    job: Job
    standing: Standing | None = None
    progress: Progress | None = None
    url: str | None = None
    ttl_s: int = 0


def ttl_of(job: Job) -> int:
    """Return how many seconds a link to a job's file works: as long as its protocol says."""
    api = job.address.api
    return LINK_TTL_S["novita"] if api is None else LINK_TTL_S[api.protocol]


def finished(job: Job, links: Links, *, base: str = "") -> Look:
    """Return the look at a job that has ended, with the link to its file if it made one.

    Args:
        job: A final one.
        links: Makes the link.
        base: What it begins with; where the job was asked if empty.
    """
    ttl_s, api = ttl_of(job), job.address.api
    if job.artifact is None or job.state is not JobState.DONE:
        return Look(job=job, ttl_s=ttl_s)
    base = base or ("" if api is None else api.base)
    return Look(job=job, url=links.url_of(job, base=base, ttl_s=ttl_s), ttl_s=ttl_s)


class Counter:
    """Takes orders of API keys and tells of them.

    Args:
        service: The one way in.
        jobs: Finds jobs by their ids.
        links: Makes links to finished files.
        progress_of: What a running job's backend said last, from memory.
    """

    def __init__(
        self,
        *,
        service: Service,
        jobs: JobStore,
        links: Links,
        progress_of: Callable[[JobId], Progress | None],
    ) -> None:
        self._service = service
        self._jobs = jobs
        self._links = links
        self._progress_of = progress_of

    async def accept_image(self, content: bytes) -> str:
        """Check and keep an init image; return its id for `VideoRequest.image`.

        Raises:
            Problem: It is no image, or one too large to decode.
        """
        try:
            return await self._service.accept_image(content)
        except FlipbookError as error:
            raise problem_of(error) from error

    async def submit(
        self,
        key: ApiKey,
        request: VideoRequest,
        address: ApiAddress,
        *,
        idempotency_key: str | None = None,
    ) -> Placed:
        """Queue a job for a key.

        Args:
            key: Who asks.
            request: What for, with the protocol's own defaults filled in.
            address: What the answers need.
            idempotency_key: The same one again gives the same job.

        Raises:
            Problem: It cannot be rendered, the key may not have it, or the idempotency key
                stands for another request.
        """
        origin_key = f"{key.id}:{idempotency_key or secrets.token_hex(16)}"
        ask = Ask(
            origin=Origin.API,
            origin_key=origin_key,
            requester=Requester(key_id=key.id),
            address=Address(api=address),
            request=request,
        )
        try:
            placed = await self._place(ask)
        except FlipbookError as error:
            raise problem_of(error) from error
        if not placed.is_new and not _is_same(placed.job, ask):
            raise Problem(ProblemKind.BAD_REQUEST, SAME_KEY, field="Idempotency-Key")
        return placed

    async def _place(self, ask: Ask) -> Placed:
        """Queue a job, unless it was: what is queued is told also when no other would be taken."""
        known = await self._jobs.asked_as(ask.origin, ask.origin_key)
        if known is not None:
            return Placed(job=known, standing=await self._standing(known), is_new=False)
        asked = await self._service.ask(ask)
        return Placed(job=asked.job, standing=asked.standing, is_new=asked.is_new)

    async def _standing(self, job: Job) -> Standing | None:
        return None if job.state.is_final else await self._service.standing(job)

    async def look(self, key: ApiKey, job_id: JobId, *, base: str = "") -> Look:
        """Return how far a job of this key is.

        Args:
            key: Who asks.
            job_id: Which job.
            base: What links begin with, as `Gate.base_of` says; where the job was asked if empty.

        Raises:
            Problem: There is none of that id, or it is another key's.
        """
        try:
            job = await self._jobs.get(job_id)
            if job.requester.key_id != key.id:
                raise NotFoundError(NO_SUCH_JOB)
            if job.state.is_final:
                return finished(job, self._links, base=base)
            standing = await self._standing(job)
        except FlipbookError as error:
            raise problem_of(error) from error
        return Look(job=job, standing=standing, progress=self._progress_of(job.id))

    async def models(self) -> Sequence[ModelInfo]:
        """Return what can be rendered now, each model once, the default first."""
        return known_models(self._service.catalogue)


def known_models(catalogue: Catalogue) -> Sequence[ModelInfo]:
    """Return what all backends can render now, each model once, the default first."""
    found: dict[str, ModelInfo] = {}
    for provider in catalogue.providers():
        for model in provider.models():
            found.setdefault(model.id, model)
    return list(found.values())


def _is_same(job: Job, ask: Ask) -> bool:
    """Say whether a job was asked as it is asked again; where from does not count."""
    first, again = job.address.api, ask.address.api
    if first is None or again is None or job.asked != ask.request:
        return False
    return first.model_copy(update={"base": again.base}) == again
