"""Where a request comes from, and under which address it reached us.

What a request says of itself is believed only if it came through a proxy that the operator named:
anybody can write `X-Forwarded-For`.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web

from bot.web.problems import Problem, ProblemKind

Network = IPv4Network | IPv6Network

_HOST = re.compile(r"[A-Za-z0-9._\-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?")
OWN_PREFIX = 64  # bits of an IPv6 address that one subscriber has to themselves (RFC 6177)
UNKNOWN = "unknown"


def caller_of(request: web.Request, proxies: Sequence[Network] = ()) -> str:
    """Return the name under which a caller is counted: an IPv4 address, or an IPv6 network.

    Args:
        request: Any request.
        proxies: Those that are believed about whom they speak for.
    """
    address = _parse(request.remote or "")
    hops = [hop.strip() for hop in ",".join(_forwarded(request)).split(",") if hop.strip()]
    while address is not None and hops and _is_in(address, proxies):
        address = _parse(hops.pop())  # the right-most one was added by the nearest proxy
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, OWN_PREFIX), strict=False))
    return UNKNOWN if address is None else str(address)


def origin_of(request: web.Request, proxies: Sequence[Network] = ()) -> str:
    """Return the scheme and the host that a request was sent to, `http://gpu.local:8080`.

    Raises:
        Problem: Its `Host` header is none.
    """
    if not _HOST.fullmatch(request.host):
        raise Problem(ProblemKind.BAD_REQUEST, "The Host header makes no sense.")
    address = _parse(request.remote or "")
    is_believed = address is not None and _is_in(address, proxies)
    told = request.headers.get("X-Forwarded-Proto", "") if is_believed else ""
    scheme = told if told in ("http", "https") else request.scheme
    return f"{scheme}://{request.host}"


def _forwarded(request: web.Request) -> Sequence[str]:
    return request.headers.getall("X-Forwarded-For", [])


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_in(address: IPv4Address | IPv6Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
