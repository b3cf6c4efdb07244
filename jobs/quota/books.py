"""The rules of the books: what a job costs, and when a cost becomes final.

A charge is reserved in the transaction that inserts the job and committed or released in
the transaction that ends it. Amounts are integers; the day is fixed when the charge is made, so
a refund goes back to the day, the week and the month it came from. A job that came out cheaper
than it was reserved commits what it cost and releases the rest; it never commits more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from jobs.model import Job, Requester
from jobs.quota.windows import Window
from jobs.request import ResolvedRequest
from jobs.states import JobState


class Unit(StrEnum):
    """What is counted; integers only."""

    VIDEOS = "videos"
    VIDEO_MS = "video_ms"  # milliseconds of finished video
    MONEY_MICROS = "money_micros"  # millionths of the operator's currency

    @property
    def label(self) -> str:
        """What people call it."""
        return {Unit.VIDEOS: "videos", Unit.VIDEO_MS: "seconds", Unit.MONEY_MICROS: "money"}[self]


class Settlement(StrEnum):
    """How a reservation ends."""

    COMMIT = "commit"
    RELEASE = "release"


class Side(StrEnum):
    """Whose books a charge stands in; a job is charged once on each side."""

    MEMBER = "member"
    SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanLimit:
    """How much an account may take of a unit in a day, a week or a month.

    Attributes:
        window: The kind of span; which one it is follows from the time of the charge.
        limit: In the unit's smallest amount.
    """

    window: Window
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """An amount to be reserved from one account.

    Attributes:
        account: Whose books.
        window: The day it is booked on, or `EVER`.
        unit: Of what.
        amount: In the unit's smallest amount.
        limits: All of them must have room; none is unlimited.
        side: A refund of one side never pays for the other.
        currency: Of an amount of money, for what is said about it.
    """

    account: str
    window: str
    unit: Unit
    amount: int
    limits: tuple[SpanLimit, ...] = ()
    side: Side = Side.MEMBER
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A bucket that disagrees with its ledger."""

    account: str
    window: str
    unit: Unit
    told: int
    counted: int
    kind: str  # "used" or "reserved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bonus:
    """An extra that moderators gave a member: it drains first and does not reset.

    Attributes:
        left: What is neither used nor reserved of it.
        expires_at: When what is left is lost; None is never.
    """

    number: int
    guild_id: int
    user_id: int
    unit: Unit
    amount: int
    left: int
    created_at: datetime
    expires_at: datetime | None = None
    by_user_id: int = 0
    reason: str = ""

    @property
    def account(self) -> str:
        """The account that is booked when it is used."""
        return f"bonus:{self.number}"


EVER = "ever"  # the window of what does not reset


def account_of(requester: Requester) -> str:
    """Name the account that the jobs of a member, or of an API key, are booked on."""
    if requester.key_id:
        return requester.party
    return f"guild:{requester.guild_id}/user:{requester.user_id}"


def server_account(guild_id: int) -> str:
    """Name the account that all jobs of a server are booked on."""
    return f"guild:{guild_id}"


def amounts_of(request: ResolvedRequest, price_micros: int | None) -> Mapping[Unit, int]:
    """Return what a video costs in each unit; a price that is not known is left out."""
    amounts = {Unit.VIDEOS: 1, Unit.VIDEO_MS: round(request.duration_s * 1000)}
    return amounts if price_micros is None else {**amounts, Unit.MONEY_MICROS: price_micros}


def drawn(amount: int, bonuses: Sequence[Bonus]) -> tuple[Sequence[tuple[Bonus, int]], int]:
    """Share an amount out between a member's extras and their allowance.

    Args:
        amount: Of one unit.
        bonuses: Of that unit; those that expire first are used first.

    Returns:
        What each extra pays, and what is left to the allowance.
    """
    shares: list[tuple[Bonus, int]] = []
    for bonus in sorted(bonuses, key=_when_lost):
        share = min(bonus.left, amount)
        if share > 0:
            shares.append((bonus, share))
            amount -= share
    return shares, amount


def _when_lost(bonus: Bonus) -> tuple[bool, datetime, int]:
    return bonus.expires_at is None, bonus.expires_at or bonus.created_at, bonus.number


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
