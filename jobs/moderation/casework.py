"""How cases are brought, decided and told, and how moderators remove a video without one."""

import logging
from collections.abc import Sequence

from jobs.errors import NO_SUCH_JOB, NotAllowedError, NotFoundError
from jobs.events import Notices
from jobs.model import Job, JobId, Requester
from jobs.moderation.acts import Act, ActKind, why
from jobs.moderation.cases import (
    MAX_ABOUT_CHARS,
    Case,
    CaseKind,
    CaseState,
    Draft,
    ReplyToken,
    Verdict,
    block_cause,
    job_cause,
    link_of,
    reason_of,
)
from jobs.ports import CaseStore, Clock, GuildStore, JobStore
from jobs.prompts import write_prompt
from jobs.states import JobState
from jobs.text import cut, plain

logger = logging.getLogger(__name__)

LISTED = 25
POSTED = frozenset({JobState.DONE, JobState.UNDELIVERED})
REMOVED = "This video was removed already."


class Casework:
    """The way to the cases of a server; every call is held to it."""

    def __init__(
        self,
        *,
        cases: CaseStore,
        jobs: JobStore,
        guilds: GuildStore,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._cases = cases
        self._jobs = jobs
        self._guilds = guilds
        self._notices = notices
        self._clock = clock

    async def reportable(self, job_id: JobId, *, guild_id: int) -> Job:
        """Return a video that can be reported, or removed.

        Raises:
            NotFoundError: There is no such job in that server.
            NotAllowedError: It was not made yet, or is removed already.
        """
        job = await self._jobs.get(job_id)
        if job.requester.guild_id != guild_id:
            raise NotFoundError(NO_SUCH_JOB)
        if job.removed_at is not None:
            raise NotAllowedError(REMOVED)
        if job.state not in POSTED:
            raise NotAllowedError(
                f"Job {job.id} has made no video: `/mod jobs cancel` stops what is on its way."
            )
        return job

    async def report(
        self, job_id: JobId, *, by: Requester, reason: str, reply: ReplyToken | None = None
    ) -> Case:
        """Bring a video before the moderators.

        Raises:
            NotFoundError: There is no such job in that server.
            NotAllowedError: There is no video, or the member reported it before.
            QuotaExceededError: Too many reports of the member wait.
            RequestError: There is no reason.
        """
        job = await self.reportable(job_id, guild_id=by.guild_id)
        return await self._open(
            Draft(
                kind=CaseKind.REPORT,
                guild_id=by.guild_id,
                user_id=by.user_id,
                member_id=job.requester.user_id,
                cause=job_cause(job.id),
                about=cut(plain(write_prompt(job.asked.segments)), MAX_ABOUT_CHARS),
                link=link_of(job),
                reason=reason_of(reason),
                opened_at=self._clock.now(),
                reply=reply,
            )
        )

    async def check_blocked(self, by: Requester) -> None:
        """See whether there is a block to appeal.

        Raises:
            NotAllowedError: Nobody blocked the member.
        """
        await self._block(by)

    async def appeal_block(
        self, *, by: Requester, reason: str, reply: ReplyToken | None = None
    ) -> Case:
        """Ask the moderators to end a block; once for each block.

        Raises:
            NotAllowedError: Nobody blocked the member, or they appealed this block before.
            RequestError: There is no reason.
        """
        cause, why_blocked = await self._block(by)
        return await self._open(
            Draft(
                kind=CaseKind.APPEAL,
                guild_id=by.guild_id,
                user_id=by.user_id,
                member_id=by.user_id,
                cause=cause,
                about=why_blocked,
                reason=reason_of(reason),
                opened_at=self._clock.now(),
                reply=reply,
            )
        )

    async def decide(self, number: int, state: CaseState, *, by: Requester) -> Verdict:
        """Accept or deny a case; whoever comes second is told what the first one did.

        Raises:
            NotFoundError: There is none of that number in that server.
        """
        kind = ActKind.CASE_ACCEPT if state is CaseState.ACCEPTED else ActKind.CASE_DENY
        act = self._act(kind, f"case:{number}", by)
        verdict = await self._cases.decide(number, state, act=act)
        if verdict.is_new:
            logger.info("Case %s decided", number, extra={"action": "case_decided"})
            self._notices.news_added()
            self._notices.job_removed()
            self._notices.case_decided()
        return verdict

    async def remove(self, job_id: JobId, *, by: Requester, reason: str = "") -> Job:
        """Remove a video: its message, its file, and so every link to it.

        Raises:
            NotFoundError: There is no such job in that server.
            NotAllowedError: It was not made yet, or is removed already.
        """
        job = await self.reportable(job_id, guild_id=by.guild_id)
        act = self._act(ActKind.VIDEO_REMOVE, f"job:{job.id}", by, reason)
        job = await self._cases.remove(job.id, act=act)
        self._notices.news_added()
        self._notices.job_removed()
        self._notices.case_decided()
        return job

    async def posted(self, guild_id: int) -> Sequence[Job]:
        """Return a server's newest videos that are still there."""
        jobs = await self._jobs.list_jobs(guild_id=guild_id, is_open=False, limit=2 * LISTED)
        return [job for job in jobs if job.state in POSTED and job.removed_at is None]

    async def open_cases(self, guild_id: int) -> Sequence[Case]:
        """Return a server's cases that wait for a decision, oldest first."""
        return await self._cases.open_cases(guild_id, limit=LISTED)

    async def case(self, number: int, *, guild_id: int) -> Case:
        """Return a case of a server.

        Raises:
            NotFoundError: There is none of that number.
        """
        return await self._cases.case(guild_id, number)

    async def _open(self, draft: Draft) -> Case:
        case = await self._cases.open(draft)
        self._notices.news_added()
        return case

    async def _block(self, by: Requester) -> tuple[str, str]:
        """Return the cause of a member's block, and why they are blocked."""
        for block in await self._guilds.blocks(by.guild_id, now=self._clock.now()):
            if block.user_id == by.user_id:
                return block_cause(block.created_at), block.reason
        raise NotAllowedError("Nobody has blocked you here, so there is nothing to appeal.")

    def _act(self, kind: ActKind, target: str, by: Requester, reason: str = "") -> Act:
        return Act(
            guild_id=by.guild_id,
            actor_id=by.user_id,
            kind=kind,
            target=target,
            at=self._clock.now(),
            reason=why(reason),
        )
