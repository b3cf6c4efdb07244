"""Sends messages to addresses that strangers named, and tells how they were taken.

An address is https at a public host, unless the operator named its host. Redirects are not
followed, and nothing of an answer is read but its status.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from jobs.errors import FlipbookError, SettingsError, UnavailableError
from providers.addresses import (
    ForbiddenAddressError,
    RefusedSocketError,
    check_stranger,
    read_address,
)
from providers.failures import FAILURES, tell
from providers.sessions import open_public_session, open_session

TOTAL_S = 5.0  # "5 seconds", as Novita's documentation says of its own webhooks
POSTS_AT_ONCE = 8
NOT_TAKEN = "The receiver cannot be reached."

OwnHosts = frozenset[tuple[str, int | None]]
"""Hosts with their port; None is every port."""


class Posts:
    """Posts to strangers, each within a few seconds."""

    def __init__(
        self,
        *,
        own: OwnHosts,
        own_session: aiohttp.ClientSession,
        public_session: aiohttp.ClientSession,
    ) -> None:
        self._own = own
        self._own_session = own_session
        self._public_session = public_session

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        own: Sequence[str] = (),
        total_s: float = TOTAL_S,
        resolver: AbstractResolver | None = None,
    ) -> AsyncGenerator[Self]:
        """Open it, and close all its connections in the end.

        Args:
            own: Hosts, `hooks.lan` or `127.0.0.1:9000`, that may be private and plain http.
            total_s: Seconds for one message, from looking the name up to the answer's status.
            resolver: Another than the system's; whoever made it closes it.

        Raises:
            SettingsError: One of `own` is no host.
        """
        hosts, names = own_hosts(own), resolver or aiohttp.ThreadedResolver()
        timeout = aiohttp.ClientTimeout(total=total_s)
        async with (
            open_session(names, timeout=timeout, limit=POSTS_AT_ONCE) as own_session,
            open_public_session(names, timeout=timeout, limit=POSTS_AT_ONCE) as public_session,
        ):
            yield cls(own=hosts, own_session=own_session, public_session=public_session)

    async def post(self, url: str, body: bytes, *, headers: Mapping[str, str]) -> int:
        """Send one message and return the status of the answer; a redirect is an answer.

        Raises:
            ForbiddenAddressError: The address is one that is never opened.
            UnavailableError: No answer came in time; the message may have arrived.
        """
        try:
            address = read_address(url)
            session = self._session_for(address)
            async with session.post(
                address, data=body, headers=headers, allow_redirects=False
            ) as response:
                return response.status
        except FlipbookError:
            raise
        except FAILURES as error:
            failure = _failure_of(error)
        raise failure

    def _session_for(self, url: URL) -> aiohttp.ClientSession:
        host = (url.raw_host or "").lower().rstrip(".")
        if not self._own.isdisjoint({(host, None), (host, url.port)}):
            return self._own_session
        check_stranger(url)
        return self._public_session


def own_hosts(names: Sequence[str]) -> OwnHosts:
    """Read the hosts that may be private.

    Raises:
        SettingsError: One is no host.
    """
    return frozenset(map(_own_host, names))


def _own_host(name: str) -> tuple[str, int | None]:
    try:
        url = read_address(f"http://{name}")
    except ForbiddenAddressError:
        url = None
    if url is None or url.raw_path_qs != "/":
        raise SettingsError(f"FLIPBOOK_WEBHOOK_ALLOW: `{name}` is no host like hooks.lan:9000.")
    return (url.raw_host or "").lower().rstrip("."), url.explicit_port


def _failure_of(error: Exception) -> ForbiddenAddressError | UnavailableError:
    """Tell a refused socket from all that may be better next time."""
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        error.os_error, RefusedSocketError
    ):
        return ForbiddenAddressError(f"{error.host} leads to an address that is not public")
    return UnavailableError(NOT_TAKEN, detail=tell(error))
