"""Whom moderators keep from asking for videos: why, until when, and what still waits of theirs."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.errors import NotFoundError, RequestError
from jobs.events import Notices
from jobs.model import Requester
from jobs.moderation.acts import Act, ActKind, why
from jobs.moderation.guilds import Block
from jobs.ports import Clock, GuildStore, JobStore
from jobs.quota.amounts import parse_duration
from jobs.states import JobState

COUNTED = 200  # open jobs of one member; more are not told apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A block that was just set, and how many videos of its member go on unless cancelled."""

    block: Block
    waiting: int


class Blocking:
    """The moderators' way to the blocks; every call is held to their server."""

    def __init__(
        self, *, guilds: GuildStore, jobs: JobStore, notices: Notices, clock: Clock
    ) -> None:
        self._guilds = guilds
        self._jobs = jobs
        self._notices = notices
        self._clock = clock

    async def add(self, user_id: int, *, by: Requester, reason: str, lasts: str = "") -> Blocked:
        """Keep a member out, or change why and until when.

        Args:
            user_id: The member.
            by: The moderator; the server is theirs.
            reason: Why; the member is told.
            lasts: For how long, as people write it; empty is for good.

        Raises:
            RequestError: There is no reason, or that is no time.
        """
        reason = why(reason)
        if not reason:
            raise RequestError("`reason` must say why; the member is told.", field="reason")
        now = self._clock.now()
        block = Block(
            guild_id=by.guild_id,
            user_id=user_id,
            reason=reason,
            by_user_id=by.user_id,
            created_at=now,
            expires_at=now + parse_duration(lasts) if lasts.strip() else None,
        )
        await self._guilds.block(block, act=self._act(ActKind.BLOCK_ADD, user_id, by, reason))
        self._notices.news_added()
        return Blocked(block=block, waiting=await self._waiting(user_id, by.guild_id))

    async def remove(self, user_id: int, *, by: Requester, reason: str = "") -> Block:
        """Let a member in again, and return the block as it was.

        Raises:
            NotFoundError: Nobody keeps them out.
        """
        act = self._act(ActKind.BLOCK_REMOVE, user_id, by, reason)
        block = await self._guilds.unblock(by.guild_id, user_id, act=act)
        if block is None:
            raise NotFoundError(f"<@{user_id}> is not blocked here.")
        self._notices.news_added()
        return block

    async def blocks(self, guild_id: int) -> Sequence[Block]:
        """Return the blocks of a server that have not ended, newest first."""
        return await self._guilds.blocks(guild_id, now=self._clock.now())

    async def _waiting(self, user_id: int, guild_id: int) -> int:
        jobs = await self._jobs.list_jobs(
            guild_id=guild_id, user_id=user_id, is_open=True, limit=COUNTED
        )
        return sum(job.state is JobState.QUEUED for job in jobs)

    def _act(self, kind: ActKind, user_id: int, by: Requester, reason: str) -> Act:
        return Act(
            guild_id=by.guild_id,
            actor_id=by.user_id,
            kind=kind,
            target=f"member:{user_id}",
            at=self._clock.now(),
            reason=why(reason),
        )
