"""How often a bot may do what, as values: Discord's limits, and limits that never bite.

Source: Discord's "Rate Limits" and, for the gateway, "Gateway" (Rate Limiting, Identifying).
Discord documents the scheme and few numbers; what it does not says "observed" or "ours" below.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

DAY_S = 86400.0


class Scope(StrEnum):
    """Whose limit it is ("Rate Limits", `X-RateLimit-Scope`)."""

    USER = "user"  # the bot's, on one route
    GLOBAL = "global"  # the bot's, on all routes together
    SHARED = "shared"  # the resource's: others used it up as well


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many requests in each window; a window begins with the first request in it."""

    requests: int
    window_s: float
    scope: Scope = Scope.USER


class Window:
    """Counts what fell into the present window of a limit."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.used = 0
        self.ends_at: datetime | None = None

    def take(self, now: datetime) -> bool:
        """Count one more, unless the window is full."""
        self._renew(now)
        if self.used >= self.limit.requests:
            return False
        self.used += 1
        return True

    def remaining(self, now: datetime) -> int:
        """Tell how many more the window takes."""
        self._renew(now)
        return self.limit.requests - self.used

    def left_s(self, now: datetime) -> float:
        """Tell in how many seconds the window ends."""
        self._renew(now)
        whole = timedelta(seconds=self.limit.window_s)
        return ((self.ends_at or now + whole) - now).total_seconds()

    def is_over(self, now: datetime) -> bool:
        """Whether the window has ended, so that a new one would tell the same."""
        return self.ends_at is None or now >= self.ends_at

    def _renew(self, now: datetime) -> None:
        if self.is_over(now):
            self.used = 0
            self.ends_at = now + timedelta(seconds=self.limit.window_s)


BUSY = Limit(requests=50, window_s=1)
ENDLESS = Limit(requests=1_000_000, window_s=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """All limits of a sandbox."""

    routes: Mapping[tuple[str, str], Limit] = field(
        default_factory=dict[tuple[str, str], Limit],
    )
    """By method and template; counted for each channel, guild or webhook ("top-level resource")."""
    other: Limit = BUSY
    """Of any route that is not named; the number is ours, Discord documents none."""
    webhook: Limit = BUSY
    """Of all requests with one webhook token; an interaction's token is one."""
    total: Limit = BUSY
    """Of all requests with a bot token but those that answer interactions ("Global Rate Limit")."""
    invalid: Limit = Limit(requests=10_000, window_s=600)
    """Of answers 401, 403 and 429 to one address ("Invalid Request Limit aka Cloudflare bans")."""
    gateway_events: Limit = Limit(requests=120, window_s=60)
    """Of what a client sends on one gateway connection ("Gateway", Rate Limiting)."""
    identifies: Limit = Limit(requests=1000, window_s=DAY_S)
    """Of session starts ("Gateway", Identifying); too many reset the bot's token."""
    max_concurrency: int = 1
    """How many shards may identify at once ("Gateway", Max Concurrency)."""
    identify_pause_s: float = 5
    """How long the next of a `rate_limit_key` must wait (the same section)."""

    @classmethod
    def observed(cls, *, identify_pause_s: float = 5) -> "RateLimits":
        """Limit as Discord has been seen to; it documents none of the numbers given here.

        Args:
            identify_pause_s: 0 is not Discord's, but spares tests that start bots again the wait.
        """
        return cls(
            identify_pause_s=identify_pause_s,
            routes={
                # Five in five seconds for each channel: first told in discord-api-docs#20 (2016),
                # and still what clients see; creating and editing count apart.
                ("POST", "/channels/{channel_id}/messages"): Limit(requests=5, window_s=5),
                ("PATCH", "/channels/{channel_id}/messages/{message_id}"): Limit(
                    requests=5, window_s=5
                ),
            },
            webhook=Limit(requests=5, window_s=2),  # discord-api-docs#6753
        )

    @classmethod
    def roomy(cls) -> "RateLimits":
        """Limit nothing: for tests that are about something else and hurry."""
        return cls(
            other=ENDLESS,
            webhook=ENDLESS,
            total=ENDLESS,
            invalid=ENDLESS,
            gateway_events=ENDLESS,
            identify_pause_s=0,
        )
