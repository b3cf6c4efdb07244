"""How moderators decide about prompts that a rule held: they go on, or they end.

A held job waits outside the queue with its reservation open. Each decision is one write that finds
it still held, so of two moderators who press at once one is first, and the other is told so.
"""

from collections.abc import Sequence
from datetime import timedelta

from jobs.errors import NotAllowedError
from jobs.events import Notices
from jobs.model import Failure, Job, JobId, Requester
from jobs.moderation.acts import Act, ActKind, why
from jobs.moderation.blocking import Blocking
from jobs.ports import Clock, JobStore

HELD_FOR = timedelta(days=1)
LISTED = 25

REFUSED = Failure(code="refused_in_review", message="A moderator refused this prompt.")
UNREVIEWED = Failure(
    code="unreviewed", message="No moderator looked at this prompt within a day; ask again."
)


class Reviews:
    """The moderators' way to what is held; every call is held to their server."""

    def __init__(
        self, *, jobs: JobStore, blocking: Blocking, notices: Notices, clock: Clock
    ) -> None:
        self._jobs = jobs
        self._blocking = blocking
        self._notices = notices
        self._clock = clock

    async def held(self, guild_id: int) -> Sequence[Job]:
        """Return a server's jobs that wait for a moderator, oldest first."""
        return await self._jobs.held(guild_id, limit=LISTED)

    async def approve(self, job_id: JobId, *, by: Requester) -> Job:
        """Let a held job into the queue, at the place of its arrival.

        Raises:
            NotFoundError: There is none of that id in that server.
            NotAllowedError: It is not held, or no longer.
        """
        act = self._act(ActKind.REVIEW_APPROVE, job_id, by, "")
        job = await self._jobs.decide_held(job_id, failure=None, now=act.at, act=act)
        self._notices.job_queued(job.backend)
        self._notices.news_added()
        return job

    async def refuse(self, job_id: JobId, *, by: Requester, reason: str = "") -> Job:
        """End a held job; it costs its member nothing.

        Raises:
            NotFoundError: There is none of that id in that server.
            NotAllowedError: It is not held, or no longer.
        """
        act = self._act(ActKind.REVIEW_REFUSE, job_id, by, reason)
        job = await self._jobs.decide_held(job_id, failure=REFUSED, now=act.at, act=act)
        self._notices.job_ended()
        self._notices.news_added()
        return job

    async def block(self, job_id: JobId, *, by: Requester) -> Job:
        """End a held job and keep its member from asking until somebody lets them in again.

        Raises:
            NotFoundError: There is none of that id in that server.
            NotAllowedError: It is not held, or no longer, or it is the moderator's own.
        """
        job = await self._jobs.get(job_id)
        if job.requester.user_id == by.user_id:
            raise NotAllowedError("You cannot block yourself.")
        job = await self.refuse(job_id, by=by)
        reason = f"The prompt of job {job_id} was refused."
        await self._blocking.add(job.requester.user_id, by=by, reason=reason)
        return job

    def _act(self, kind: ActKind, job_id: JobId, by: Requester, reason: str) -> Act:
        return Act(
            guild_id=by.guild_id,
            actor_id=by.user_id,
            kind=kind,
            target=f"job:{job_id}",
            at=self._clock.now(),
            reason=why(reason),
        )
