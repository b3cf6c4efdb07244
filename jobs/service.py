"""What the doors may ask: plan, ask, look, cancel. Discord, HTTP and command line share it."""

import logging
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from jobs.errors import (
    NO_SUCH_JOB,
    ClosedError,
    NotAllowedError,
    NotFoundError,
    PolicyError,
    StorageError,
)
from jobs.estimate import Estimator
from jobs.events import Notices
from jobs.model import Address, Job, JobId, Origin, Requester, Standing
from jobs.moderation.acts import Act
from jobs.moderation.appeals import Appeals
from jobs.moderation.clearing import cancel_act
from jobs.moderation.guilds import GuildSettings
from jobs.moderation.policies import NONE_LIFTED, Policies, Verdict
from jobs.moderation.policy import Action
from jobs.moderation.preferences import Preferred, check_age, with_defaults
from jobs.moderation.review import HELD_FOR
from jobs.ports import ArtifactStore, Catalogue, Clock, JobStore, Media, QuotaStore
from jobs.prices import PriceTable
from jobs.prompts import write_prompt
from jobs.quota.tiers import UNLIMITED, Tier
from jobs.request import ModelInfo, ResolvedRequest, VideoRequest
from jobs.routing import route
from jobs.states import JobState
from jobs.text import safe

logger = logging.getLogger(__name__)

MAX_NEWS_PROMPT = 600  # characters of a prompt in a log channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request at one door.

    Attributes:
        origin_key: The same for each time that this very request arrives.
        parent_id: The job that it repeats, if it does.
        settings: Those of the server, if it is one's: what it prefers where the request is open.
        is_adult_place: It is asked in an age-restricted channel.
    """

    origin: Origin
    origin_key: str
    requester: Requester
    address: Address
    request: VideoRequest
    parent_id: JobId | None = None
    settings: GuildSettings | None = None
    is_adult_place: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be rendered, by which model, and what would not be honoured.

    Attributes:
        price_micros: The expected price in millionths of `currency`; None if none is known.
        verdict: What of its prompts a moderator should know of, or look at first.
    """

    request: ResolvedRequest
    model: ModelInfo
    warnings: tuple[str, ...]
    price_micros: int | None = None
    currency: str = ""
    verdict: Verdict | None = None


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
        policies: Policies | None = None,
        appeals: Appeals | None = None,
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
        self._policies = policies or Policies()
        self._appeals = appeals
        self._is_open = True

    def close(self) -> None:
        """Take no more jobs; what is queued stays queued."""
        self._is_open = False

    def plan(
        self,
        request: VideoRequest,
        tier: Tier = UNLIMITED,
        settings: GuildSettings | None = None,
        *,
        is_adult_place: bool = False,
        lifted: AbstractSet[str] = NONE_LIFTED,
    ) -> Plan:
        """Resolve a request from memory, and judge its prompts, without queueing it.

        Args:
            request: As it was asked.
            tier: The member's; what is left open falls on what it allows.
            settings: Their server's, with what it prefers where the request is open.
            is_adult_place: It is asked in an age-restricted channel.
            lifted: The names of the server's rules that an accepted appeal put aside.

        Raises:
            RequestError: It cannot be rendered as asked.
            PolicyError: Its prompt is refused.
            NotAllowedError: Its model is only for age-restricted channels.
            ClosedError: The bot is shutting down.
        """
        if not self._is_open:
            raise ClosedError("Flipbook is restarting; ask again in a minute.")
        verdict = self._policies.judge_request(
            request,
            0 if settings is None else settings.guild_id,
            is_adult_place=is_adult_place,
            lifted=lifted,
        )
        preferred = Preferred(request=request)
        if settings is not None:
            preferred = with_defaults(
                request, settings, self.catalogue, tier, is_adult_place=is_adult_place
            )
        found = route(preferred.request, self.catalogue, draw_seed=self._draws.seed, tier=tier)
        check_age(found.model, is_adult_place=is_adult_place)
        price_micros = self._prices.price_of(found.request)
        return Plan(
            request=found.request,
            model=found.model,
            warnings=(*preferred.warnings, *found.warnings),
            price_micros=price_micros,
            currency="" if price_micros is None else self._prices.currency,
            verdict=verdict,
        )

    async def check(
        self,
        request: VideoRequest,
        tier: Tier = UNLIMITED,
        settings: GuildSettings | None = None,
        *,
        by: Requester,
        is_adult_place: bool = False,
    ) -> Plan:
        """Plan a member's request: a prompt whose appeal was accepted passes.

        Raises:
            RequestError: It cannot be rendered as asked.
            PolicyError: Its prompt is refused.
            NotAllowedError: Its model is only for age-restricted channels.
            ClosedError: The bot is shutting down.
        """
        try:
            return self.plan(request, tier, settings, is_adult_place=is_adult_place)
        except PolicyError as error:
            if self._appeals is None or not error.rules:
                raise
            lifted = await self._appeals.lifted(request, by=by)
            if not set(error.rules) <= lifted:
                raise
        return self.plan(request, tier, settings, is_adult_place=is_adult_place, lifted=lifted)

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
            NotAllowedError: The member is blocked, or may not ask for this.
            PolicyError: Its prompt is refused.
            QuotaExceededError: The books have no room.
            ClosedError: The bot is shutting down.
            StorageError: Nothing could be written; nothing was reserved.
        """
        now = self._clock.now()
        tier = await self._tier_of(ask, now=now)
        is_adult_place = self._is_adult_place(ask)
        plan = await self.check(
            ask.request, tier, ask.settings, by=ask.requester, is_adult_place=is_adult_place
        )
        estimate_s = await self._estimator.seconds(plan.request)
        job = held(self._job(ask, plan, now=now, estimate_s=estimate_s), plan)
        job, is_new = await self._jobs.enqueue(job, news=news_of(job, plan))
        if is_new:
            self._notices.job_queued(job.backend)
            self._notices.news_added()  # perhaps the server's budget is nearly used now
        return Asked(job=job, is_new=is_new, standing=await self._standing_if_known(job))

    def _job(self, ask: Ask, plan: Plan, *, now: datetime, estimate_s: float | None) -> Job:
        return Job(
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
            estimate_s=estimate_s,
            price_micros=plan.price_micros,
            currency=plan.currency,
        )

    def _is_adult_place(self, ask: Ask) -> bool:
        """Say whether only adults see what comes of it, or the operator alone."""
        match ask.origin:
            case Origin.DISCORD:
                return ask.is_adult_place
            case Origin.API:
                return self._policies.base.api_is_age_restricted
            case Origin.CLI:
                return True

    async def _tier_of(self, ask: Ask, *, now: datetime) -> Tier:
        """Return what routes the request; what counts is looked up once more with the job."""
        if ask.origin is Origin.CLI:
            return UNLIMITED
        return (await self._quotas.terms_of(ask.requester, now=now)).tier

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
            NotFoundError: There is none, or it belongs to another server, or to none.
        """
        job = await self._jobs.get(job_id)
        if not guild_id or job.requester.guild_id != guild_id:
            raise NotFoundError(NO_SUCH_JOB)
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
            job_id, now=self._clock.now(), by=f"user:{by.user_id}", act=self._act_of(job, by)
        )
        self._notices.cancel(job_id)
        self._notices.news_added()
        return job

    def _act_of(self, job: Job, by: Requester) -> Act | None:
        """Return what to write into the audit; that members cancel their own is not for it."""
        if job.requester.user_id == by.user_id:
            return None
        return cancel_act(f"job:{job.id}", by, at=self._clock.now())

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


def held(job: Job, plan: Plan) -> Job:
    """Return a job as it enters: outside the queue, if a moderator should look at it first."""
    if plan.verdict is None or plan.verdict.action is not Action.HOLD:
        return job
    return job.evolve(held_until=job.created_at + HELD_FOR, held_for=plan.verdict.for_moderators)


def news_of(job: Job, plan: Plan) -> str:
    """Return what the log channel is told of a job's prompts; nothing if no rule fired."""
    if plan.verdict is None:
        return ""
    prompt = safe(write_prompt(job.asked.segments), MAX_NEWS_PROMPT)
    what = "waits for you" if job.is_held else "was flagged, and goes on"
    whose = f"A prompt of <@{job.requester.user_id}> {what} (job `{job.id}`)"
    return f"{whose}: {prompt}\n-# {plan.verdict.for_moderators}"
