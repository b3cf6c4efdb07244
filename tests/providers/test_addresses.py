"""A stranger's address never makes the bot connect to its own network: the canary stays alone."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from jobs.errors import SettingsError, UnavailableError
from providers.addresses import (
    ForbiddenAddressError,
    RefusedSocketError,
    guarded_socket,
    is_public,
    own_origins,
    read_address,
)
from providers.http import Http, Timeouts
from tests.fakes.names import Names, RebindingNames
from tests.fakes.raw_server import RawServer, answers

QUICK = Timeouts(connect_s=5, read_s=5, total_s=5, download_total_s=5)

# What a name says that an attacker has registered.
NAMES = {
    "localhost": ["127.0.0.1"],
    "inside.example": ["127.0.0.1"],
    "both.example": ["::1", "127.0.0.1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "rebind.example": ["127.0.0.1"],
    "2130706433": ["127.0.0.1"],  # as getaddrinfo reads them
    "0x7f000001": ["127.0.0.1"],
    "0x7f.0.0.1": ["127.0.0.1"],
    "127.0.0.1.": ["127.0.0.1"],
    "%31%32%37.0.0.1": ["127.0.0.1"],
}

# Forms that a plain client takes for this very machine, at least on some systems.
LOOPBACK = [
    "https://127.0.0.1:{port}/",
    "HTTPS://127.0.0.1:{port}/",
    "https://127.8.9.10:{port}/",
    "https://127.0.0.1.:{port}/",
    "https://0.0.0.0:{port}/",
    "https://0:{port}/",
    "https://127.1:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://0x7f.0.0.1:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://[::1]:{port}/",
    "https://[::]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[::127.0.0.1]:{port}/",
    "https://someone@127.0.0.1:{port}/",
    "https://video.example:443@127.0.0.1:{port}/",
    "https://video.example\\@127.0.0.1:{port}/",
    "https://①②⑦.0.0.1:{port}/",
    "https://127。0。0。1:{port}/",
    "https://127.0\t.0.1:{port}/",
    "https://127.0.0.1\n:{port}/",
    "https://%31%32%37.0.0.1:{port}/",
    "https://localhost:{port}/",
    "https://inside.example:{port}/",
    "https://both.example:{port}/",
    "https://mapped.example:{port}/",
    "http://127.0.0.1:{port}/",
    "http://inside.example:{port}/",
    "//127.0.0.1:{port}/",
]

# Other ways into a private network; where they lead, no canary of a test can sit.
ELSEWHERE = [
    "https://[64:ff9b::7f00:1]:{port}/",
    "https://[64:ff9b:1::7f00:1]:{port}/",
    "https://[2002:7f00:1::]:{port}/",
    "https://[2001:0:7f00:1::]:{port}/",
    "https://[fe80::1%25lo]:{port}/",
    "https://[fd00::1]:{port}/",
    "https://[fec0::1]:{port}/",
    "https://[ff02::1]:{port}/",
    "https://169.254.169.254/latest/meta-data/",
    "https://10.0.0.1:{port}/",
    "https://100.64.0.1:{port}/",
    "https://192.88.99.1:{port}/",
    "https://224.0.0.1:{port}/",
    "https://255.255.255.255:{port}/",
    "file:///etc/passwd",
    "unix:///run/docker.sock",
    "https:///etc/passwd",
    "",
]


@pytest.fixture
async def canary() -> AsyncGenerator[RawServer]:
    async with RawServer.open() as server:
        yield server


@asynccontextmanager
async def open_http(*own: str) -> AsyncGenerator[Http]:
    async with Http.open(own=own, timeouts=QUICK, resolver=Names(NAMES)) as http:
        yield http


async def fetch(http: Http, url: str) -> bytes:
    async with http.download(url, limit=1000) as chunks:
        return b"".join([chunk async for chunk in chunks])


@pytest.mark.parametrize("payload", [*LOOPBACK, *ELSEWHERE])
async def test_a_private_address_in_disguise_is_refused(canary: RawServer, payload: str) -> None:
    async with open_http() as http:
        with pytest.raises(ForbiddenAddressError):
            await fetch(http, payload.format(port=canary.port))
    assert canary.connections == 0


@pytest.mark.parametrize("payload", LOOPBACK)
async def test_the_socket_alone_would_refuse_it(canary: RawServer, payload: str) -> None:
    connector = aiohttp.TCPConnector(resolver=Names(NAMES), socket_factory=guarded_socket)
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises((aiohttp.ClientError, ValueError)):
            await session.get(payload.format(port=canary.port))
    assert canary.connections == 0


async def test_a_plain_client_would_have_reached_the_canary(canary: RawServer) -> None:
    reached: set[str] = set()
    for payload in LOOPBACK:
        before = canary.connections
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=Names(NAMES))
        ) as session:
            with suppress(aiohttp.ClientError, ValueError):
                await session.get(payload.format(port=canary.port))
        if canary.connections > before:
            reached.add(payload)
    assert len(reached) >= 12
    assert "https://[::ffff:127.0.0.1]:{port}/" in reached
    assert "https://①②⑦.0.0.1:{port}/" in reached


async def test_a_name_that_changes_its_mind_is_caught_at_the_socket(canary: RawServer) -> None:
    names = RebindingNames(NAMES)
    async with Http.open(own=[], timeouts=QUICK, resolver=names) as http:
        with pytest.raises(ForbiddenAddressError):
            await fetch(http, f"https://rebind.example:{canary.port}/")
    assert names.asked == ["rebind.example"]
    assert canary.connections == 0


async def test_a_name_without_an_address_may_be_asked_again() -> None:
    async with open_http() as http:
        with pytest.raises(UnavailableError, match="cannot be fetched"):
            await fetch(http, "https://nowhere.example/")


async def test_the_operators_own_address_is_the_only_exception(canary: RawServer) -> None:
    canary.replies["/video"] = answers(b"bytes")
    async with open_http(canary.url) as http:
        assert await fetch(http, f"{canary.url}/video") == b"bytes"
        with pytest.raises(ForbiddenAddressError):
            await fetch(http, f"http://localhost:{canary.port}/video")
        with pytest.raises(ForbiddenAddressError):
            await fetch(http, f"https://127.0.0.1:{canary.port}/video")
    assert canary.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "https://inside.example:{port}/",
        "http://video.example:{port}/",
        "https://169.254.169.254/latest/meta-data/",
    ],
)
async def test_a_redirect_to_a_private_address_is_refused(
    canary: RawServer, status: int, location: str
) -> None:
    told = f"Location: {location.format(port=canary.port)}"
    async with (
        RawServer.open(replies={"/": answers(status=status, headers=(told,))}) as service,
        open_http(service.url) as http,
    ):
        with pytest.raises(ForbiddenAddressError):
            await fetch(http, f"{service.url}/")
    assert service.connections == 1
    assert canary.connections == 0


async def test_a_redirect_does_not_lead_to_an_own_address_from_elsewhere(
    canary: RawServer,
) -> None:
    told = f"Location: {canary.url}/admin"
    async with (
        RawServer.open(replies={"/": answers(status=302, headers=(told,))}) as service,
        open_http(service.url, canary.url) as http,
    ):
        with pytest.raises(ForbiddenAddressError):
            await fetch(http, f"{service.url}/")
    assert canary.connections == 0


async def test_a_redirect_at_the_same_address_is_followed_three_times() -> None:
    replies = {
        f"/{number}": answers(status=302, headers=(f"Location: /{number + 1}",))
        for number in range(5)
    }
    async with (
        RawServer.open(replies={**replies, "/4": answers(b"bytes")}) as service,
        open_http(service.url) as http,
    ):
        assert await fetch(http, f"{service.url}/1") == b"bytes"
        with pytest.raises(ForbiddenAddressError):
            await fetch(http, f"{service.url}/0")
    assert [sent.target for sent in service.requests] == [
        *("/1", "/2", "/3", "/4"),
        *("/0", "/1", "/2", "/3"),
    ]


@pytest.mark.parametrize("location", [(), ("Location: ",), ("Location: https://[",)])
async def test_a_redirect_to_nowhere_is_refused(location: tuple[str, ...]) -> None:
    async with (
        RawServer.open(replies={"/": answers(status=302, headers=location)}) as service,
        open_http(service.url) as http,
    ):
        with pytest.raises(ForbiddenAddressError):
            await fetch(http, f"{service.url}/")


async def test_a_call_reaches_no_other_address_than_an_own_one(canary: RawServer) -> None:
    async with RawServer.open() as service, open_http(service.url) as http:
        for payload in [*LOOPBACK, *ELSEWHERE]:
            with pytest.raises(UnavailableError):
                await http.call("POST", payload.format(port=canary.port), json={"key": "k"})
    assert canary.connections == 0


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "93.184.216.34"),
        *("2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"),
    ],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("0.1.2.3", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254"),
        *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.0.1"),
        *("192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:224.0.0.1"),
        *("64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:20::1", "2001:db8::1"),
        *("2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fe80::1", "fec0::1", "ff02::1"),
        *("fe80::1%lo", "", "video.example", "2130706433", "127.1"),
    ],
)
def test_all_others_are_not(address: str) -> None:
    assert not is_public(address)


def test_a_socket_that_is_no_internet_socket_is_refused() -> None:
    with pytest.raises(RefusedSocketError):
        guarded_socket((socket.AF_UNIX, socket.SOCK_STREAM, 0, "", ("8.8.8.8", 443)))


@pytest.mark.parametrize(
    "base",
    ["", "127.0.0.1:8000", "ftp://video.example", "http://me:secret@video.example", "http://"],
)
def test_a_bad_base_url_is_the_operators_to_mend(base: str) -> None:
    with pytest.raises(SettingsError) as raised:
        own_origins([base])
    assert "secret" not in str(raised.value)


def test_a_signed_address_keeps_its_letters() -> None:
    signed = "https://video.example/a%2fb/c.mp4?X-Amz-Credential=A%2FB&sig=a%2bb%3D&x=+"
    assert str(read_address(signed)) == signed


def test_an_address_with_letters_that_no_request_has_is_put_into_such() -> None:
    url = read_address("https://video.example/a red ball é.mp4#t=1")
    assert url == URL("https://video.example/a%20red%20ball%20%C3%A9.mp4")


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), st.text().map(lambda text: f"https://{text}")))
def test_no_text_is_more_than_an_address_or_a_refusal(text: str) -> None:
    try:
        url = read_address(text)
    except ForbiddenAddressError:
        return
    assert url.scheme in ("http", "https")
    assert str(url).isascii()


async def test_many_refusals_leave_nothing_behind(canary: RawServer) -> None:
    async with open_http() as http:
        tries = [fetch(http, f"https://both.example:{canary.port}/{n}") for n in range(20)]
        found = await asyncio.gather(*tries, return_exceptions=True)
    assert {type(one) for one in found} == {ForbiddenAddressError}
    assert canary.connections == 0
