"""How moderators clear a queue: one video, all that wait of a member, or all of a server.

What a cancelled video held is given back by the rules of the books; each is cancelled in the
transaction that writes the act, and none that moves on by itself meanwhile is touched.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from jobs.errors import NO_SUCH_JOB, NotAllowedError, NotFoundError
from jobs.events import Notices
from jobs.model import Job, JobId, Requester
from jobs.moderation.acts import Act, ActKind, why
from jobs.ports import Clock, JobStore
from jobs.states import JobState

logger = logging.getLogger(__name__)

AT_A_TIME = 200  # in one transaction; whoever asks for a video meanwhile waits for its end
LISTED = 50  # more than a page shows, or an autocomplete


class Clearing:
    """The moderators' way to stop videos; every call is held to their server."""

    def __init__(self, *, jobs: JobStore, notices: Notices, clock: Clock) -> None:
        self._jobs = jobs
        self._notices = notices
        self._clock = clock

    async def open_jobs(self, guild_id: int, *, user_id: int | None = None) -> Sequence[Job]:
        """Return a server's open jobs, or one member's; those that need a decision come first."""
        undecided = await self._jobs.unconfirmed(guild_id, limit=LISTED)
        found = await self._jobs.list_jobs(
            guild_id=guild_id, user_id=user_id, is_open=True, limit=LISTED
        )
        first = [job for job in undecided if user_id in (None, job.requester.user_id)]
        return [*first, *(job for job in found if job.state is not JobState.UNCONFIRMED)]

    async def waiting(self, guild_id: int) -> Mapping[int, int]:
        """Return how many videos of whom wait in a server, most first."""
        return await self._jobs.waiting_by_member(guild_id, limit=LISTED)

    async def cancel(self, job_id: JobId, *, by: Requester, reason: str = "") -> Job:
        """Cancel one job: a queued one at once, a running one within a step.

        Raises:
            NotFoundError: There is none of that id in that server.
            NotAllowedError: It waits for a decision, not for a render.
        """
        job = await self._jobs.get(job_id)
        if job.requester.guild_id != by.guild_id:
            raise NotFoundError(NO_SUCH_JOB)
        if job.state is JobState.UNCONFIRMED:
            raise NotAllowedError(
                f"Job {job.id} waits for its provider's word: "
                "`release`, `charge` or `retry` it instead."
            )
        now = self._clock.now()
        act = cancel_act(f"job:{job.id}", by, at=now, reason=reason)
        job = await self._jobs.request_cancel(job_id, now=now, by=f"user:{by.user_id}", act=act)
        self._tell([job])
        return job

    async def cancel_all(
        self, *, by: Requester, user_id: int | None, is_running: bool, reason: str = ""
    ) -> Sequence[Job]:
        """Cancel all that waits of a member, or of everyone in the server.

        Args:
            by: The moderator; the server is theirs.
            user_id: The member; None is everyone.
            is_running: Stop what is being rendered too.
            reason: Why, for the audit.

        Returns:
            What was cancelled, and what will stop within a moment.
        """
        target = "everyone" if user_id is None else f"member:{user_id}"
        found: list[Job] = []
        while True:
            now = self._clock.now()
            jobs = await self._jobs.cancel_many(
                by.guild_id,
                user_id=user_id,
                is_running=is_running,
                limit=AT_A_TIME,
                now=now,
                by=f"user:{by.user_id}",
                act=cancel_act(target, by, at=now, reason=reason),
            )
            found += jobs
            self._tell(jobs)
            if len(jobs) < AT_A_TIME:
                return found

    def _tell(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._notices.cancel(job.id)
            logger.info(
                "Job %s: cancelled by a moderator", job.id, extra={"action": "job_moderated"}
            )
        self._notices.news_added()


def cancel_act(target: str, by: Requester, *, at: datetime, reason: str = "") -> Act:
    """Return the act of cancelling somebody's videos."""
    return Act(
        guild_id=by.guild_id,
        actor_id=by.user_id,
        kind=ActKind.JOB_CANCEL,
        target=target,
        at=at,
        reason=why(reason),
    )
