"""Client sessions that remember nothing and believe nobody; what each may reach is said here."""

from collections.abc import Sequence

import aiohttp
from aiohttp.abc import AbstractResolver

from providers.addresses import PublicResolver, guarded_socket


def open_session(
    names: AbstractResolver,
    *,
    timeout: aiohttp.ClientTimeout,
    limit: int,
    traces: Sequence[aiohttp.TraceConfig] = (),
) -> aiohttp.ClientSession:
    """Open a session for addresses of the operator's choice, which may be private.

    Args:
        names: Looks names up; whoever made it closes it.
        timeout: How long things may take.
        limit: Connections at once.
        traces: Watch its requests.
    """
    connector = aiohttp.TCPConnector(resolver=names, force_close=True, limit=limit)
    return _session(connector, timeout, traces)


def open_public_session(
    names: AbstractResolver, *, timeout: aiohttp.ClientTimeout, limit: int
) -> aiohttp.ClientSession:
    """Open a session for a stranger's addresses: it opens no socket to a private one."""
    connector = aiohttp.TCPConnector(
        resolver=PublicResolver(names),
        socket_factory=guarded_socket,
        force_close=True,
        limit=limit,
    )
    return _session(connector, timeout, ())


def _session(
    connector: aiohttp.TCPConnector,
    timeout: aiohttp.ClientTimeout,
    traces: Sequence[aiohttp.TraceConfig],
) -> aiohttp.ClientSession:
    """Open a session without cookies and without the proxies of the environment.

    Connections are not kept: one that the other side has closed meanwhile would make a lost
    submit of a submit that never left.
    """
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        headers={"User-Agent": "Flipbook", "Accept-Encoding": "identity"},
        timeout=timeout,
        trace_configs=list(traces),
    )
