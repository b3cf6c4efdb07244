"""A call either never left, or was answered whole, or is unconfirmed; nothing else comes out."""

import asyncio
import socket
import ssl
from collections.abc import Mapping

import pytest
import trustme
from aiohttp.abc import ResolveResult
from typing_extensions import override

from jobs.errors import SettingsError, UnavailableError, UnconfirmedError
from providers.http import Http, Timeouts
from tests.fakes.names import Names
from tests.fakes.raw_server import RawServer, Reply, answers, drips, hangs, head, says
from tests.providers.patience import PATIENT, open_http

KEY = "sk-made-up-0123456789"
MIB = 1024**2


async def call_once(reply: Reply, timeouts: Timeouts = PATIENT) -> RawServer:
    """Submit to a server with one prepared reply, expecting that nobody knows how it went."""
    async with (
        RawServer.open(replies={"/submit": reply}) as server,
        open_http(server.url, timeouts=timeouts) as http,
    ):
        with pytest.raises(UnconfirmedError):
            await http.call("POST", f"{server.url}/submit", json={"prompt": "a red ball"})
    return server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_call_sends_what_it_is_given_and_returns_what_it_is_told() -> None:
    reply = answers(b'{"id": 7}', status=201, headers=("X-Trace: abc", "Set-Cookie: a=b"))
    async with RawServer.open(replies={"/submit": reply}) as server, open_http(server.url) as http:
        await http.call("POST", f"{server.url}/submit", json={})
        answer = await http.call(
            "POST",
            f"{server.url}/submit",
            json={"prompt": "a red ball"},
            params={"page": "a&b"},
            headers={"Authorization": f"Bearer {KEY}"},
        )
    assert (answer.status, answer.json()) == (201, {"id": 7})
    assert answer.headers["x-trace"] == "abc"
    sent = server.requests[1]
    assert (sent.method, sent.target) == ("POST", "/submit?page=a%26b")
    assert sent.body == b'{"prompt": "a red ball"}'
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["accept-encoding"] == "identity"
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert "cookie" not in sent.headers


async def test_no_connection_is_used_twice() -> None:
    keep = answers(headers=("Connection: keep-alive",))
    async with RawServer.open(replies={"/": keep}) as server, open_http(server.url) as http:
        await http.call("POST", server.url, json={})
        await http.call("POST", server.url, json={})
    assert server.connections == 2
    assert server.requests[0].headers["connection"] == "close"


async def test_a_redirect_is_an_answer() -> None:
    async with RawServer.open() as canary:
        reply = answers(status=307, headers=(f"Location: {canary.url}",))
        async with (
            RawServer.open(replies={"/": reply}) as server,
            open_http(server.url, canary.url) as http,
        ):
            answer = await http.call("POST", server.url, json={"key": KEY})
    assert answer.status == 307
    assert canary.connections == 0


async def test_a_packed_answer_is_not_unpacked() -> None:
    reply = answers(b"\x1f\x8b not gzip", headers=("Content-Encoding: gzip",))
    async with RawServer.open(replies={"/": reply}) as server, open_http(server.url) as http:
        answer = await http.call("GET", server.url)
    assert answer.body == b"\x1f\x8b not gzip"
    assert answer.json() is None


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer.open() as proxy, RawServer.open() as server:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.upper(), proxy.url)
        monkeypatch.setenv("no_proxy", "")
        async with open_http(server.url) as http:
            await http.call("POST", server.url, json={})
    assert (server.connections, proxy.connections) == (1, 0)


async def test_where_nobody_listens_nothing_is_sent() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with open_http(url) as http:
        with pytest.raises(UnavailableError) as raised:
            await http.call("POST", url, json={})
    assert "Connection refused" in raised.value.detail


async def test_to_a_name_that_nobody_knows_nothing_is_sent() -> None:
    async with open_http("https://api.example") as http:
        with pytest.raises(UnavailableError) as raised:
            await http.call("POST", "https://api.example/submit", json={})
    assert "Name or service not known" in raised.value.detail


class SilentNames(Names):
    """A name server that never answers."""

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        await asyncio.Event().wait()
        raise AssertionError


async def test_while_a_name_is_looked_up_nothing_is_sent() -> None:
    own = "https://api.example"
    timeouts = Timeouts(total_s=0.05)
    async with Http.open(own=[own], timeouts=timeouts, resolver=SilentNames({})) as http:
        with pytest.raises(UnavailableError):
            await http.call("POST", own, json={})


async def test_to_a_server_that_cannot_prove_its_name_nothing_is_sent() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with RawServer.open(tls=context) as server, open_http(server.url) as http:
        with pytest.raises(UnavailableError) as raised:
            await http.call("POST", server.url, json={"key": KEY})
    assert "certificate" in raised.value.detail
    assert server.requests == []


async def test_to_a_server_without_tls_nothing_is_sent() -> None:
    async with RawServer.open() as server:
        url = f"https://127.0.0.1:{server.port}"
        async with open_http(url) as http:
            with pytest.raises(UnavailableError):
                await http.call("POST", url, json={"key": KEY})
    assert server.connections >= 1
    assert server.requests == []


async def test_to_a_server_that_never_shakes_hands_nothing_is_sent() -> None:
    listening = socket.socket()
    with listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        async with open_http(url, timeouts=Timeouts(connect_s=0.05)) as http:
            with pytest.raises(UnavailableError):
                await http.call("POST", url, json={"key": KEY})


@pytest.mark.parametrize("headers", [{"Key": f"{KEY}\r\nX: y"}, {"X\nKey": KEY}, {"Key": "\0"}])
async def test_a_key_with_a_line_break_is_not_sent(headers: Mapping[str, str]) -> None:
    async with RawServer.open() as server, open_http(server.url) as http:
        with pytest.raises(UnavailableError) as raised:
            await http.call("GET", server.url, headers=headers)
    assert "header" in raised.value.detail
    assert server.connections == 0


async def test_a_method_that_might_be_repeated_is_a_mistake() -> None:
    async with RawServer.open() as server, open_http(server.url) as http:
        with pytest.raises(ValueError, match="PUT"):
            await http.call("PUT", server.url, json={})
    assert server.connections == 0


@pytest.mark.parametrize(
    "reply",
    [
        says(),
        says(b"HTTP/1.1 20"),
        says(head(200, "Content-Length: 100")),
        says(head(200, "Content-Length: 100") + b'{"id": 7}'),
        says(head(200, "Transfer-Encoding: chunked") + b'9\r\n{"id": 7}\r\n'),
        says(head(200, "Transfer-Encoding: chunked") + b"zz\r\n"),
        says(head(200, "Content-Length: many") + b"{}"),
        says(b"SSH-2.0-OpenSSH_9.2\r\n"),
        says(b"\x00" * 100),
        says(head(200, "X: " + "x" * 20_000)),
        says(head(200, f"Content-Length: {4 * MIB + 1}") + b"x" * (4 * MIB + 1)),
        says(head(200) + b"x" * (4 * MIB + 1)),
    ],
    ids=[
        "nothing",
        "half a first line",
        "no body",
        "half a body",
        "no last chunk",
        "no chunk at all",
        "no length",
        "another protocol",
        "noise",
        "a huge header",
        "a huge body, announced",
        "a huge body",
    ],
)
async def test_a_submit_without_a_whole_answer_is_unconfirmed_and_sent_once(reply: Reply) -> None:
    server = await call_once(reply)
    assert len(server.requests) == 1
    assert server.requests[0].body == b'{"prompt": "a red ball"}'


async def test_a_submit_without_an_answer_in_time_is_unconfirmed() -> None:
    server = await call_once(hangs, Timeouts(read_s=0.1))
    assert len(server.requests) == 1


@pytest.mark.parametrize("start", [b"", head(200)], ids=["head", "body"])
async def test_a_submit_whose_answer_drips_is_unconfirmed(start: bytes) -> None:
    server = await call_once(drips(start or b"HTTP/1.1 200 OK\r\nX: ", b"x"), Timeouts(total_s=0.2))
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_call_without_a_body_has_left_as_well(method: str) -> None:
    async with RawServer.open(replies={"/": says()}) as server, open_http(server.url) as http:
        with pytest.raises(UnconfirmedError):
            await http.call(method, server.url)
    assert server.requests


async def test_an_answer_of_four_mebibytes_is_read() -> None:
    reply = answers(b"x" * 4 * MIB)
    async with RawServer.open(replies={"/": reply}) as server, open_http(server.url) as http:
        answer = await http.call("GET", server.url)
    assert len(answer.body) == 4 * MIB


async def test_cancelling_a_call_cancels_it_and_closes_its_connection() -> None:
    async with (
        RawServer.open(replies={"/": hangs}) as server,
        open_http(server.url) as http,
    ):
        task = asyncio.create_task(http.call("POST", server.url, json={}))
        await server.until(lambda it: len(it.requests) == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda it: it.open_now == 0)


async def test_many_calls_share_eight_connections() -> None:
    go = asyncio.Event()

    async def wait(_: object, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(head(200, "Content-Length: 2") + b"{}")

    async with RawServer.open(replies={"/": wait}) as server, open_http(server.url) as http:
        calls = [asyncio.create_task(http.call("GET", server.url)) for _ in range(200)]
        await server.until(lambda it: len(it.requests) == 8)
        async with open_http(server.url) as other:
            await other.call("GET", f"{server.url}/other")
        assert server.connections == 8 + 1
        go.set()
        found = await asyncio.gather(*calls)
    assert {answer.status for answer in found} == {200}
    assert server.connections == 200 + 1


async def test_a_base_url_that_is_none_stops_the_start() -> None:
    with pytest.raises(SettingsError):
        async with open_http("not a url"):
            pass
