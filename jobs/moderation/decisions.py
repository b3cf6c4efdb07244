"""What moderators decide about jobs whose paid submit was never answered.

Nobody but a person may guess here: whether the provider made the video, and bills it, is what
Flipbook does not know. Each decision is one fenced write; news from the provider that came first
wins. The books move with the job, and the job's story says who decided.
"""

import logging
from collections.abc import Sequence
from enum import StrEnum

from jobs.errors import NO_SUCH_JOB, NotAllowedError, NotFoundError, StaleAttemptError
from jobs.events import Notices
from jobs.model import Failure, Job, JobId, Requester
from jobs.moderation.acts import Act, ActKind, why
from jobs.ports import Clock, JobStore
from jobs.quota.books import settlement_of
from jobs.states import JobState

logger = logging.getLogger(__name__)

LISTED = 50  # more than a page shows, or an autocomplete


class Decision(StrEnum):
    """What can become of an unconfirmed job."""

    RELEASE = "release"  # it ends, and costs its member nothing
    CHARGE = "charge"  # it ends, and counts
    RETRY = "retry"  # it is submitted once more, at the risk of a second bill


SENTENCES = {
    Decision.RELEASE: "The provider never reported, so a moderator ended this video.",
    Decision.CHARGE: "The provider never reported, so a moderator ended this video and counted it.",
}

ACTS = {
    Decision.RELEASE: ActKind.JOB_RELEASE,
    Decision.CHARGE: ActKind.JOB_CHARGE,
    Decision.RETRY: ActKind.JOB_RETRY,
}


class Decisions:
    """The moderators' way into the table of jobs; every call is held to their server."""

    def __init__(self, *, jobs: JobStore, notices: Notices, clock: Clock) -> None:
        self._jobs = jobs
        self._notices = notices
        self._clock = clock

    async def unconfirmed(self, guild_id: int) -> Sequence[Job]:
        """Return a server's jobs that wait for a provider's word, oldest first."""
        return await self._jobs.unconfirmed(guild_id, limit=LISTED)

    async def decide(
        self, job_id: JobId, decision: Decision, *, by: Requester, reason: str = ""
    ) -> Job:
        """End an unconfirmed job, or queue it once more, and return it as it stands then.

        Args:
            job_id: A job of the moderator's server.
            decision: What becomes of it.
            by: The moderator.
            reason: Why, for the audit.

        Raises:
            NotFoundError: There is none of that id in that server.
            NotAllowedError: It is not unconfirmed, or no longer.
        """
        job = await self._jobs.get(job_id)
        if job.requester.guild_id != by.guild_id:
            raise NotFoundError(NO_SUCH_JOB)
        if job.state is not JobState.UNCONFIRMED:
            raise NotAllowedError(f"Job {job.id} needs no decision: it is {job.state}.")
        return await self._write(job, decision, by, reason)

    async def _write(self, job: Job, decision: Decision, by: Requester, reason: str) -> Job:
        after = _again(job) if decision is Decision.RETRY else _ended(job, decision)
        note = {"decision": decision.value, "decided_by": f"user:{by.user_id}"}
        now = self._clock.now()
        act = Act(
            guild_id=by.guild_id,
            actor_id=by.user_id,
            kind=ACTS[decision],
            target=f"job:{job.id}",
            at=now,
            reason=why(reason),
        )
        try:
            decided = await self._jobs.save(
                job, after, now=now, settle=settlement_of(after), note=note, act=act
            )
        except StaleAttemptError as error:
            raise NotAllowedError(
                f"Job {job.id} has just moved on by itself; nothing was changed."
            ) from error
        logger.info(
            "Job %s: %s by user %s",
            job.id,
            decision,
            by.user_id,
            extra={"action": f"job_{decision}", "by": by.user_id},
        )
        self._wake(decided)
        return decided

    def _wake(self, job: Job) -> None:
        if job.state is JobState.QUEUED:
            self._notices.job_queued(job.backend)
        else:
            self._notices.job_ended()
        self._notices.news_added()


def _ended(job: Job, decision: Decision) -> Job:
    failure = Failure(
        code=f"{decision}d", message=SENTENCES[decision], is_ours=decision is not Decision.CHARGE
    )
    return job.evolve(state=JobState.FAILED, failure=failure)


def _again(job: Job) -> Job:
    """Return the job as it was before its lost submit; the next claim draws a new token."""
    return job.evolve(
        state=JobState.QUEUED,
        attempt_token=None,
        provider_job_id=None,
        endpoint=None,
        receipt=None,
        failure=None,
        started_at=None,
        rendered_at=None,
        due_at=None,
        lease_until=None,
    )
