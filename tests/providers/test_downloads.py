"""A finished video comes whole and within its limit, or an error says whether to ask again."""

import asyncio
import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from jobs.errors import MediaError, RenderFailedError, UnavailableError
from providers.http import EmptyFileError, Http, Timeouts
from tests.fakes.raw_server import RawServer, Reply, answers, drips, hangs, head, says
from tests.providers.patience import PATIENT, open_http

LIMIT = 1024**2
CHUNKED = "Transfer-Encoding: chunked"


@asynccontextmanager
async def serving(
    reply: Reply, timeouts: Timeouts = PATIENT
) -> AsyncGenerator[tuple[RawServer, Http]]:
    async with (
        RawServer.open(replies={"/video.mp4": reply}) as server,
        open_http(server.url, timeouts=timeouts) as http,
    ):
        yield server, http


async def fetch(http: Http, server: RawServer, query: str = "") -> bytes:
    async with http.download(f"{server.url}/video.mp4{query}", limit=LIMIT) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_a_file_comes_as_it_is() -> None:
    video = bytes(range(256)) * 1000
    async with serving(answers(video)) as (server, http):
        assert await fetch(http, server) == video


async def test_a_file_of_exactly_the_limit_is_taken() -> None:
    async with serving(answers(b"x" * LIMIT)) as (server, http):
        assert len(await fetch(http, server)) == LIMIT


async def test_a_file_in_chunks_of_unknown_length_is_taken() -> None:
    reply = says(head(200, CHUNKED) + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    async with serving(reply) as (server, http):
        assert await fetch(http, server) == b"abcde"


async def test_a_signed_address_is_asked_for_letter_by_letter() -> None:
    query = "?X-Amz-Credential=A%2FB&X-Amz-Signature=a%2bb%3D"
    async with serving(answers(b"x")) as (server, http):
        await fetch(http, server, query)
    assert server.requests[0].target == f"/video.mp4{query}"


async def test_a_download_tells_nobody_who_asks() -> None:
    async with serving(answers(b"x")) as (server, http):
        await http.call("GET", server.url, headers={"Authorization": "Bearer made-up"})
        await fetch(http, server)
    assert server.requests[1].headers == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": "Flipbook",
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
    }


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_file_that_is_gone_is_not_asked_for_again(status: int) -> None:
    async with serving(answers(b"<Error>", status=status)) as (server, http):
        with pytest.raises(RenderFailedError) as raised:
            await fetch(http, server)
    assert raised.value.detail == f"status {status} from 127.0.0.1"


@pytest.mark.parametrize("status", [206, 408, 425, 429, 500, 503])
async def test_a_file_may_be_there_later(status: int) -> None:
    reply = answers(status=status, headers=("Retry-After: 7",))
    async with serving(reply) as (server, http):
        with pytest.raises(UnavailableError) as raised:
            await fetch(http, server)
    assert raised.value.retry_after_s == 7


@pytest.mark.parametrize(
    "reply",
    [
        answers(b""),
        says(head(204)),
        says(head(200)),
        says(head(200, CHUNKED) + b"0\r\n\r\n"),
    ],
    ids=["length 0", "no content", "closed at once", "no chunk"],
)
async def test_an_empty_file_is_told_from_others(reply: Reply) -> None:
    async with serving(reply) as (server, http):
        with pytest.raises(EmptyFileError):
            await fetch(http, server)


async def test_a_file_that_says_it_is_too_large_is_not_begun() -> None:
    async with serving(says(head(200, f"Content-Length: {LIMIT + 1}"))) as (server, http):
        with pytest.raises(MediaError, match="larger"):
            await fetch(http, server)


async def test_a_file_that_turns_out_too_large_is_broken_off() -> None:
    taken = 0

    async def take() -> None:
        nonlocal taken
        async with http.download(f"{server.url}/video.mp4", limit=LIMIT) as chunks:
            async for chunk in chunks:
                taken += len(chunk)

    async with serving(drips(head(200), b"x" * 2**16)) as (server, http):
        with pytest.raises(MediaError, match="larger"):
            await take()
        await server.until(lambda it: it.open_now == 0)
    assert 0 < taken <= LIMIT


async def test_a_packed_file_is_refused_and_never_unpacked() -> None:
    bomb = gzip.compress(bytes(64 * LIMIT))
    assert len(bomb) < LIMIT
    async with serving(answers(bomb, headers=("Content-Encoding: gzip",))) as (server, http):
        with pytest.raises(MediaError, match="packed"):
            await fetch(http, server)


@pytest.mark.parametrize(
    "reply",
    [
        says(),
        says(b"\x00" * 10),
        says(head(200, "Content-Length: 100")),
        says(head(200, "Content-Length: 100") + b"x" * 99),
        says(head(200, CHUNKED) + b"3\r\nabc\r\n"),
        says(head(200, CHUNKED) + b"zz\r\n"),
    ],
    ids=["nothing", "noise", "no body", "all but a byte", "no last chunk", "no chunk"],
)
async def test_a_file_that_breaks_off_may_be_asked_for_again(reply: Reply) -> None:
    async with serving(reply) as (server, http):
        with pytest.raises(UnavailableError):
            await fetch(http, server)


@pytest.mark.parametrize(
    ("reply", "timeouts"),
    [
        (hangs, Timeouts(read_s=0.1)),
        (hangs, Timeouts(total_s=0.1)),
        (drips(b"HTTP/1.1 200 OK\r\nX: ", b"x"), Timeouts(total_s=0.2)),
        (drips(head(200), b"x"), Timeouts(download_total_s=0.3)),
    ],
    ids=["silent", "never begins", "drips its head", "drips its body"],
)
async def test_a_file_that_takes_too_long_ends(reply: Reply, timeouts: Timeouts) -> None:
    async with serving(reply, timeouts) as (server, http):
        with pytest.raises(UnavailableError):
            await fetch(http, server)
        await server.until(lambda it: it.open_now == 0)


async def test_whoever_leaves_early_closes_the_connection() -> None:
    async with serving(drips(head(200), b"x")) as (server, http):
        async with http.download(f"{server.url}/video.mp4", limit=LIMIT) as chunks:
            assert await anext(aiter(chunks))
        await server.until(lambda it: it.open_now == 0)


async def test_an_error_of_the_reader_is_its_own() -> None:
    async with serving(answers(b"x")) as (server, http):
        with pytest.raises(OSError, match="disk full"):
            async with http.download(f"{server.url}/video.mp4", limit=LIMIT):
                raise OSError("disk full")


async def test_downloads_wait_for_each_other_and_never_for_calls() -> None:
    go = asyncio.Event()

    async def wait(_: object, writer: asyncio.StreamWriter) -> None:
        await go.wait()
        writer.write(head(200, "Content-Length: 1") + b"x")

    async with serving(wait) as (server, http):
        fetches = [asyncio.create_task(fetch(http, server)) for _ in range(30)]
        await server.until(lambda it: len(it.requests) == 4)
        assert (await http.call("GET", server.url)).status == 200
        assert server.connections == 4 + 1
        go.set()
        assert await asyncio.gather(*fetches) == [b"x"] * 30
    assert server.connections == 30 + 1


async def test_a_redirect_is_left_before_its_body_ends() -> None:
    async with serving(answers(b"bytes")) as (server, http):
        server.replies["/first"] = drips(head(302, "Location: /video.mp4"), b"x")
        async with http.download(f"{server.url}/first", limit=LIMIT) as chunks:
            await server.until(lambda it: it.open_now == 0)
            assert b"".join([chunk async for chunk in chunks]) == b"bytes"
