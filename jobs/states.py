"""The states of a job and the moves between them; every writer is held to this table."""

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands (docs/design.md, "Life of a job")."""

    QUEUED = "queued"  # paid for out of the quota, waiting for its turn
    SUBMITTING = "submitting"  # claimed; the intent is written, the backend may or may not know
    RUNNING = "running"  # the backend accepted it
    FETCHING = "fetching"  # the backend is done, its file is being taken over
    READY = "ready"  # the tagged file is on our disk
    DELIVERING = "delivering"  # being posted under its stored nonce
    DONE = "done"  # posted, the message id is stored
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNDELIVERED = "undelivered"  # made, and nowhere to post it; kept for the retention time
    UNCONFIRMED = "unconfirmed"  # a paid submit whose answer was lost; waits for news

    @property
    def is_final(self) -> bool:
        """Nothing moves the job any more."""
        return not MOVES[self]

    @property
    def is_active(self) -> bool:
        """Somebody works on the job and holds its lease."""
        return self in ACTIVE


MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.SUBMITTING, JobState.CANCELLED, JobState.FAILED}),
    JobState.SUBMITTING: frozenset(
        {
            JobState.RUNNING,
            JobState.QUEUED,
            JobState.FAILED,
            JobState.CANCELLED,
            JobState.UNCONFIRMED,
        }
    ),
    JobState.RUNNING: frozenset(
        {JobState.FETCHING, JobState.QUEUED, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.FETCHING: frozenset(
        {JobState.READY, JobState.RUNNING, JobState.QUEUED, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.READY: frozenset({JobState.DELIVERING}),
    JobState.DELIVERING: frozenset({JobState.DONE, JobState.UNDELIVERED, JobState.READY}),
    JobState.UNCONFIRMED: frozenset({JobState.RUNNING, JobState.QUEUED, JobState.FAILED}),
    JobState.DONE: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
    JobState.UNDELIVERED: frozenset(),
}
"""From each state, the states that may follow; an empty set is an end."""

ACTIVE = frozenset(
    {
        JobState.SUBMITTING,
        JobState.RUNNING,
        JobState.FETCHING,
        JobState.READY,
        JobState.DELIVERING,
    }
)


def may_move(before: JobState, after: JobState) -> bool:
    """Say whether `after` may follow `before`; staying is always allowed."""
    return before == after or after in MOVES[before]
