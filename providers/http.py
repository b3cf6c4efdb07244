"""The one room that speaks HTTP to providers: what it raises tells whether money may have moved.

A request that never left is `UnavailableError` and may be repeated. Once its first byte has left,
all but a whole answer is `UnconfirmedError`, and nobody repeats that. Errors hold no query of an
address, no header and no body, and no library's error as their cause or context.
"""

import asyncio
import json as json_format
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from jobs.errors import UnavailableError, UnconfirmedError
from providers.addresses import (
    ForbiddenAddressError,
    Origin,
    origin_of,
    own_origins,
    read_address,
)
from providers.answers import Answer
from providers.downloads import Downloads, EmptyFileError
from providers.failures import tell
from providers.sessions import open_public_session, open_session

__all__ = ["Answer", "EmptyFileError", "ForbiddenAddressError", "Http", "Timeouts"]

ANSWER_LIMIT = 4 * 1024**2  # bytes; the longest answer known, a page of models, is below 1 MiB
CALLS_AT_ONCE = 8
DOWNLOADS_AT_ONCE = 4
METHODS = ("GET", "POST")  # aiohttp may repeat a PUT by itself; a GET, too, but that costs nothing
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # what aiohttp refuses in a header

UNREACHABLE = "The video service cannot be reached right now."
UNANSWERED = "The video service did not say whether it took this video on."


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long things may take, in seconds.

    Attributes:
        connect_s: To connect to one address, TLS included.
        read_s: Between two pieces of an answer.
        total_s: A whole call; of a download, until its file begins.
        download_total_s: A whole file.
    """

    connect_s: float = 10.0
    read_s: float = 30.0
    total_s: float = 60.0
    download_total_s: float = 600.0


@dataclass(slots=True)
class Departure:
    """Whether a call may have been seen by the other side; it travels with it through aiohttp."""

    has_left: bool = False


class AnswerTooLargeError(Exception):
    """An answer is longer than any that a service gives."""


class Http:
    """Requests in the name of one provider account.

    What waits for its turn waits outside every timeout, and has not been sent.
    """

    def __init__(
        self, *, own: frozenset[Origin], session: aiohttp.ClientSession, downloads: Downloads
    ) -> None:
        self._own = own
        self._session = session
        self._downloads = downloads
        self._calls_at_once = asyncio.Semaphore(CALLS_AT_ONCE)
        self._downloads_at_once = asyncio.Semaphore(DOWNLOADS_AT_ONCE)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        own: Sequence[str],
        timeouts: Timeouts = Timeouts(),
        resolver: AbstractResolver | None = None,
    ) -> AsyncGenerator[Self]:
        """Open it, and close all its connections in the end.

        Args:
            own: The operator's base URLs: the only addresses that are called, and the only ones
                that may be plain http or private.
            timeouts: How long things may take.
            resolver: Another than the system's; whoever made it closes it.

        Raises:
            SettingsError: A base URL cannot be used.
        """
        origins = own_origins(own)
        names = resolver or aiohttp.ThreadedResolver()
        async with (
            _open_calls(names, timeouts) as calls,
            _open_own_files(names, timeouts) as own_files,
            _open_public_files(names, timeouts) as public_files,
        ):
            downloads = Downloads(
                own=origins,
                own_session=own_files,
                public_session=public_files,
                begin_s=timeouts.total_s,
            )
            yield cls(own=origins, session=calls, downloads=downloads)

    async def call(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request to one of the operator's own base URLs and read its whole answer.

        Args:
            method: GET or POST; a POST is sent at most once.
            url: An address below one of the base URLs. Redirects from it are answers.
            json: The body; None for no body.
            params: The query.
            headers: Besides those that are always sent.

        Raises:
            UnavailableError: Nothing was sent.
            UnconfirmedError: It was sent, and no whole answer of at most 4 MiB came.
        """
        if method not in METHODS:
            raise ValueError(f"{method} is not one of {METHODS}")
        body = None if json is None else json_format.dumps(json, allow_nan=False).encode()
        departure = Departure()
        async with self._calls_at_once:
            try:
                checked = self._check(url, headers or {})
                async with self._session.request(
                    method,
                    checked,
                    data=body,
                    params=params,
                    headers=_headers_of(headers or {}, body),
                    allow_redirects=False,
                    trace_request_ctx=departure,
                ) as response:
                    return await _read(response)
            except Exception as error:  # noqa: BLE001 -- whatever broke, money hangs on how far it got
                detail = tell(error)
        if departure.has_left:
            raise UnconfirmedError(UNANSWERED, detail=detail)
        raise UnavailableError(UNREACHABLE, detail=detail)

    def _check(self, url: str, headers: Mapping[str, str]) -> URL:
        checked = read_address(url)
        if origin_of(checked) not in self._own:
            raise ForbiddenAddressError(f"{checked.raw_host} is not one of the base URLs")
        if any(map(CONTROL.search, (*headers, *headers.values()))):
            raise ForbiddenAddressError("a control character in a header, perhaps in the key")
        return checked

    @asynccontextmanager
    async def download(self, url: str, *, limit: int) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Open a file and yield its bytes as they come.

        Args:
            url: Anybody's word: https at a public host, or an address below an own base URL.
            limit: The most bytes that a file may have.

        Raises:
            ForbiddenAddressError: It leads, or redirects, to an address that is never opened.
            UnavailableError: Something on the way failed, or the file broke off; a retry is safe.
            RenderFailedError: The file is not there: gone, expired, or not for us.
            EmptyFileError: It is there and empty.
            MediaError: It is larger than `limit`, or packed.
        """
        async with self._downloads_at_once, self._downloads.open(url, limit=limit) as chunks:
            yield chunks


def _headers_of(given: Mapping[str, str], body: bytes | None) -> dict[str, str]:
    kind = {} if body is None else {"Content-Type": "application/json"}
    return {"Accept": "application/json", **kind, **given}


async def _read(response: aiohttp.ClientResponse) -> Answer:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_LIMIT:
            raise AnswerTooLargeError
    return Answer(status=response.status, body=bytes(body), headers=response.headers)


def _open_calls(names: AbstractResolver, timeouts: Timeouts) -> aiohttp.ClientSession:
    timeout = _timeout(timeouts, total_s=timeouts.total_s)
    return open_session(names, timeout=timeout, limit=CALLS_AT_ONCE, traces=[_departures()])


def _open_own_files(names: AbstractResolver, timeouts: Timeouts) -> aiohttp.ClientSession:
    timeout = _timeout(timeouts, total_s=timeouts.download_total_s)
    return open_session(names, timeout=timeout, limit=DOWNLOADS_AT_ONCE)


def _open_public_files(names: AbstractResolver, timeouts: Timeouts) -> aiohttp.ClientSession:
    timeout = _timeout(timeouts, total_s=timeouts.download_total_s)
    return open_public_session(names, timeout=timeout, limit=DOWNLOADS_AT_ONCE)


def _timeout(timeouts: Timeouts, *, total_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=total_s, sock_connect=timeouts.connect_s, sock_read=timeouts.read_s
    )


def _departures() -> aiohttp.TraceConfig:
    """Watch requests leave: aiohttp tells of the head just before it writes the first byte."""
    watch = aiohttp.TraceConfig()
    watch.on_request_headers_sent.append(_note_departure)
    return watch


async def _note_departure(
    _: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceRequestHeadersSentParams
) -> None:
    departure = context.trace_request_ctx
    if isinstance(departure, Departure):
        departure.has_left = True
