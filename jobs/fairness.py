"""How turns are shared: start-time fair queueing, in numbers and without a database.

Every lane has a virtual time, its `vtime`: the share of the backend that it has had, in
microseconds per unit of weight. The lane that has had least is served next. A claim puts the
job's estimated time on the lane, its end corrects that to what it really took. There are two
levels: parties (a server, or an API key) share a backend, members share their party.

Source: Goyal, Vin, Cheng, "Start-time Fair Queuing" (SIGCOMM 1996).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.model import Job
from jobs.states import JobState

# Seconds per unit of cost until a backend was measured: 16 frames of 512 x 512 in 25 steps take
# about a minute. While nobody is measured only the ratio of two jobs' costs matters.
DEFAULT_RATE = 2e-5
# What a lane can owe when it comes back: a heavy morning does not punish the evening.
DEBT_US = 600_000_000
# What a lane can be owed: jobs that were given back do not pile up into a run of turns.
CREDIT_US = 120_000_000

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How many renders may be under way at once at one backend; None is no cap."""

    per_user: int | None = None  # of one member in one party
    per_party: int | None = None  # of a server or an API key
    per_backend: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneDrift:
    """A count of a lane that was not what its jobs say.

    Attributes:
        party: None for the whole backend.
        user_id: None for the whole party.
        told: Queued jobs, their cost, and renders, as the lane said.
        counted: The same, counted from the jobs.
    """

    backend: str
    party: str | None = None
    user_id: int | None = None
    told: tuple[int, int, int]
    counted: tuple[int, int, int]


def charge_us(cost: int, rate: float | None) -> int:
    """Return what a claim is charged: the estimated render time in microseconds, at least one."""
    return max(1, round(cost * (DEFAULT_RATE if rate is None else rate) * 1_000_000))


def charged(vtime: int, amount_us: int, weight: float) -> int:
    """Return a lane's virtual time after a claim."""
    return vtime + max(1, round(amount_us / weight))


def corrected(vtime: int, change_us: int, weight: float, *, clock: int) -> int:
    """Return a lane's virtual time after a charge turned out `change_us` larger or smaller.

    A correction neither raises debt above its bound nor credit; what stands beyond one of them
    already is left there.
    """
    moved = vtime + round(change_us / weight)
    if change_us > 0:
        return min(moved, max(vtime, clock + DEBT_US))
    return max(moved, min(vtime, clock - CREDIT_US))


def woken(vtime: int, *, clock: int, has_been_served: bool = False) -> int:
    """Return the virtual time with which an idle lane gets in line again.

    Time that was not asked for is not saved up. Only a job that comes back from its backend may
    find its lane owed something, so it keeps its turn.

    Args:
        vtime: What the lane had when it went idle.
        clock: The largest virtual time that was served on its level.
        has_been_served: The job that wakes it was claimed before.
    """
    floor = clock - CREDIT_US if has_been_served else clock
    return min(max(vtime, floor), clock + DEBT_US)


def charge_after(before: JobState, after: Job, charged_us: int, *, now: datetime) -> int:
    """Return what a job that moved from `before` has cost its lanes in microseconds.

    A job that goes back to the queue, or ended before its render began, has cost nothing; one
    that leaves the backend has cost the time that it was there; all else stays as it was charged.
    """
    if after.state is JobState.QUEUED:
        return 0
    if before is JobState.RUNNING and after.state is not JobState.RUNNING:
        return _render_us(after, now=now)
    if before in (JobState.SUBMITTING, JobState.UNCONFIRMED) and after.state.is_final:
        return 0
    return charged_us


def _render_us(job: Job, *, now: datetime) -> int:
    if job.started_at is None:
        return 0
    return max(0, ((job.rendered_at or now) - job.started_at) // _MICROSECOND)
