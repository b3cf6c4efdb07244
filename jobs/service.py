"""What the doors may ask: plan, ask, look, cancel. Discord, HTTP and command line share it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jobs.errors import ClosedError, NotAllowedError, NotFoundError, StorageError
from jobs.estimate import Estimator
from jobs.events import Notices
from jobs.model import Address, Job, JobId, Origin, Requester, Standing
from jobs.ports import ArtifactStore, Catalogue, Clock, JobStore, Media, QuotaStore
from jobs.prices import PriceTable
from jobs.quota import charges_for
from jobs.request import ModelInfo, ResolvedRequest, VideoRequest
from jobs.routing import route
from jobs.states import JobState

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request at one door.

    Attributes:
        origin_key: The same for each time that this very request arrives.
        parent_id: The job that it repeats, if it does.
    """

    origin: Origin
    origin_key: str
    requester: Requester
    address: Address
    request: VideoRequest
    parent_id: JobId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be rendered, by which model, and what would not be honoured.

    Attributes:
        price_micros: The expected price in millionths of `currency`; None if none is known.
    """

    request: ResolvedRequest
    model: ModelInfo
    warnings: tuple[str, ...]
    price_micros: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The queued job; `is_new` is False if this very request had arrived before."""

    job: Job
    is_new: bool
    standing: Standing | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """Where chance comes in: ids of jobs and seeds of videos."""

    job_id: Callable[[], JobId]
    seed: Callable[[], int]


class Service:
    """The one way in."""

    def __init__(  # noqa: PLR0913 - the subject's ports, each once
        self,
        *,
        jobs: JobStore,
        quotas: QuotaStore,
        catalogue: Catalogue,
        artifacts: ArtifactStore,
        media: Media,
        notices: Notices,
        estimator: Estimator,
        clock: Clock,
        draws: Draws,
        prices: PriceTable | None = None,
    ) -> None:
        self.catalogue = catalogue
        self._jobs = jobs
        self._quotas = quotas
        self._artifacts = artifacts
        self._media = media
        self._notices = notices
        self._estimator = estimator
        self._clock = clock
        self._draws = draws
        self._prices = prices or PriceTable()
        self._is_open = True

    def close(self) -> None:
        """Take no more jobs; what is queued stays queued."""
        self._is_open = False

    def plan(self, request: VideoRequest) -> Plan:
        """Resolve a request from memory, without queueing it.

        Raises:
            RequestError: It cannot be rendered as asked.
            ClosedError: The bot is shutting down.
        """
        if not self._is_open:
            raise ClosedError("Flipbook is restarting; ask again in a minute.")
        found = route(request, self.catalogue, draw_seed=self._draws.seed)
        price_micros = self._prices.price_of(found.request)
        return Plan(
            request=found.request,
            model=found.model,
            warnings=found.warnings,
            price_micros=price_micros,
            currency="" if price_micros is None else self._prices.currency,
        )

    async def accept_image(self, content: bytes) -> str:
        """Check and store an init image; return its id for `VideoRequest.image`.

        Raises:
            RequestError: It is no image, or one too large to decode.
        """
        return await self._artifacts.keep_image(await self._media.check_image(content))

    async def ask(self, ask: Ask) -> Asked:
        """Reserve the quota and queue the job, both or neither.

        Raises:
            RequestError: It cannot be rendered as asked.
            QuotaExceededError: The books have no room.
            ClosedError: The bot is shutting down.
            StorageError: Nothing could be written; nothing was reserved.
        """
        plan = self.plan(ask.request)
        now = self._clock.now()
        tier = await self._quotas.tier_of(ask.requester)
        job = Job(
            id=self._draws.job_id(),
            origin=ask.origin,
            origin_key=ask.origin_key,
            requester=ask.requester,
            address=ask.address,
            asked=ask.request,
            request=plan.request,
            warnings=plan.warnings,
            parent_id=ask.parent_id,
            created_at=now,
            estimate_s=await self._estimator.seconds(plan.request),
            price_micros=plan.price_micros,
            currency=plan.currency,
        )
        charges = charges_for(
            ask.requester, plan.request, tier, now, price_micros=plan.price_micros
        )
        job, is_new = await self._jobs.enqueue(job, charges)
        if is_new:
            self._notices.job_queued(job.backend)
        return Asked(job=job, is_new=is_new, standing=await self._standing_if_known(job))

    async def _standing_if_known(self, job: Job) -> Standing | None:
        """Look for the place of a job that is queued already: no error may hide that it is."""
        try:
            return await self.standing(job)
        except StorageError:
            logger.exception("Job %s: no standing", job.id, extra={"action": "standing_failed"})
            return None

    async def standing(self, job: Job) -> Standing:
        """Return a job's place in its queue, or whether its render takes longer than usual."""
        if job.state is JobState.RUNNING:
            return Standing(is_late=await self._estimator.is_late(job, now=self._clock.now()))
        return await self._estimator.standing(job)

    async def info(self, job_id: JobId, *, guild_id: int) -> Job:
        """Return a job of that server.

        Raises:
            NotFoundError: There is none, or it belongs to another server.
        """
        job = await self._jobs.get(job_id)
        if job.requester.guild_id != guild_id:
            raise NotFoundError("There is no such job here.")
        return job

    async def cancel(self, job_id: JobId, *, by: Requester, may_manage: bool) -> Job:
        """Cancel a job: a queued one at once, a running one within a step.

        Raises:
            NotFoundError: There is none of that id in that server.
            NotAllowedError: It is somebody else's, and `by` may not manage it.
        """
        job = await self.info(job_id, guild_id=by.guild_id)
        if job.requester.user_id != by.user_id and not may_manage:
            raise NotAllowedError("Only the one who asked, or a moderator, can cancel this video.")
        job = await self._jobs.request_cancel(
            job_id, now=self._clock.now(), by=f"user:{by.user_id}"
        )
        self._notices.cancel(job_id)
        return job

    async def queue(self, guild_id: int) -> Sequence[Job]:
        """Return a server's open jobs, oldest first."""
        return await self._jobs.list_jobs(guild_id=guild_id, is_open=True, limit=50)

    async def recent(self, requester: Requester, limit: int = 25) -> Sequence[Job]:
        """Return a member's jobs: open ones first, then the newest ended ones."""
        found: list[Job] = []
        for is_open in (True, False):
            found += await self._jobs.list_jobs(
                guild_id=requester.guild_id,
                user_id=requester.user_id,
                is_open=is_open,
                limit=limit,
            )
        return found[:limit]
