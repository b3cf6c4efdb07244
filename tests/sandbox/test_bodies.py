"""What is no JSON and no form is refused as such, and what breaks the sandbox itself is told."""

import io
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest

from bot.sandbox import RateLimits, Sandbox
from tests.referee.referee import Referee
from tests.sandbox.lounge_bot import LoungeBot

Send = Callable[[bytes, str], Awaitable[tuple[int, Any]]]
JSON = "application/json"
FORM = "multipart/form-data; boundary=x"
PAYLOAD = b'--x\r\nContent-Disposition: form-data; name="payload_json"\r\n\r\n{"content":"x"}\r\n'
MIB = 2**20


@pytest.fixture
def rate_limits() -> RateLimits:
    return RateLimits.roomy()


@pytest.fixture
async def send(sandbox: Sandbox) -> AsyncIterator[Send]:
    """Send bytes as a new message."""
    url = f"https://discord.com/api/v10/channels/{sandbox.channel.id}/messages"
    token = {"Authorization": f"Bot {sandbox.token}"}
    async with aiohttp.ClientSession(connector=sandbox.connector(), headers=token) as session:

        async def post(content: bytes, content_type: str) -> tuple[int, Any]:
            headers = {"Content-Type": content_type}
            async with session.post(url, data=content, headers=headers) as response:
                return response.status, await response.json()

        yield post


def part(name: str, content: bytes = b"x") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"; filename="a.mp4"'
    return b"--x\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"nul",
        b"\xff\xfe",
        b'{"content": "\xff"}',
        b'{"content": "\\ud800"}',
        b'{"content": NaN}',
        b'{"content": -Infinity}',
        b'{"content": 1e999}',
        b'{"content": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"components": ' + b"[" * 100 + b"]" * 100 + b"}",
    ],
    ids=lambda content: repr(content[:20]),
)
async def test_what_is_no_json_is_50109(send: Send, content: bytes) -> None:
    status, body = await send(content, JSON)
    assert (status, body["code"]) == (400, 50109)
    status, body = await send(PAYLOAD.replace(b'{"content":"x"}', content) + b"--x--\r\n", FORM)
    assert (status, body["code"]) == (400, 50109)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/octet-stream",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "multipart/form-data; boundary=",
    ],
)
async def test_json_under_another_name_is_50035(send: Send, content_type: str) -> None:
    status, body = await send(b'{"content": "x"}', content_type)
    assert (status, body["code"]) == (400, 50035)


async def test_json_is_read_in_its_own_charset(send: Send) -> None:
    text = '{"content": "é"}'
    assert (await send(text.encode(), f"{JSON}; charset=utf-8"))[1]["content"] == "é"
    assert (await send(text.encode("latin-1"), f"{JSON}; charset=latin-1"))[1]["content"] == "é"
    status, body = await send(text.encode(), f"{JSON}; charset=unheard-of")
    assert (status, body["code"]) == (400, 50109)


async def test_what_claims_to_be_packed_and_is_not_is_refused(sandbox: Sandbox) -> None:
    url = f"https://discord.com/api/v10/channels/{sandbox.channel.id}/messages"
    headers = {
        "Authorization": f"Bot {sandbox.token}",
        "Content-Type": JSON,
        "Content-Encoding": "gzip",
    }
    async with (
        aiohttp.ClientSession(connector=sandbox.connector(), headers=headers) as session,
        session.post(url, data=b'{"content": "x"}') as response,
    ):
        assert response.status == 400
    assert not sandbox.channel.messages


@pytest.mark.parametrize(
    "name", ["files[x]", "files[]", "files[-1]", "files[0", "files", f"files[{'9' * 5000}]"]
)
async def test_a_part_that_is_numbered_wrongly_is_refused(send: Send, name: str) -> None:
    status, body = await send(PAYLOAD + part(name) + b"--x--\r\n", FORM)
    assert (status, body["code"]) == (400, 50035)


async def test_a_form_that_does_not_end_is_refused(send: Send) -> None:
    status, body = await send(PAYLOAD + part("files[0]")[:-4], FORM)
    assert (status, body["code"]) == (400, 50035)


async def test_a_files_name_cannot_hurt(send: Send, sandbox: Sandbox) -> None:
    for raw in (b"a\x00b.mp4", b"\xff.mp4", b"../../a.mp4", b"a" * 3000):
        content = PAYLOAD + part("files[0]").replace(b"a.mp4", raw) + b"--x--\r\n"
        status, _ = await send(content, FORM)
        assert status in {200, 400}, raw
    for attachment in sandbox.world.files.values():
        assert "/" not in attachment.filename
        assert attachment.filename.isprintable()


async def test_the_largest_file_passes_as_it_is_and_one_byte_more_does_not(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    channel = bot.get_partial_messageable(int(sandbox.channel.id))
    content = bytes(range(256)) * (10 * MIB // 256)
    message = await channel.send(file=discord.File(io.BytesIO(content), "a.mp4"))
    assert await message.attachments[0].read() == content
    with pytest.raises(discord.HTTPException) as large:
        await channel.send(file=discord.File(io.BytesIO(content + b"x"), "a.mp4"))
    assert (large.value.status, large.value.code) == (413, 40005)
    assert sandbox.requests[-1].status == 413


# The sandbox's own mistakes


async def test_a_mistake_of_the_sandboxs_own_is_told_and_fails_the_test(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    referee = Referee(None)
    async with Sandbox.open(tmp_path, observers=(referee.observe,)) as sandbox:
        path = f"/api/v10/channels/{sandbox.channel.id}/messages"
        headers = {"Authorization": f"Bot {sandbox.token}"}
        async with aiohttp.ClientSession(sandbox.http_url, headers=headers) as session:
            async with session.post(path, json={"content": "x"}) as response:
                assert response.status == 200
            for message in sandbox.channel.messages.values():
                message.components = [{"type": 99}]  # such as no request can bring here
            with caplog.at_level(logging.ERROR):
                async with session.get(path) as response:
                    assert response.status == 500
                    told = {"message": "500: Internal Server Error", "code": 0}
                    assert await response.json() == told
        assert sandbox.requests[-1].status == 500
        assert [type(error) for error in sandbox.crashes] == [ValueError]
    assert caplog.records[-1].exc_info is not None
    (violation,) = referee.judge()
    assert "the sandbox itself broke" in str(violation)
