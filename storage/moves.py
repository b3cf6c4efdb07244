"""How a job moves; each of these is a part of a transaction, and fenced by the job's attempt.

The event of a move, and the settlement of what the job holds, are written with it.
"""

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from jobs.errors import NO_SUCH_JOB, NotAllowedError, NotFoundError, StaleAttemptError, StorageError
from jobs.model import Failure, Job, JobId, Origin
from jobs.moderation.acts import Act
from jobs.quota.books import Settlement, amounts_of, settlement_of
from jobs.states import JobState, may_move
from storage import lanes
from storage.events import append_event
from storage.moderation.audit import append_act
from storage.moderation.news import news_into
from storage.quota.books import settle
from storage.rows import SELECT_JOB, UPDATE_JOB, to_columns, to_job


def save(
    connection: sqlite3.Connection,
    before: Job,
    after: Job,
    *,
    now: datetime,
    settlement: Settlement | None,
    note: Mapping[str, object] | None = None,
) -> Job:
    """Write `after` over `before`, append the event, settle the books.

    Raises:
        StaleAttemptError: The row is not at the attempt and state of `before`.
        StorageError: The table of states has no such move.
    """
    if before.id != after.id or not may_move(before.state, after.state):
        raise StorageError(f"Job {before.id} may not go from {before.state} to {after.state}.")
    place = lanes.place_of(connection, before.id)
    fence = {"fence_attempt": before.attempt, "fence_state": before.state}
    values = {**to_columns(_closed(after, now=now)), **fence}
    check_fence(connection.execute(UPDATE_JOB, values), before)
    saved = read(connection, before.id)
    if lanes.may_move_lanes(before.state, saved.state):
        lanes.follow(connection, place, before.state, saved, now=now)
    failure = {} if saved.failure is None else {"failure": saved.failure.code}
    append_event(connection, saved, before=before.state, at=now, note={**failure, **(note or {})})
    settlement = settlement or settlement_of(saved)
    if settlement is not None:
        costs = amounts_of(saved.request, saved.price_micros)
        settle(connection, saved.id, settlement, at=now, costs=costs)
    return saved


def held_in(connection: sqlite3.Connection, job_id: JobId, guild_id: int) -> Job:
    """Return a job that waits for a moderator of that server.

    Raises:
        NotFoundError: There is none of that id in the server.
        NotAllowedError: It is not held, or no longer.
    """
    job = read(connection, job_id)
    if job.requester.guild_id != guild_id:
        raise NotFoundError(NO_SUCH_JOB)
    if not job.is_held:
        raise NotAllowedError(f"Job {job.id} does not wait for a moderator any more.")
    return job


def decided(job: Job, failure: Failure | None) -> Job:
    """Return a held job as the decision leaves it: in the queue, or failed."""
    if failure is None:
        return job.evolve(held_until=None)
    return job.evolve(state=JobState.FAILED, failure=failure)


def tell(connection: sqlite3.Connection, job: Job, news: str) -> None:
    """Leave the moderators a line about a job that they should look at."""
    if news:
        key = f"{'held' if job.is_held else 'flag'}:{job.id}"
        news_into(connection, job.requester.guild_id, key, news, at=job.created_at)


def note_act(connection: sqlite3.Connection, act: Act | None, before: Job, after: Job) -> None:
    """Note in the audit what a moderator did to a job, if one did it."""
    if act is None:
        return
    told = {"member": f"<@{after.requester.user_id}>", "state": after.state.value}
    append_act(connection, act, before={"state": before.state.value}, after=told)


def cancel(
    connection: sqlite3.Connection, job: Job, *, now: datetime, by: str, failure: Failure | None
) -> Job:
    """End a queued job, ask a running one to end, and leave a final one as it is."""
    is_queued = job.state is JobState.QUEUED
    if job.state.is_final or (job.cancel_requested and not is_queued):
        return job
    connection.execute("UPDATE job SET cancel_requested = 1 WHERE id = ?", (job.id,))
    note = {"cancel_requested_by": by}
    if is_queued:
        cancelled = job.evolve(state=JobState.CANCELLED, failure=failure)
        release = Settlement.RELEASE
        return save(connection, job, cancelled, now=now, settlement=release, note=note)
    append_event(connection, job, before=job.state, at=now, note=note)
    return read(connection, job.id)


def _closed(job: Job, *, now: datetime) -> Job:
    """Return a final job with its end noted and the interaction's token erased."""
    if not job.state.is_final:
        return job
    return job.evolve(
        address=job.address.evolve(token=None),
        ended_at=job.ended_at if job.ended_at is not None else now,
        lease_until=None,
    )


def read(connection: sqlite3.Connection, job_id: JobId) -> Job:
    """Return one job.

    Raises:
        NotFoundError: There is none of that id.
    """
    row = connection.execute(SELECT_JOB + "WHERE job.id = ?", (job_id,)).fetchone()
    if row is None:
        raise NotFoundError(NO_SUCH_JOB)
    return to_job(row)


def asked_as(connection: sqlite3.Connection, origin: Origin, origin_key: str) -> Job | None:
    """Return the job of an origin key; None if nobody asked with it."""
    row = connection.execute(
        SELECT_JOB + "WHERE job.origin = ? AND job.origin_key = ?", (origin.value, origin_key)
    ).fetchone()
    return None if row is None else to_job(row)


def check_fence(written: sqlite3.Cursor, job: Job) -> None:
    """Make sure that a fenced statement wrote its row.

    Raises:
        StaleAttemptError: It wrote none: somebody else moved the job on.
    """
    if written.rowcount != 1:
        raise stale(job)


def stale(job: Job) -> StaleAttemptError:
    """Return the error that ends an attempt which no longer holds its job."""
    return StaleAttemptError(
        f"Job {job.id} is no longer at attempt {job.attempt} in {job.state}; this one must stop."
    )
