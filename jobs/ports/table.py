"""The table of jobs, where every move of a job is one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from jobs.fairness import LaneDrift
from jobs.model import (
    Failure,
    Job,
    JobId,
    Origin,
)
from jobs.moderation.acts import Act
from jobs.quota.books import Settlement


class JobStore(Protocol):
    """The table of jobs, their events and the ledger that is written with them.

    Every method is one transaction. A write is fenced by the attempt of the job it was
    given and raises `StaleAttemptError` if the row has moved on.
    """

    async def enqueue(self, job: Job, *, news: str = "") -> tuple[Job, bool]:
        """Insert a job and reserve what it costs; a known origin key gives the old job and False.

        What its member may do is looked up, checked and charged in the same transaction, so two
        asks at once never share the last unit, and a limit set a moment ago counts. `news` go to
        its server's log channel with it. A held job reserves what it costs and stands in no line.

        Raises:
            NotAllowedError: The member is blocked, or asks for more at a time than they may.
            QuotaExceededError: An allowance has no room; nothing is written.
        """
        ...

    async def get(self, job_id: JobId) -> Job:
        """Return one job.

        Raises:
            NotFoundError: There is none of that id.
        """
        ...

    async def asked_as(self, origin: Origin, origin_key: str) -> Job | None:
        """Return the job of an origin key; None if nobody asked with it."""
        ...

    async def held(self, guild_id: int, *, limit: int) -> Sequence[Job]:
        """Return a server's jobs that wait for a moderator, oldest first."""
        ...

    async def decide_held(
        self, job_id: JobId, *, failure: Failure | None, now: datetime, act: Act
    ) -> Job:
        """Let a held job into the queue, or end it with a failure; only one decision counts.

        Raises:
            NotFoundError: There is none of that id in the act's server.
            NotAllowedError: It is not held, or no longer.
        """
        ...

    async def end_overdue(self, *, now: datetime, failure: Failure, limit: int) -> Sequence[Job]:
        """End held jobs that nobody decided about in time, and return them."""
        ...

    async def claim(
        self, backend: str, *, token: str, now: datetime, lease_until: datetime
    ) -> Job | None:
        """Take the next due job of a backend by turns: `submitting`, an attempt higher, `token`."""
        ...

    async def adopt(self, job: Job, *, lease_until: datetime) -> Job:
        """Take over a job whose holder is gone: same state, one attempt higher."""
        ...

    async def save(
        self,
        before: Job,
        after: Job,
        *,
        now: datetime,
        settle: Settlement | None = None,
        note: Mapping[str, object] | None = None,
        act: Act | None = None,
    ) -> Job:
        """Write `after` over `before`, append the event, settle the books: all or nothing.

        A `cancel_requested` that others wrote meanwhile is kept; `note` goes into the event, and
        `act` into the audit.

        Raises:
            StaleAttemptError: The row is not at the attempt and state of `before`.
        """
        ...

    async def renew(self, job: Job, *, lease_until: datetime) -> bool:
        """Prolong the lease and say whether a cancel was requested meanwhile."""
        ...

    async def request_cancel(
        self, job_id: JobId, *, now: datetime, by: str, act: Act | None = None
    ) -> Job:
        """End a queued job at once, mark an active one; a final one stays as it is.

        `act` goes into the audit if anything changed.
        """
        ...

    async def cancel_many(  # noqa: PLR0913 - whose, which, how many, and who does it
        self,
        guild_id: int,
        *,
        user_id: int | None,
        is_running: bool,
        limit: int,
        now: datetime,
        by: str,
        act: Act,
    ) -> Sequence[Job]:
        """Cancel a server's waiting jobs, or one member's, and return them as they stand then.

        With `is_running`, also those being rendered. `act` stands for all of them.
        """
        ...

    async def orphans(self, *, now: datetime) -> Sequence[Job]:
        """Return active jobs whose lease has run out."""
        ...

    async def abandon_leases(self) -> int:
        """End every lease at once; only for a start, when nobody else can hold one."""
        ...

    async def ahead_of(self, job: Job) -> tuple[int, int]:
        """Return how many unfinished renders come before `job` at its backend, and their cost."""
        ...

    async def recount(self) -> Sequence[LaneDrift]:
        """Count the lanes anew from the jobs, repair what differs, and return it."""
        ...

    async def list_jobs(
        self, *, guild_id: int | None = None, user_id: int | None = None, is_open: bool, limit: int
    ) -> Sequence[Job]:
        """Return open jobs oldest first, or ended ones newest first."""
        ...

    async def queued_at(self, backend: str) -> Sequence[Job]:
        """Return all that waits in a backend's queue, put off or not, oldest first."""
        ...

    async def made_as(self, backend: str, provider_job_id: str) -> JobId | None:
        """Return the job that a backend made under an id of its own, if we know of one."""
        ...

    async def endpoints(self, backend: str) -> Sequence[str]:
        """Return where a backend's open jobs were submitted, each place once."""
        ...

    async def unconfirmed(self, guild_id: int, *, limit: int) -> Sequence[Job]:
        """Return a server's jobs whose paid submit was never answered, oldest first."""
        ...

    async def waiting_by_member(self, guild_id: int, *, limit: int) -> Mapping[int, int]:
        """Return how many videos of whom wait in a server, most first."""
        ...

    async def stale_cards(self, *, limit: int) -> Sequence[Job]:
        """Return ended jobs whose card was not brought to their last state yet."""
        ...

    async def mark_card(self, job: Job) -> None:
        """Note that the card of `job` shows its state."""
        ...

    async def rates(
        self, backend: str, *, limit: int = 50, like: int | None = None
    ) -> Sequence[float]:
        """Return seconds per unit of cost of the newest finished renders, sorted.

        With `like`, only of those that cost between half and double of it.
        """
        ...
