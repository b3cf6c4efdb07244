"""What keeps, hands out and forgets what is known of people."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Protocol

from jobs.model import (
    JobId,
)
from jobs.privacy.records import AccountRecord, Erasure, Holdings, JobRecord, Remains, Whose


class PrivacyStore(Protocol):
    """What is stored about people, and how it goes."""

    async def holdings(self, whose: Whose, *, now: datetime) -> Holdings:
        """Count what is stored about a person."""
        ...

    async def account(self, whose: Whose) -> AccountRecord:
        """Return what hangs on no single job."""
        ...

    async def jobs(self, whose: Whose, *, before: int | None, limit: int) -> Sequence[JobRecord]:
        """Return a person's jobs with all that hangs on them, newest first.

        Args:
            whose: The person.
            before: Only those that came before the one of this number.
            limit: How many at most.
        """
        ...

    async def note_erasure(self, erasure: Erasure) -> None:
        """Write down that a deletion was asked for; asked again it is the same one.

        Until it is done the member is admitted no video.
        """
        ...

    async def erasures(self) -> Sequence[Erasure]:
        """Return the deletions that are not done, oldest first."""
        ...

    async def open_jobs(self, whose: Whose) -> Sequence[JobId]:
        """Return what is under way of a person."""
        ...

    async def forget_jobs(self, whose: Whose, *, limit: int) -> Sequence[Remains]:
        """Delete jobs that have ended; return what lies on the disk of them."""
        ...

    async def forget_rest(self, whose: Whose) -> bool:
        """Delete or anonymise everything else, and the note of the deletion with it.

        Returns:
            False if a job is there that must go first; nothing was done.
        """
        ...

    async def known_images(self, images: AbstractSet[str]) -> AbstractSet[str]:
        """Return those of some init images that a job still names."""
        ...


class RetentionStore(Protocol):
    """What was kept long enough: by age, and of servers that took the bot out."""

    async def delete_old(
        self, *, now: datetime, default: timedelta | None, limit: int
    ) -> Sequence[Remains]:
        """Delete jobs that ended longer ago than their server keeps them.

        Args:
            now: When.
            default: How long those are kept whose server says nothing; None is for good.
            limit: How many at most.

        Returns:
            What lies on the disk of them.
        """
        ...

    async def tidy(self, *, now: datetime, first_of_month: str, news_before: datetime) -> None:
        """Let go of what is over.

        Args:
            now: Blocks that ended before go.
            first_of_month: Books that end before this day are tied to nobody any more.
            news_before: The texts of news that were sent before go.
        """
        ...

    async def note_departure(self, guild_id: int, *, at: datetime) -> None:
        """Note that a server took the bot out; the first time counts."""
        ...

    async def note_return(self, guild_id: int) -> None:
        """Note that the bot is in a server."""
        ...

    async def reconcile(self, here: AbstractSet[int], *, at: datetime) -> Sequence[int]:
        """Note of every server that is known whether the bot is in it; return who has left."""
        ...

    async def departed(self, *, before: datetime) -> Sequence[int]:
        """Return the servers that took the bot out before a time."""
        ...

    async def open_jobs(self, guild_id: int) -> Sequence[JobId]:
        """Return what is under way in a server."""
        ...

    async def purge_jobs(self, guild_id: int, *, limit: int) -> Sequence[Remains]:
        """Delete jobs of a server that have ended."""
        ...

    async def purge_rest(self, guild_id: int) -> bool:
        """Delete everything else of a server that left; False if it is back, or has jobs."""
        ...

    async def unknown_jobs(self, ids: Iterable[str]) -> AbstractSet[str]:
        """Return those of some ids under which there is no job."""
        ...

    async def unknown_images(self, ids: Iterable[str]) -> AbstractSet[str]:
        """Return those of some init images that no job names."""
        ...


class VideoFolder(Protocol):
    """The files of videos and init images, by name."""

    async def remove(self, names: Iterable[str]) -> None:
        """Remove videos; what is not there is no error."""
        ...

    async def remove_image(self, image_id: str) -> None:
        """Remove an init image."""
        ...

    async def read(self, name: str, *, max_bytes: int) -> bytes | None:
        """Return a video; None if it is not there, or larger."""
        ...

    async def jobs(self, *, older_than: datetime) -> AbstractSet[str]:
        """Return the ids of jobs that have files which nobody wrote to since a time."""
        ...

    async def images(self, *, older_than: datetime) -> AbstractSet[str]:
        """Return the init images that nobody uploaded since a time."""
        ...

    async def remove_of(self, job_id: str) -> None:
        """Remove all files of a job."""
        ...

    async def remove_parts(self, *, older_than: datetime) -> int:
        """Remove unfinished files that nobody wrote to since a time; return how many."""
        ...
