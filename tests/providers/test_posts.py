"""Messages to strangers: nothing inside is opened, nothing is followed, nobody is waited for."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from jobs.errors import SettingsError, UnavailableError
from providers.addresses import ForbiddenAddressError
from providers.posts import Posts, own_hosts
from tests.fakes.names import Names, RebindingNames
from tests.fakes.raw_server import RawServer, Reply, answers, drips, hangs, head, says
from tests.providers.test_addresses import ELSEWHERE, LOOPBACK, NAMES

LOCATION = "Location: https://hooks.example/"
ENDLESS = drips(head(200, "Transfer-Encoding: chunked"), b"4\r\nmore\r\n")

BROKEN_OFF = {
    "nothing": says(),
    "nonsense": says(b"\r\n\r\nnonsense"),
    "half a line": says(b"HTTP/1.1 2"),
}
SLOW = {"silent": hangs, "dripping": drips(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n")}


@pytest.fixture
async def server() -> AsyncGenerator[RawServer]:
    async with RawServer.open() as opened:
        yield opened


@asynccontextmanager
async def open_posts(*own: str, total_s: float = 5.0) -> AsyncGenerator[Posts]:
    async with Posts.open(own=own, total_s=total_s, resolver=Names(NAMES)) as posts:
        yield posts


async def post(posts: Posts, url: str) -> int:
    return await posts.post(url, b"{}", headers={"Content-Type": "application/json"})


@pytest.mark.parametrize("payload", [*LOOPBACK, *ELSEWHERE])
async def test_a_private_address_in_disguise_is_refused(server: RawServer, payload: str) -> None:
    async with open_posts() as posts:
        with pytest.raises(ForbiddenAddressError):
            await post(posts, payload.format(port=server.port))
    assert server.connections == 0


async def test_a_name_that_changes_its_mind_is_caught_at_the_socket(server: RawServer) -> None:
    names = RebindingNames(NAMES)
    async with Posts.open(resolver=names) as posts:
        with pytest.raises(ForbiddenAddressError):
            await post(posts, f"https://rebind.example:{server.port}/")
    assert names.asked == ["rebind.example"]
    assert server.connections == 0


@pytest.mark.parametrize(
    "own", ["127.0.0.1", "127.0.0.1:{port}", "inside.example", "INSIDE.example."]
)
async def test_the_operator_may_name_a_host(server: RawServer, own: str) -> None:
    host = "inside.example" if "inside" in own.lower() else "127.0.0.1"
    async with open_posts(own.format(port=server.port)) as posts:
        assert await post(posts, f"http://{host}:{server.port}/hook") == 200
    (sent,) = server.requests
    assert (sent.method, sent.target, sent.body) == ("POST", "/hook", b"{}")
    assert "cookie" not in sent.headers


async def test_another_name_of_a_named_host_is_not_named(server: RawServer) -> None:
    async with open_posts("127.0.0.1") as posts:
        for host in ("localhost", "inside.example", "127.8.9.10"):
            with pytest.raises(ForbiddenAddressError):
                await post(posts, f"http://{host}:{server.port}/")
    assert server.connections == 0


@pytest.mark.parametrize(
    "name", ["", "http://hooks.lan", "a b", "hooks.lan/path", "u@hooks.lan", ":80"]
)
def test_what_is_no_host_stops_the_start(name: str) -> None:
    with pytest.raises(SettingsError, match="FLIPBOOK_WEBHOOK_ALLOW"):
        own_hosts([name])


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (answers(status=204, body=b""), 204),
        (answers(status=302, headers=(LOCATION,)), 302),
        (answers(status=500), 500),
        (ENDLESS, 200),
        (says(head(201, "Content-Length: 1000"), b"cut"), 201),
    ],
)
async def test_only_the_status_of_an_answer_counts(
    server: RawServer, reply: Reply, status: int
) -> None:
    server.replies["/hook"] = reply
    async with open_posts("127.0.0.1") as posts:
        assert await post(posts, f"{server.url}/hook") == status
        await server.until(lambda now: now.open_now == 0)
    assert server.connections == 1


@pytest.mark.parametrize("reply", BROKEN_OFF.values(), ids=BROKEN_OFF)
async def test_no_answer_may_be_better_next_time(server: RawServer, reply: Reply) -> None:
    server.replies["/hook"] = reply
    async with open_posts("127.0.0.1") as posts:
        with pytest.raises(UnavailableError):
            await post(posts, f"{server.url}/hook")
    assert server.connections == 1


@pytest.mark.parametrize("reply", SLOW.values(), ids=SLOW)
async def test_an_answer_that_does_not_come_is_not_waited_for(
    server: RawServer, reply: Reply
) -> None:
    server.replies["/hook"] = reply
    async with open_posts("127.0.0.1", total_s=0.1) as posts:
        with pytest.raises(UnavailableError) as raised:
            await post(posts, f"{server.url}/hook")
    assert "hook" not in raised.value.detail


async def test_who_is_not_there_may_be_there_later() -> None:
    async with RawServer.open() as server:
        port = server.port
    async with open_posts("127.0.0.1") as posts:
        with pytest.raises(UnavailableError):
            await post(posts, f"http://127.0.0.1:{port}/")
        with pytest.raises(UnavailableError):
            await post(posts, "https://nowhere.example/")
