"""What a server's members made and what it cost, day by day; all days are UTC.

A video counts on the day on which it ended. Money is the price of what a provider made, and of
what counts against the quota although nothing came of it, such as a video cancelled while it was
being made.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

from jobs.states import JobState

MAX_DAYS = 90
HALF, NINE_OF_TEN = 0.5, 0.9

Price = tuple[str, str]  # provider and currency
Key = TypeVar("Key")

# Why no video was posted, in the words of somebody who reads a chart; the codes are jobs'.
_FAILURES: Mapping[str, str] = {
    "backend_off": "provider switched off",
    "bad_file": "damaged file",
    "charged": "ended by a moderator",
    "disk_full": "disk full",
    "flagged": "stopped by the safety checker",
    "internal": "fault of Flipbook",
    "interrupted": "render interrupted",
    "no_download": "download failed",
    "refused": "refused by the provider",
    "released": "ended by a moderator",
    "render_failed": "render failed",
    "unavailable": "provider out of reach",
    "undelivered": "could not be posted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfUse:
    """What ended in a server on one day.

    Attributes:
        videos: Posted ones.
        video_ms: Their length in sum.
        money: Millionths that were spent.
        waits: How many videos waited so many whole seconds until somebody began to make them.
        failures: How many were not made, or not posted, by the code of their failure.
        cancelled: How many were cancelled, by anybody.
        members: How many were posted for whom.
    """

    day: date
    videos: int = 0
    video_ms: int = 0
    money: Mapping[Price, int] = field(default_factory=dict[Price, int])
    waits: Mapping[int, int] = field(default_factory=dict[int, int])
    failures: Mapping[str, int] = field(default_factory=dict[str, int])
    cancelled: int = 0
    members: Mapping[int, int] = field(default_factory=dict[int, int])


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Some days of a server in a row; the last one may not be over.

    Attributes:
        days: At least one, oldest first.
        waiting: How many jobs are open now.
    """

    days: tuple[DayOfUse, ...]
    waiting: int = 0

    @property
    def is_empty(self) -> bool:
        """Nothing ended in these days."""
        return not any(
            one.videos or one.failures or one.cancelled or one.waits for one in self.days
        )

    @property
    def videos(self) -> int:
        """How many were posted."""
        return sum(one.videos for one in self.days)

    @property
    def video_ms(self) -> int:
        """How long they are in sum."""
        return sum(one.video_ms for one in self.days)

    @property
    def cancelled(self) -> int:
        """How many were cancelled."""
        return sum(one.cancelled for one in self.days)

    @property
    def money(self) -> Mapping[Price, int]:
        """What was spent, most first."""
        return _summed(one.money for one in self.days)

    @property
    def members(self) -> Mapping[int, int]:
        """How many were posted for whom, most first."""
        return _summed(one.members for one in self.days)

    @property
    def failures(self) -> Mapping[str, int]:
        """How many were not made or not posted, by kind in words, most first."""
        kinds: Counter[str] = Counter()
        for one in self.days:
            for code, count in one.failures.items():
                kinds[failure_words(code)] += count
        return dict(kinds.most_common())

    @property
    def waits(self) -> Mapping[int, int]:
        """How many waited how many seconds."""
        return _summed(one.waits for one in self.days)

    @property
    def currencies(self) -> tuple[str, ...]:
        """In what money was spent; the one that was used on the most recent day first."""
        recent = [currency for one in reversed(self.days) for _, currency in one.money]
        return tuple(dict.fromkeys(recent))


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job as an export lists it.

    Attributes:
        number: The order of arrival.
        video_ms: Of the finished video; None if there is none.
        counted: It counts against the quota; None while it is open.
        prompt: As it was asked, parts and all; None if it was not asked for.
    """

    number: int
    id: str
    asked_at: datetime
    ended_at: datetime | None
    member_id: int
    provider: str
    model: str
    state: JobState
    video_ms: int | None
    frames: int
    width: int
    height: int
    steps: int
    price_micros: int | None
    currency: str
    waited_s: float | None
    rendered_s: float | None
    counted: bool | None
    prompt: str | None = None


def days_until(last: date, count: int) -> tuple[date, ...]:
    """Return so many days in a row, oldest first, of which `last` is the last one."""
    return tuple(last - timedelta(days=back) for back in reversed(range(count)))


def wait_at(share: float, waits: Mapping[int, int]) -> int | None:
    """Return the seconds that a share of all waited at most: the nearest-rank percentile.

    Args:
        share: Over 0, at most 1.
        waits: How many waited how many seconds.

    Returns:
        None if nobody waited.
    """
    total, seen = sum(waits.values()), 0
    for seconds in sorted(waits):
        seen += waits[seconds]
        if seen >= share * total:
            return seconds
    return None


def failure_words(code: str) -> str:
    """Say in a few words why no video was posted."""
    return _FAILURES.get(code) or code.replace("_", " ") or "no reason given"


def _summed(parts: Iterable[Mapping[Key, int]]) -> Mapping[Key, int]:
    """Add up what several days have of the same, most first."""
    total: Counter[Key] = Counter()
    for part in parts:
        total.update(part)
    return dict(total.most_common())
