"""Which addresses Flipbook opens at the word of a stranger: https, and public hosts only.

A video's address comes from outside, and whoever writes it must not be able to make the bot knock
at doors of its own network. Names lie and answers change, so what counts is the address that a
socket is about to connect to (`guarded_socket`); everything before it only fails more clearly.
"""

import re
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urljoin

from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override
from yarl import URL

from jobs.errors import ProviderError, SettingsError

FORBIDDEN = "The video service named an address that Flipbook does not open."

# Beyond what `ipaddress` calls global, which differs between the patches of Python 3.11: see
# https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry.
CLOSED_IPV4 = tuple(
    map(ip_network, ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4"))
)
UNICAST_IPV6 = ip_network("2000::/3")  # all that IANA has given out; NAT64 and its kin are outside
CLOSED_IPV6 = tuple(
    # Protocol assignments with Teredo and ORCHID, documentation, 6to4, documentation (RFC 9637).
    map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
)

HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})")
NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")  # a last label that makes a host an IPv4 address
CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")
READY_TO_SEND = re.compile(r"[!-~]+")  # printable ASCII without the space


class ForbiddenAddressError(ProviderError):
    """An address from outside is one that Flipbook never opens; it is not tried again."""

    def __init__(self, detail: str) -> None:
        super().__init__(FORBIDDEN, detail=detail)


class RefusedSocketError(OSError):
    """A connection would have gone to an address that is not public.

    It is an `OSError` so that aiohttp goes on to a name's other addresses, and its text is always
    the same so that several of them end as one.
    """

    def __init__(self) -> None:
        super().__init__("not a public address")


class Origin(NamedTuple):
    """What two addresses have in common if they lead to the same server."""

    scheme: str
    host: str
    port: int


def is_public(host: str) -> bool:
    """Say whether a numeric address is one of the public internet's, for one receiver."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return _is_public_ipv6(address)
        address = address.ipv4_mapped
    return _is_public_ipv4(address)


def _is_public_ipv4(address: IPv4Address) -> bool:
    is_closed = address.is_multicast or any(address in network for network in CLOSED_IPV4)
    return address.is_global and not is_closed


def _is_public_ipv6(address: IPv6Address) -> bool:
    is_closed = any(address in network for network in CLOSED_IPV6)
    return address.is_global and address in UNICAST_IPV6 and not is_closed


def guarded_socket(addr_info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
    """Open a socket for one address, unless that address is not public.

    It is a connector's `socket_factory`, which is the last to know where a connection goes.

    Raises:
        RefusedSocketError: It is private, or no internet address at all.
    """
    family, kind, protocol, _, address = addr_info
    if family not in (socket.AF_INET, socket.AF_INET6) or not is_public(str(address[0])):
        raise RefusedSocketError
    return socket.socket(family=family, type=kind, proto=protocol)


class PublicResolver(AbstractResolver):
    """Leaves the private addresses out of another resolver's answers.

    The socket would refuse them anyway; a name that has no others is told apart here from a
    server that is down.
    """

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        public = [result for result in found if is_public(result["host"])]
        if found and not public:
            raise RefusedSocketError
        return public

    @override
    async def close(self) -> None:
        """Leave the other resolver to whoever opened it."""


def read_address(text: str) -> URL:
    """Return an http or https URL exactly as it will be sent; a signature depends on its letters.

    Raises:
        ForbiddenAddressError: It is none, or one that two readers might understand differently.
    """
    if CONTROL.search(text):
        raise ForbiddenAddressError("a control character or a backslash in the address")
    try:
        url = URL(text, encoded=READY_TO_SEND.fullmatch(text) is not None).with_fragment(None)
        is_plain = url.raw_user is None and url.raw_password is None
        host, port = url.raw_host, url.port
    except ValueError:
        raise ForbiddenAddressError("the address is not a URL") from None
    if url.scheme not in ("http", "https") or not host or not port:
        raise ForbiddenAddressError("the address is not one of http or https")
    if not is_plain:
        raise ForbiddenAddressError("a name or a password in the address")
    if not _is_plain_host(host):
        raise ForbiddenAddressError("the address has a host of an unusual form")
    return url


def _is_plain_host(host: str) -> bool:
    """Refuse the short, octal and hexadecimal forms of IPv4 (https://url.spec.whatwg.org)."""
    try:
        ip_address(host)
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        return HOST.fullmatch(host) is not None and NUMBER.fullmatch(last) is None
    return "%" not in host  # an IPv6 address with a zone is one of a neighbour


def origin_of(url: URL) -> Origin:
    """Return where a URL that `read_address` has read leads to."""
    return Origin(url.scheme, (url.raw_host or "").lower().rstrip("."), url.port or 0)


def own_origins(base_urls: Sequence[str]) -> frozenset[Origin]:
    """Return the origins of the operator's own base URLs, which may be private and plain http.

    Raises:
        SettingsError: One is not a usable URL.
    """
    try:
        return frozenset(origin_of(read_address(base)) for base in base_urls)
    except ForbiddenAddressError as error:
        raise SettingsError(f"A provider's base URL cannot be used: {error.detail}.") from None


def check_stranger(url: URL) -> None:
    """Check what can be checked of a stranger's URL before its name is looked up.

    Raises:
        ForbiddenAddressError: It is not https, or it names a private address.
    """
    host = url.raw_host or ""
    if url.scheme != "https":
        raise ForbiddenAddressError(f"{host} is not asked over plain http")
    try:
        ip_address(host)
    except ValueError:
        return  # a name: what it stands for is seen when it is looked up
    if not is_public(host):
        raise ForbiddenAddressError(f"{host} is not a public address")


def next_hop(url: URL, location: str) -> URL:
    """Return where a redirect leads.

    Raises:
        ForbiddenAddressError: Its `Location` is not a URL that is opened.
    """
    if not location or CONTROL.search(location):
        raise ForbiddenAddressError("a redirect without a usable address")
    try:
        return read_address(urljoin(str(url), location))
    except ValueError:
        raise ForbiddenAddressError("a redirect without a usable address") from None
