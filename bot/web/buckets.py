"""Token buckets by name: how often an address or a key may come, in bounded memory.

A bucket is kept as one time, that at which it will be full again (the generic cell rate algorithm
of ATM, ITU-T I.371), so a bucket that is full is the same as none and may be forgotten.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.ports import Clock

MOST_NAMES = 10_000  # about 2 MB; past that the one that was used longest ago is forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something may happen: that many at once, and then that many a minute."""

    per_minute: int

    @property
    def pause(self) -> timedelta:
        """How long one more takes to become possible."""
        return timedelta(minutes=1) / self.per_minute

    @property
    def slack(self) -> timedelta:
        """How far ahead of its pace somebody may be."""
        return self.pause * (self.per_minute - 1)


class Buckets:
    """Counts what was done under each name.

    Args:
        clock: Tells the time.
        most: Names that are remembered.
    """

    def __init__(self, *, clock: Clock, most: int = MOST_NAMES) -> None:
        self._clock = clock
        self._most = most
        self._full_at: OrderedDict[str, datetime] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def wait_s(self, name: str, rate: Rate) -> float:
        """Return the seconds until there is room for one more; 0 is now."""
        ahead = self._full(name, rate) - self._clock.now()
        return max(0.0, (ahead - rate.slack).total_seconds())

    def charge(self, name: str, rate: Rate) -> None:
        """Count one more, whether there was room or not."""
        self._full_at[name] = self._full(name, rate) + rate.pause
        self._full_at.move_to_end(name)
        while len(self._full_at) > self._most:
            self._full_at.popitem(last=False)

    def _full(self, name: str, rate: Rate) -> datetime:
        """Return when a bucket is full; nobody owes more than a minute, whatever the clock did."""
        now = self._clock.now()
        latest = now + timedelta(minutes=1)
        return min(max(self._full_at.get(name, now), now), latest)
