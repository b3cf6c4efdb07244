"""The gate of the HTTP door: how much is read, who asks, and how often they may.

It is written for the open internet. Before a key is known, what an address may try is limited;
what it tried in vain is held against it, and what it did with a good key is not. A key has a
limit of its own. All of that is in memory, bounded, and forgotten at a restart.
"""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from bot.web.buckets import Buckets, Rate
from bot.web.callers import Network, caller_of, origin_of
from bot.web.problems import Problem, ProblemKind, problem_of
from bot.web.reading import body_of
from jobs.errors import StorageError
from jobs.keys import KEY, ApiKey, digest_of
from jobs.ports import Clock, KeyStore

MAX_BODY = 1024 * 1024  # bytes; a request is some kilobytes
MAX_IMAGE_BODY = 28 * 1024 * 1024  # an init image of 20 MiB as base64, and what is around it
SLOW_RETRY_S = 10.0

_SCHEME = re.compile(r"bearer +", re.IGNORECASE)
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """What the gate holds requests to.

    Attributes:
        key_rate: For a key that has no rate of its own; None is unlimited.
        stranger_rate: For requests of one address that came without a good key.
        public_url: What links begin with, instead of what each request was sent to.
        proxies: Those that are believed about whom they speak for.
        read_s: Seconds for a whole body.
        image_read_s: Seconds for one that may hold an init image.
        large_bodies: Of those, how many at a time: each takes its size in memory.
    """

    key_rate: Rate | None = None
    stranger_rate: Rate = field(default_factory=lambda: Rate(per_minute=60))
    public_url: str | None = None
    proxies: Sequence[Network] = ()
    read_s: float = 10.0
    image_read_s: float = 60.0
    large_bodies: int = 4


class Gate:
    """Lets requests in, or says why not.

    Args:
        keys: Who may come in.
        clock: Tells the time.
        bars: What requests are held to.
    """

    def __init__(self, *, keys: KeyStore, clock: Clock, bars: Bars | None = None) -> None:
        self._keys = keys
        self._bars = bars or Bars()
        self._strangers = Buckets(clock=clock)
        self._callers = Buckets(clock=clock)
        self._large = 0

    async def read(self, request: web.Request, *, limit: int = MAX_BODY) -> bytes:
        """Return the body of a request; every handler calls this first, also where there is none.

        Args:
            request: Any request.
            limit: `MAX_IMAGE_BODY` where an init image may come along.

        Raises:
            Problem: Too many requests from this address, a body too large, or too slow.
        """
        self._check_stranger(request)
        read_s = self._bars.read_s if limit <= MAX_BODY else self._bars.image_read_s
        try:
            async with self._room_for(request, limit):
                return await body_of(request, limit=limit, read_s=read_s)
        except web.HTTPRequestEntityTooLarge:
            kind, message = ProblemKind.TOO_LARGE, f"The body has more than {limit} bytes."
        except web.HTTPRequestTimeout:
            kind, message = ProblemKind.BAD_REQUEST, "The body came too slowly."
        except web.HTTPBadRequest:
            kind, message = ProblemKind.BAD_REQUEST, "The body broke off."
        self._charge_stranger(request)
        raise Problem(kind, message)

    async def admit(self, request: web.Request, body_key: str | None = None) -> ApiKey:
        """Return whose key came along: `Authorization: Bearer K`, bare `K`, or one in the body.

        Args:
            request: One that was read.
            body_key: The `key` of the body, if the protocol puts it there; it wins.

        Raises:
            Problem: UNAUTHORIZED: there is no key, or not one of ours; RATE_LIMITED: too many
                requests, with `retry_after_s`; UNAVAILABLE: nobody can tell now.
        """
        self._check_stranger(request)
        key = await self._known(body_key or _header_key(request))
        if key is None:
            self._charge_stranger(request)
            raise Problem(ProblemKind.UNAUTHORIZED, "There is no such API key.")
        self._check_pace(key)
        return key

    def base_of(self, request: web.Request) -> str:
        """Return what links in an answer begin with, without a slash at the end.

        That is `FLIPBOOK_PUBLIC_URL`, or else the scheme and host that this request was sent to.

        Raises:
            Problem: The `Host` header makes no sense.
        """
        return self._bars.public_url or origin_of(request, self._bars.proxies)

    async def _known(self, key: str) -> ApiKey | None:
        """Return what is known of a key; what does not look like one is not looked up."""
        if not KEY.fullmatch(key):
            return None
        try:
            return await self._keys.key_of(digest_of(key))
        except StorageError as error:
            raise problem_of(error) from error

    def _check_pace(self, key: ApiKey) -> None:
        own = key.requests_per_minute
        rate = self._bars.key_rate if own is None else Rate(per_minute=own)
        if rate is None:
            return
        wait_s = self._callers.wait_s(str(key.id), rate)
        if wait_s:
            message = f"This key may ask {rate.per_minute} times a minute."
            raise Problem(ProblemKind.RATE_LIMITED, message, retry_after_s=wait_s)
        self._callers.charge(str(key.id), rate)

    def _check_stranger(self, request: web.Request) -> None:
        caller = caller_of(request, self._bars.proxies)
        wait_s = self._strangers.wait_s(caller, self._bars.stranger_rate)
        if wait_s:
            message = "Too many requests without a good key came from this address."
            raise Problem(ProblemKind.RATE_LIMITED, message, retry_after_s=wait_s)

    def _charge_stranger(self, request: web.Request) -> None:
        self._strangers.charge(caller_of(request, self._bars.proxies), self._bars.stranger_rate)

    @asynccontextmanager
    async def _room_for(self, request: web.Request, limit: int) -> AsyncGenerator[None]:
        """Hold one of the places for large bodies while one is read, if this may be one."""
        length = request.content_length
        is_small = limit <= MAX_BODY or (length is not None and length <= MAX_BODY)
        if is_small or not request.body_exists:
            yield
            return
        if self._large >= self._bars.large_bodies:
            message = "Too many large requests are being read just now."
            raise Problem(ProblemKind.RATE_LIMITED, message, retry_after_s=SLOW_RETRY_S)
        self._large += 1
        try:
            yield
        finally:
            self._large -= 1


def idempotency_key_of(request: web.Request) -> str | None:
    """Return the `Idempotency-Key` header, or None if there is none.

    Raises:
        Problem: It is not 1 to 255 printable ASCII characters without blanks.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        message = "An Idempotency-Key has 1 to 255 printable ASCII characters and no blanks."
        raise Problem(ProblemKind.BAD_REQUEST, message, field="Idempotency-Key")
    return key


def _header_key(request: web.Request) -> str:
    """Return the key of the Authorization header, with or without the word that belongs there."""
    header = request.headers.get("Authorization", "").strip()
    return _SCHEME.sub("", header, count=1) if _SCHEME.match(header) else header
