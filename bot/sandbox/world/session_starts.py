"""Counts how often a bot identifies: Discord takes the token of one that does so too often.

Source: Discord's "Gateway": Identifying, Max Concurrency, Session Start Limit Object.
"""

from enum import Enum, auto

from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.clock import SandboxClock
from bot.sandbox.world.limits import Limit, RateLimits, Window


class Start(Enum):
    """What becomes of an IDENTIFY."""

    ALLOWED = auto()
    TOO_FAST = auto()  # one of the same `rate_limit_key` was less than five seconds ago
    TOO_MANY = auto()  # more than a thousand in a day


class SessionStarts:
    """The budget of session starts, shared by all shards."""

    def __init__(self, *, clock: SandboxClock, limits: RateLimits) -> None:
        self._clock = clock
        self._budget = Window(limits.identifies)
        self._concurrency = limits.max_concurrency
        self._one = Limit(requests=1, window_s=limits.identify_pause_s)
        self._keys: dict[int, Window] = {}
        self.recommended_shards = 1
        """What `GET /gateway/bot` advises; a test may set it."""

    def take(self, shard: int) -> Start:
        """Count one IDENTIFY of a shard and decide about it."""
        now = self._clock.now()
        if not self._budget.take(now):
            return Start.TOO_MANY
        key = shard % self._concurrency
        is_first = self._keys.setdefault(key, Window(self._one)).take(now)
        return Start.ALLOWED if is_first else Start.TOO_FAST

    def describe(self) -> JsonObject:
        """Write the session start limit object."""
        now = self._clock.now()
        return {
            "total": self._budget.limit.requests,
            "remaining": self._budget.remaining(now),
            "reset_after": int(self._budget.left_s(now) * 1000),
            "max_concurrency": self._concurrency,
        }
