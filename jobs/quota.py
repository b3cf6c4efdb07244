"""The rules of the books: what a job costs, and when a cost becomes final.

A charge is reserved in the transaction that inserts the job and committed or released in
the transaction that ends it. Amounts are integers; the window is fixed when the charge is
made, so a refund goes back to the day it came from. A job that came out cheaper than it was
reserved commits what it cost and releases the rest; it never commits more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from jobs.model import Job, Requester
from jobs.request import ResolvedRequest
from jobs.states import JobState


class Unit(StrEnum):
    """What is counted; integers only."""

    VIDEOS = "videos"
    VIDEO_MS = "video_ms"  # milliseconds of finished video
    MONEY_MICROS = "money_micros"  # millionths of the operator's currency


class Settlement(StrEnum):
    """How a reservation ends."""

    COMMIT = "commit"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """An amount to be reserved from one account in one window."""

    account: str
    window: str
    unit: Unit
    amount: int
    limit: int | None = None  # None is unlimited


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """How much somebody may make; a unit without an entry is unlimited."""

    name: str
    daily: dict[Unit, int] = field(default_factory=dict[Unit, int])


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A bucket that disagrees with its ledger."""

    account: str
    window: str
    unit: Unit
    told: int
    counted: int
    kind: str  # "used" or "reserved"


UNLIMITED = Tier(name="unlimited")


def account_of(requester: Requester) -> str:
    """Name the account that a member's jobs are booked on."""
    return f"guild:{requester.guild_id}/user:{requester.user_id}"


def window_of(now: datetime) -> str:
    """Name the UTC day that a charge made now belongs to."""
    return f"day:{now:%Y-%m-%d}"


def amounts_of(request: ResolvedRequest, price_micros: int | None) -> Mapping[Unit, int]:
    """Return what a video costs in each unit; a price that is not known is left out."""
    amounts = {Unit.VIDEOS: 1, Unit.VIDEO_MS: round(request.duration_s * 1000)}
    return amounts if price_micros is None else {**amounts, Unit.MONEY_MICROS: price_micros}


def charges_for(
    requester: Requester,
    request: ResolvedRequest,
    tier: Tier,
    now: datetime,
    *,
    price_micros: int | None = None,
) -> Sequence[Charge]:
    """Return what a job costs, in a fixed order so that reservations cannot deadlock.

    Args:
        requester: Whose account it is booked on.
        request: What is to be made.
        tier: Sets the limits.
        now: Sets the window.
        price_micros: The expected price in millionths of the operator's currency, if there is
            one.
    """
    return [
        Charge(
            account=account_of(requester),
            window=window_of(now),
            unit=unit,
            amount=amount,
            limit=tier.daily.get(unit),
        )
        for unit, amount in sorted(amounts_of(request, price_micros).items())
        if amount > 0
    ]


def settlement_of(job: Job) -> Settlement | None:
    """Say how an ended job settles; None while it is open.

    Failed jobs, jobs cancelled before they ran and results lost by our fault cost nothing; a
    failure that is not ours is one that a moderator had counted.
    """
    match job.state:
        case JobState.DONE:
            return Settlement.COMMIT
        case JobState.CANCELLED:
            return Settlement.RELEASE if job.started_at is None else Settlement.COMMIT
        case JobState.FAILED | JobState.UNDELIVERED:
            is_ours = job.failure is None or job.failure.is_ours
            return Settlement.RELEASE if is_ours else Settlement.COMMIT
        case _:
            return None
