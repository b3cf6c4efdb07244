"""What goes by itself: what is too old, what a server left behind, and what a deletion began.

Everything is done in small transactions, and what one round does not get done the next one does,
also in the next process.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobs.errors import FlipbookError
from jobs.ports import Clock, RetentionStore, VideoFolder
from jobs.privacy.records import Remains
from jobs.privacy.rights import AT_A_TIME, Privacy
from jobs.quota.windows import name_of

logger = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
GRACE = timedelta(days=7)  # a server that took the bot out by mistake loses nothing until then
FILES_REST = timedelta(hours=1)  # a file that was just written may belong to a row not yet there
PARTS_REST = timedelta(days=1)  # no render, and no upload, goes on for that long
NEWS_REST = timedelta(days=30)  # the text of news stays in the log channel, not with us


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round did."""

    old: int = 0
    purged: tuple[int, ...] = ()
    files: int = 0


class Housekeeping:
    """Done by the runner's tending, so it needs no task of its own.

    Args:
        retention: How long ended videos are kept where a server says nothing; None is for good.
    """

    def __init__(
        self,
        *,
        privacy: Privacy,
        store: RetentionStore,
        files: VideoFolder,
        clock: Clock,
        retention: timedelta | None,
    ) -> None:
        self._privacy = privacy
        self._store = store
        self._files = files
        self._clock = clock
        self._retention = retention
        self._due_at: datetime | None = None

    async def tend(self) -> None:
        """Go on with deletions that were asked for; every hour, let go of what is over.

        What fails is tried again with the next tending.
        """
        try:
            await self._privacy.carry_out_all()
            now = self._clock.now()
            if self._due_at is None or now >= self._due_at:
                await self.clean()
                self._due_at = now + EVERY
        except FlipbookError:
            logger.exception("Nothing tidied up", extra={"action": "housekeeping_failed"})

    async def clean(self) -> Round:
        """Let go of all that is over; return what it was."""
        now = self._clock.now()
        old = await self._delete_old(now)
        purged = [one for one in await self._departed(now) if await self._purge(one, now)]
        today = now.astimezone(UTC).date()
        await self._store.tidy(
            now=now, first_of_month=name_of(today.replace(day=1)), news_before=now - NEWS_REST
        )
        done = Round(old=old, purged=tuple(purged), files=await self._sweep(now))
        if done != Round():
            logger.info(
                "Tidied up: %d old videos, %d servers, %d files",
                done.old,
                len(done.purged),
                done.files,
                extra={"action": "housekeeping"},
            )
        return done

    async def _delete_old(self, now: datetime) -> int:
        number = 0
        while remains := await self._store.delete_old(
            now=now, default=self._retention, limit=AT_A_TIME
        ):
            number += len(remains)
            await self._privacy.remove_files(remains)
        return number

    async def _departed(self, now: datetime) -> Sequence[int]:
        return await self._store.departed(before=now - GRACE)

    async def _purge(self, guild_id: int, now: datetime) -> bool:
        """Delete all of a server that is gone for good; what is under way there ends first."""
        for job_id in await self._store.open_jobs(guild_id):
            await self._privacy.end(job_id, now=now)
        remains: Sequence[Remains]
        while remains := await self._store.purge_jobs(guild_id, limit=AT_A_TIME):
            await self._privacy.remove_files(remains)
        return await self._store.purge_rest(guild_id)

    async def _sweep(self, now: datetime) -> int:
        """Remove files that no row names: a crash, or a disk that failed, left them behind."""
        orphans = await self._store.unknown_jobs(
            await self._files.jobs(older_than=now - FILES_REST)
        )
        for job_id in orphans:
            await self._files.remove_of(job_id)
        images = await self._store.unknown_images(
            await self._files.images(older_than=now - FILES_REST)
        )
        for image_id in images:
            await self._files.remove_image(image_id)
        parts = await self._files.remove_parts(older_than=now - PARTS_REST)
        return len(orphans) + len(images) + parts
