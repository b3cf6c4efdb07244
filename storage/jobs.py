"""The table of jobs: every move of a job is one transaction here, fenced by its attempt.

The event of a move and the settlement of what the job holds are written with it, so a crash
leaves all of it or nothing.
"""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from jobs.fairness import Caps, LaneDrift
from jobs.model import Failure, Job, JobId, Origin
from jobs.moderation.acts import BY_A_MODERATOR, Act
from jobs.quota.books import Settlement
from jobs.quota.tiers import OperatorRules
from jobs.states import JobState
from storage import lanes, lists, moves, turns
from storage.database import Database
from storage.events import append_event
from storage.inbox import note_attempt
from storage.moderation.audit import append_act
from storage.places import ahead_of
from storage.quota.admission import admit, readmit
from storage.recount import recount
from storage.rows import INSERT_JOB, to_columns
from storage.times import to_micros, to_micros_or_none
from storage.turns import Claimer, LostCountError

logger = logging.getLogger(__name__)


class SqliteJobStore:
    """The `JobStore` of the SQLite file; the methods are told in `jobs.ports`."""

    def __init__(
        self,
        database: Database,
        *,
        caps: Caps | None = None,
        operator: OperatorRules | None = None,
    ) -> None:
        self._database = database
        self._caps = caps or Caps()
        self._operator = operator or OperatorRules()

    async def enqueue(self, job: Job, *, news: str = "") -> tuple[Job, bool]:
        """Insert a job and reserve what it costs; a known origin key gives the old job and False.

        Raises:
            NotAllowedError: The member is blocked, or asks for more at a time than they may.
            QuotaExceededError: An allowance has no room; nothing is written.
        """

        def work(connection: sqlite3.Connection) -> tuple[Job, bool]:
            inserted = connection.execute(INSERT_JOB, to_columns(job)).rowcount == 1
            known = None if inserted else moves.asked_as(connection, job.origin, job.origin_key)
            if known is not None:
                return known, False
            admit(connection, job, self._operator)
            append_event(connection, job, before=None, at=job.created_at, note={})
            lanes.enter(connection, job.id)
            moves.tell(connection, job, news)
            return moves.read(connection, job.id), True

        return await self._database.write(work)

    async def get(self, job_id: JobId) -> Job:
        """Return one job.

        Raises:
            NotFoundError: There is none of that id.
        """
        return await self._database.read(lambda connection: moves.read(connection, job_id))

    async def asked_as(self, origin: Origin, origin_key: str) -> Job | None:
        """Return the job of an origin key; None if nobody asked with it."""
        return await self._database.read(
            lambda connection: moves.asked_as(connection, origin, origin_key)
        )

    async def held(self, guild_id: int, *, limit: int) -> Sequence[Job]:
        """Return a server's jobs that wait for a moderator, oldest first."""
        return await self._database.read(
            lambda connection: lists.held(connection, guild_id, limit=limit)
        )

    async def decide_held(
        self, job_id: JobId, *, failure: Failure | None, now: datetime, act: Act
    ) -> Job:
        """Let a held job into the queue, or end it with a failure; only one decision counts.

        Raises:
            NotFoundError: There is none of that id in the act's server.
            NotAllowedError: It is not held, or no longer.
        """

        def work(connection: sqlite3.Connection) -> Job:
            held = moves.held_in(connection, job_id, act.guild_id)
            if failure is None:
                readmit(connection, held, self._operator, now=now)
            after = moves.decided(held, failure)
            note = {"review": act.kind.value, "decided_by": f"user:{act.actor_id}"}
            job = moves.save(connection, held, after, now=now, settlement=None, note=note)
            told = {"member": f"<@{job.requester.user_id}>"}
            append_act(connection, act, before={}, after=told)
            return job

        return await self._database.write(work)

    async def end_overdue(self, *, now: datetime, failure: Failure, limit: int) -> Sequence[Job]:
        """End held jobs that nobody decided about in time, and return them."""

        def work(connection: sqlite3.Connection) -> Sequence[Job]:
            return [
                moves.save(connection, job, moves.decided(job, failure), now=now, settlement=None)
                for job in lists.overdue(connection, now=now, limit=limit)
            ]

        return await self._database.write(work)

    async def claim(
        self, backend: str, *, token: str, now: datetime, lease_until: datetime
    ) -> Job | None:
        """Take the next due job of a backend: `submitting`, one attempt higher, with `token`."""
        claimer = Claimer(backend=backend, token=token, now=now, lease_until=lease_until)

        def work(connection: sqlite3.Connection) -> Job | None:
            job_id = _claim(connection, claimer, self._caps)
            if job_id is None:
                return None
            job = moves.read(connection, job_id)
            note_attempt(connection, job, at=now)
            append_event(connection, job, before=JobState.QUEUED, at=now, note={})
            return job

        return await self._database.write(work)

    async def recount(self) -> Sequence[LaneDrift]:
        """Count the lanes anew from the jobs, repair what differs, and return it."""
        return await self._database.write(recount)

    async def adopt(self, job: Job, *, lease_until: datetime) -> Job:
        """Take over a job whose holder is gone: same state, one attempt higher.

        Raises:
            StaleAttemptError: Somebody else was faster, or nobody can hold it in its state.
        """

        def work(connection: sqlite3.Connection) -> Job:
            adopted = connection.execute(
                """
                UPDATE job SET attempt = attempt + 1, lease_until = ?
                WHERE id = ? AND attempt = ? AND state = ?
                    AND state <> 'queued' AND ended_at IS NULL
                """,
                (to_micros(lease_until), job.id, job.attempt, job.state),
            )
            moves.check_fence(adopted, job)
            return moves.read(connection, job.id)

        return await self._database.write(work)

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

        A job that ends settles in any case: as `settle` says, else by the rules of the books.

        Raises:
            StaleAttemptError: The row is not at the attempt and state of `before`.
            StorageError: The table of states has no such move.
        """

        def work(connection: sqlite3.Connection) -> Job:
            saved = moves.save(connection, before, after, now=now, settlement=settle, note=note)
            moves.note_act(connection, act, before, saved)
            return saved

        return await self._database.write(work)

    async def renew(self, job: Job, *, lease_until: datetime) -> bool:
        """Prolong the lease and say whether a cancel was requested meanwhile.

        Raises:
            StaleAttemptError: The job is no longer this attempt's to hold.
        """

        def work(connection: sqlite3.Connection) -> bool:
            row = connection.execute(
                """
                UPDATE job SET lease_until = ?
                WHERE id = ? AND attempt = ?
                    AND state IN ('submitting', 'running', 'fetching', 'ready', 'delivering')
                RETURNING cancel_requested
                """,
                (to_micros(lease_until), job.id, job.attempt),
            ).fetchone()
            if row is None:
                raise moves.stale(job)
            return bool(row["cancel_requested"])

        return await self._database.write(work)

    async def request_cancel(
        self, job_id: JobId, *, now: datetime, by: str, act: Act | None = None
    ) -> Job:
        """End a queued job at once, mark an active one; a final one stays as it is.

        Raises:
            NotFoundError: There is none of that id.
        """

        def work(connection: sqlite3.Connection) -> Job:
            before = moves.read(connection, job_id)
            failure = None if act is None else BY_A_MODERATOR
            job = moves.cancel(connection, before, now=now, by=by, failure=failure)
            if job != before:
                moves.note_act(connection, act, before, job)
            return job

        return await self._database.write(work)

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
        """Cancel a server's waiting jobs, or one member's; `act` stands for all of them."""

        def work(connection: sqlite3.Connection) -> Sequence[Job]:
            found = lists.cancellable(
                connection, guild_id, user_id=user_id, is_running=is_running, limit=limit
            )
            jobs = [
                moves.cancel(connection, job, now=now, by=by, failure=BY_A_MODERATOR)
                for job in found
            ]
            if jobs:
                ids = " ".join(job.id for job in jobs)
                after = {"videos": str(len(jobs)), "jobs": ids}
                append_act(connection, act, before={}, after=after)
            return jobs

        return await self._database.write(work)

    async def orphans(self, *, now: datetime) -> Sequence[Job]:
        """Return active jobs whose lease has run out, oldest first."""
        return await self._database.read(lambda connection: lists.orphans(connection, now=now))

    async def abandon_leases(self) -> int:
        """End every lease at once; only for a start, when nobody else can hold one."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(
                """
                UPDATE job INDEXED BY job_active SET lease_until = NULL
                WHERE state IN ('submitting', 'running', 'fetching', 'ready', 'delivering')
                    AND lease_until IS NOT NULL
                """
            ).rowcount

        return await self._database.write(work)

    async def ahead_of(self, job: Job) -> tuple[int, int]:
        """Return how many unfinished renders come before `job` at its backend, and their cost."""
        return await self._database.read(lambda connection: ahead_of(connection, job.id))

    async def list_jobs(
        self, *, guild_id: int | None = None, user_id: int | None = None, is_open: bool, limit: int
    ) -> Sequence[Job]:
        """Return open jobs oldest first, or ended ones newest first."""
        pick = lists.open_jobs if is_open else lists.ended_jobs
        return await self._database.read(
            lambda connection: pick(connection, guild_id=guild_id, user_id=user_id, limit=limit)
        )

    async def queued_at(self, backend: str) -> Sequence[Job]:
        """Return all that waits in a backend's queue, put off or not, oldest first."""
        return await self._database.read(lambda connection: lists.queued_at(connection, backend))

    async def made_as(self, backend: str, provider_job_id: str) -> JobId | None:
        """Return the job that a backend made under an id of its own, if we know of one."""
        return await self._database.read(
            lambda connection: lists.made_as(connection, backend, provider_job_id)
        )

    async def endpoints(self, backend: str) -> Sequence[str]:
        """Return where a backend's open jobs were submitted, each place once."""
        return await self._database.read(lambda connection: lists.endpoints(connection, backend))

    async def unconfirmed(self, guild_id: int, *, limit: int) -> Sequence[Job]:
        """Return a server's jobs whose paid submit was never answered, oldest first."""
        return await self._database.read(
            lambda connection: lists.unconfirmed(connection, guild_id, limit=limit)
        )

    async def waiting_by_member(self, guild_id: int, *, limit: int) -> Mapping[int, int]:
        """Return how many videos of whom wait in a server, most first."""
        return await self._database.read(
            lambda connection: lists.waiting_by_member(connection, guild_id, limit=limit)
        )

    async def stale_cards(self, *, limit: int) -> Sequence[Job]:
        """Return ended jobs whose card was not brought to their last state yet."""
        return await self._database.read(
            lambda connection: lists.stale_cards(connection, limit=limit)
        )

    async def mark_card(self, job: Job) -> None:
        """Note that the card of `job` shows its state."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE job SET card_is_shown = 1 WHERE id = ? AND state = ? AND removed_at IS ?",
                (job.id, job.state.value, to_micros_or_none(job.removed_at)),
            )

        await self._database.write(work)

    async def rates(
        self, backend: str, *, limit: int = 50, like: int | None = None
    ) -> Sequence[float]:
        """Return seconds per unit of cost of the newest finished renders, sorted."""
        return await self._database.read(
            lambda connection: lists.rates(connection, backend, limit=limit, like=like)
        )


def _claim(connection: sqlite3.Connection, claimer: Claimer, caps: Caps) -> JobId | None:
    """Claim by turns; counts that were lost are found again first, so they hold up nobody."""
    try:
        return turns.claim(connection, claimer, caps)
    except LostCountError:
        for drift in recount(connection):
            logger.warning("Lane repaired: %s", drift, extra={"action": "lane_drift"})
        return turns.claim(connection, claimer, caps)
