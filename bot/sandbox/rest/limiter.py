"""Counts REST requests and refuses what is too much, as Discord's "Rate Limits" describes.

Buckets run on the sandbox's clock; a client that obeys the headers never meets a 429.
"""

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime

from aiohttp import web

from bot.sandbox.errors import retry_headers
from bot.sandbox.rest.call import Reply, Route
from bot.sandbox.world.clock import SandboxClock
from bot.sandbox.world.limits import Limit, RateLimits, Scope, Window

TOP_LEVEL = ("channel_id", "guild_id", "interaction_token")
"""What a bucket is counted for: channels, guilds, webhooks with their token ("Rate Limits")."""

MOST_WINDOWS = 1000

INVALID = frozenset({401, 403, 429})
CLOUDFLARE = "error code: 1015"
"""What Cloudflare writes to those it has banned: observed, not documented."""


class RateLimitedError(Exception):
    """A request was one too many; `reply` says so as Discord does. Never leaves the sandbox."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__("rate limited")


class Limiter:
    """All buckets of a sandbox."""

    def __init__(self, *, clock: SandboxClock, limits: RateLimits) -> None:
        self._clock = clock
        self._limits = limits
        self._windows: dict[tuple[str, ...], Window] = {}
        self._invalid = Window(limits.invalid)

    @property
    def invalid_requests(self) -> int:
        """How many answers 401, 403 and 429 count against the bot at present."""
        return self._invalid.limit.requests - self._invalid.remaining(self._clock.now())

    @property
    def buckets(self) -> int:
        """How many buckets are counted."""
        return len(self._windows)

    def note(self, reply: Reply) -> None:
        """Count an answer against the bot if it is of the invalid ones; shared 429s are not."""
        is_shared = reply.headers.get("X-RateLimit-Scope") == Scope.SHARED
        if reply.status in INVALID and not is_shared:
            self._invalid.take(self._clock.now())

    def ban(self) -> web.Response | None:
        """Answer as Cloudflare does once the bot is banned: no JSON and no `Via`."""
        now = self._clock.now()
        if self._invalid.remaining(now) > 0:
            return None
        headers = {"Retry-After": str(math.ceil(self._invalid.left_s(now)))}
        return web.Response(status=429, text=CLOUDFLARE, headers=headers)

    def admit(self, route: Route, params: Mapping[str, str], bot: str) -> dict[str, str]:
        """Count a request and return the headers of its bucket.

        Raises:
            RateLimitedError: It is one too many for the bot or for its bucket.
        """
        if not route.is_rate_limited:
            return {}
        now = self._clock.now()
        if not route.is_interaction:
            self._take_global(now, bot)
        name, limit = self._bucket(route)
        self._forget_old(now)
        resource = tuple(params[key] for key in TOP_LEVEL if key in params)
        window = self._windows.setdefault((name, *resource), Window(limit))
        is_admitted = window.take(now)
        headers = _describe(name, window, now)
        if not is_admitted:
            raise RateLimitedError(too_many(limit.scope, window.left_s(now), headers))
        return headers

    def _take_global(self, now: datetime, bot: str) -> None:
        window = self._windows.setdefault(("", bot), Window(self._limits.total))
        if not window.take(now):
            raise RateLimitedError(too_many(Scope.GLOBAL, window.left_s(now)))

    def _forget_old(self, now: datetime) -> None:
        """Drop windows that are over once there are many: every interaction's token has its own."""
        if len(self._windows) > MOST_WINDOWS:
            old = [key for key, window in self._windows.items() if window.is_over(now)]
            for key in old:
                del self._windows[key]

    def _bucket(self, route: Route) -> tuple[str, Limit]:
        """Name the bucket of a route; one webhook token has one bucket for all routes (ours)."""
        if route.is_interaction:
            return _hash("webhook"), self._limits.webhook
        limit = self._limits.routes.get((route.method, route.template), self._limits.other)
        return _hash(f"{route.method} {route.template}"), limit


def too_many(scope: Scope, retry_after_s: float, headers: Mapping[str, str] | None = None) -> Reply:
    """Write a 429 ("Exceeding A Rate Limit")."""
    whose = "The resource is" if scope == Scope.SHARED else "You are"
    is_global = scope == Scope.GLOBAL
    body: dict[str, object] = {
        "message": f"{whose} being rate limited.",
        "retry_after": retry_after_s,
        "global": is_global,
        "code": 0,  # optional in "Rate Limits", required in the OpenAPI document
    }
    told = {
        **(headers or {}),
        **retry_headers(retry_after_s),
        "X-RateLimit-Scope": str(scope),
    }
    if is_global:
        told["X-RateLimit-Global"] = "true"
    return Reply(status=429, body=body, headers=told)


def _describe(name: str, window: Window, now: datetime) -> dict[str, str]:
    left_s = math.ceil(window.left_s(now) * 1000) / 1000  # never too early
    return {
        "X-RateLimit-Bucket": name,
        "X-RateLimit-Limit": str(window.limit.requests),
        "X-RateLimit-Remaining": str(window.remaining(now)),
        "X-RateLimit-Reset": f"{now.timestamp() + left_s:.3f}",
        "X-RateLimit-Reset-After": f"{left_s:.3f}",
    }


def _hash(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()[:32]
