"""The calendar of the books: days, weeks and months, all in UTC and from one clock.

A charge is booked on its day. A week or a month is the sum of its days, so a refund goes back to
the day, and with it to the week and the month, that it came from.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import assert_never


class Window(StrEnum):
    """How long an allowance lasts until it begins anew."""

    DAY = "day"
    WEEK = "week"  # from Monday, as in ISO 8601
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One day, week or month.

    Attributes:
        first: Its first day.
        end: The day after its last one; the allowance begins anew there at 00:00 UTC.
    """

    first: date
    end: date

    @property
    def resets_at(self) -> datetime:
        """When the allowance begins anew."""
        return datetime.combine(self.end, time(), tzinfo=UTC)


def span_of(window: Window, now: datetime) -> Span:
    """Return the day, week or month that a time lies in."""
    today = now.astimezone(UTC).date()
    match window:
        case Window.DAY:
            return Span(first=today, end=today + timedelta(days=1))
        case Window.WEEK:
            monday = today - timedelta(days=today.weekday())
            return Span(first=monday, end=monday + timedelta(days=7))
        case Window.MONTH:
            first = today.replace(day=1)
            return Span(first=first, end=(first + timedelta(days=31)).replace(day=1))
        case _:
            assert_never(window)


def day_of(now: datetime) -> str:
    """Name the day that a charge made now is booked on; names sort like their days."""
    return name_of(now.astimezone(UTC).date())


def name_of(day: date) -> str:
    """Name a day as the books do."""
    return f"day:{day:%Y-%m-%d}"
