"""A finished video's way here: its address is a stranger's word, and so is all it says of itself.

Redirects are followed by hand, each hop checked like the first. Bytes are counted as they come,
nothing is unpacked, and no key is ever sent along.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import aiohttp
from yarl import URL

from jobs.errors import FlipbookError, MediaError, RenderFailedError, UnavailableError
from providers.addresses import (
    ForbiddenAddressError,
    Origin,
    RefusedSocketError,
    check_stranger,
    next_hop,
    origin_of,
    read_address,
)
from providers.answers import read_retry_after
from providers.failures import FAILURES, tell

REDIRECTS = 3
REDIRECT_STATUSES = (301, 302, 303, 307, 308)
PASSING = (408, 425, 429)  # "later", unlike all other refusals: RFC 9110, 8470 and 6585

NOT_FETCHED = "The finished video cannot be fetched from the video service right now."
GONE = "The video service no longer has the finished video."
TOO_LARGE = "The video service's file is larger than Flipbook takes."
EMPTY = "The video service's file is empty."
PACKED = "The video service's file is packed in a way that Flipbook does not open."


class EmptyFileError(MediaError):
    """There is a file and nothing in it: some services promise a file this way."""

    def __init__(self) -> None:
        super().__init__(EMPTY)


class Downloads:
    """Fetches files from public hosts over https, and from the operator's own base URLs.

    Args:
        own: Where the operator's base URLs lead to.
        own_session: Speaks to those.
        public_session: Speaks to strangers, and opens no socket to a private address.
        begin_s: Seconds until a file must have begun, redirects included.
    """

    def __init__(
        self,
        *,
        own: frozenset[Origin],
        own_session: aiohttp.ClientSession,
        public_session: aiohttp.ClientSession,
        begin_s: float,
    ) -> None:
        self._own = own
        self._own_session = own_session
        self._public_session = public_session
        self._begin_s = begin_s

    @asynccontextmanager
    async def open(self, url: str, *, limit: int) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Open a file and yield its bytes as they come; `Http.download` says what it raises."""
        response = await self._begin(url)
        try:
            _check_status(response)
            _check_file(response, limit)
            async with aclosing(_chunks(response, limit)) as chunks:
                yield chunks
        finally:
            response.close()

    async def _begin(self, url: str) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(self._begin_s):
                return await self._follow(read_address(url))
        except FlipbookError:
            raise
        except FAILURES as error:
            failure = _failure_of(error)
        raise failure

    async def _follow(self, url: URL) -> aiohttp.ClientResponse:
        is_own = origin_of(url) in self._own
        for _ in range(REDIRECTS + 1):
            response = await self._ask(url, is_own=is_own)
            if response.status not in REDIRECT_STATUSES:
                return response
            response.close()
            hop = next_hop(url, response.headers.get("Location", ""))
            # Nobody is led to an own base URL, except by the server that is there already.
            is_own = is_own and origin_of(hop) == origin_of(url)
            url = hop
        raise ForbiddenAddressError(f"more than {REDIRECTS} redirects")

    async def _ask(self, url: URL, *, is_own: bool) -> aiohttp.ClientResponse:
        if not is_own:
            check_stranger(url)
        session = self._own_session if is_own else self._public_session
        return await session.get(url, allow_redirects=False)


def _check_status(response: aiohttp.ClientResponse) -> None:
    status = response.status
    told = f"status {status} from {response.url.raw_host}"
    if status == 204:
        raise EmptyFileError
    if 400 <= status < 500 and status not in PASSING:
        raise RenderFailedError(GONE, detail=told)
    if status != 200:
        retry_after_s = read_retry_after(response.headers)
        raise UnavailableError(NOT_FETCHED, retry_after_s=retry_after_s, detail=told)


def _check_file(response: aiohttp.ClientResponse, limit: int) -> None:
    if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise MediaError(PACKED)
    if response.content_length == 0:
        raise EmptyFileError
    if response.content_length is not None and response.content_length > limit:
        raise MediaError(TOO_LARGE)


async def _chunks(response: aiohttp.ClientResponse, limit: int) -> AsyncGenerator[bytes]:
    size = 0
    while chunk := await _next_chunk(response):
        size += len(chunk)
        if size > limit:
            raise MediaError(TOO_LARGE)
        yield chunk
    if not size:
        raise EmptyFileError


async def _next_chunk(response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.content.readany()
    except FAILURES as error:
        failure = UnavailableError(NOT_FETCHED, detail=tell(error))
    raise failure


def _failure_of(error: Exception) -> ForbiddenAddressError | UnavailableError:
    """Tell a refused socket from all that may be better next time."""
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        error.os_error, RefusedSocketError
    ):
        return ForbiddenAddressError(f"{error.host} leads to an address that is not public")
    return UnavailableError(NOT_FETCHED, detail=tell(error))
