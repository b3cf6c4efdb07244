"""What the door for webhooks takes from strangers, and what it keeps."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest

from bot.logs import Redactor
from bot.web.hooks import MAX_BODY, READ_S, Hooks
from bot.web.server import Bounds, open_front_door
from jobs.errors import StorageFullError
from jobs.events import Notices
from jobs.model import Job, JobId, Letter
from storage.inbox import SqliteInbox
from storage.jobs import SqliteJobStore
from tests.factories import NOW, after, make_job, make_request, make_token
from tests.fakes.clock import FakeClock
from tests.fakes.quick_database import open_quickly


@dataclass
class Door:
    """A front door over a real inbox, with one job that waits for news from Novita."""

    inbox: SqliteInbox
    job: Job
    port: int = 0
    clock: FakeClock = field(default_factory=FakeClock)
    notices: Notices = field(default_factory=Notices)

    @property
    def token(self) -> str:
        return self.job.attempt_token or ""

    def url(self, *, provider: str = "novita", token: str | None = None) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/{provider}/{token or self.token}"

    async def post(self, body: object = b"{}", url: str | None = None, **options: object) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.post(url or self.url(), data=body, **options) as answer,  # pyright: ignore[reportArgumentType] - options of a test
        ):
            return answer.status

    async def talk(self, *lines: bytes, end: bytes = b"") -> bytes:
        """Send raw bytes; return what comes until an end, or else until the door hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"".join(lines))
        await writer.drain()
        answer = await (reader.readuntil(end) if end else reader.read())
        writer.close()
        await writer.wait_closed()
        return answer

    async def letters(self) -> list[Letter]:
        return list(await self.inbox.unread(limit=100))


OpenDoor = Callable[..., AbstractAsyncContextManager[Door]]


@pytest.fixture
def open_door(tmp_path: Path) -> OpenDoor:
    @asynccontextmanager
    async def opened(
        *, read_s: float = READ_S, bounds: Bounds | None = None
    ) -> AsyncGenerator[Door]:
        async with open_quickly(tmp_path / "flipbook.db") as database:
            store = SqliteJobStore(database)
            await store.enqueue(make_job(request=make_request(provider="novita")))
            job = await store.claim(
                "novita", token=make_token(), now=after(1), lease_until=after(60)
            )
            assert job is not None
            door = Door(inbox=SqliteInbox(database), job=job)
            hooks = Hooks(
                inbox=door.inbox,
                arrived=door.notices.letter_arrived,
                clock=door.clock,
                read_s=read_s,
            )
            routes = hooks.routes()
            async with open_front_door("127.0.0.1", 0, routes, bounds=bounds) as door.port:
                yield door

    return opened


@pytest.fixture
async def door(open_door: OpenDoor) -> AsyncGenerator[Door]:
    async with open_door() as opened:
        yield opened


async def test_a_webhook_is_kept_answered_and_told(door: Door) -> None:
    assert await door.post(b'{"event_type": "ASYNC_TASK_RESULT"}') == 200
    (letter,) = await door.letters()
    assert letter.body == b'{"event_type": "ASYNC_TASK_RESULT"}'
    assert (letter.job_id, letter.provider) == (door.job.id, "novita")
    assert letter.received_at == door.clock.now()
    assert door.notices.mail.is_set()


async def test_duplicates_are_answered_alike_and_kept_once(door: Door) -> None:
    assert {await door.post(b"same") for _ in range(5)} == {200}
    assert len(await door.letters()) == 1


async def test_a_flood_of_different_bodies_is_answered_and_bounded(door: Door) -> None:
    statuses = await asyncio.gather(*(door.post(b"%d" % number) for number in range(40)))
    assert set(statuses) == {200}
    assert len(await door.letters()) == 16


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"<html>", b'{"a":', b"[" * 5000])
async def test_any_body_is_only_a_hint_and_does_no_harm(door: Door, body: bytes) -> None:
    assert await door.post(body) == 200
    assert [letter.body for letter in await door.letters()] == [body]


@pytest.mark.parametrize(
    ("provider", "token"),
    [
        ("novita", "0" * 32),
        ("modelslab", None),
        ("nobody", None),
        ("NOVITA", None),
        ("novita", "0" * 31),
        ("novita", "0" * 33),
        ("novita", "x" * 32),
        ("novita", "%00" * 32),
        ("novita", "..%2f" * 6),
    ],
)
async def test_what_nobody_asked_for_is_not_found_and_not_kept(
    door: Door, provider: str, token: str | None
) -> None:
    assert await door.post(url=door.url(provider=provider, token=token)) == 404
    assert await door.letters() == []
    assert not door.notices.mail.is_set()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"])
async def test_only_a_post_is_a_webhook(door: Door, method: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, door.url()) as answer,
    ):
        assert answer.status == 405
    assert await door.letters() == []


async def test_a_body_of_64_kib_fits_and_one_more_byte_does_not(door: Door) -> None:
    assert await door.post(b"x" * MAX_BODY) == 200
    assert await door.post(b"y" * (MAX_BODY + 1)) == 413
    assert [len(letter.body) for letter in await door.letters()] == [MAX_BODY]


async def test_a_body_is_counted_whatever_length_it_claims(door: Door) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        for _ in range(5000):
            yield b"z" * 1024

    try:
        status = await door.post(endless())
    except aiohttp.ClientConnectionError:
        status = 413  # the door closed while this side was still sending
    assert status == 413
    assert await door.letters() == []


async def test_a_packed_body_is_not_unpacked(door: Door) -> None:
    assert await door.post(b"\x1f\x8b not gzip", headers={"Content-Encoding": "gzip"}) == 200
    assert [letter.body for letter in await door.letters()] == [b"\x1f\x8b not gzip"]


async def test_a_body_that_never_comes_is_not_waited_for(open_door: OpenDoor) -> None:
    async with open_door(read_s=0.05) as door:
        answer = await door.talk(
            f"POST /hooks/novita/{door.token} HTTP/1.1\r\n".encode(),
            b"Host: x\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc",
            end=b"\r\n\r\n",  # and the door waits some seconds more for the rest of the body
        )
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert await door.letters() == []


async def test_a_header_that_never_ends_is_not_waited_for(open_door: OpenDoor) -> None:
    async with open_door(bounds=Bounds(idle_s=0.05)) as door:
        assert await door.talk(b"POST /hooks/novita/", door.token.encode()) == b""
        assert await door.post() == 200


async def test_a_body_that_breaks_off_is_not_kept(door: Door) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(f"POST /hooks/novita/{door.token} HTTP/1.1\r\n".encode())
    writer.write(b"Host: x\r\nContent-Length: 10\r\n\r\nabc")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await door.post(b"whole") == 200
    assert [letter.body for letter in await door.letters()] == [b"whole"]


async def test_more_connections_than_it_has_room_for_are_closed(open_door: OpenDoor) -> None:
    async with open_door(bounds=Bounds(connections=2)) as door:
        held = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(2)]
        assert await door.talk(b"") == b""
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        assert await answered(door) == 200


async def answered(door: Door) -> int:
    """Return the first answer after others hung up; the door may notice that a little later."""
    while True:
        try:
            return await door.post()
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0)


class FullInbox:
    """An inbox on a disk that has no room left."""

    async def receive(
        self, provider: str, token: str, body: bytes, *, now: datetime
    ) -> JobId | None:
        raise StorageFullError("the disk is full")

    async def unread(self, *, limit: int) -> list[Letter]:
        return []

    async def mark_read(self, letter: Letter, *, now: datetime) -> None:
        del letter, now


async def test_a_webhook_that_cannot_be_kept_is_asked_for_again() -> None:
    hooks = Hooks(inbox=FullInbox(), arrived=lambda: None, clock=FakeClock(NOW))
    async with (
        open_front_door("127.0.0.1", 0, hooks.routes()) as port,
        aiohttp.ClientSession() as session,
        session.post(f"http://127.0.0.1:{port}/hooks/novita/{make_token()}") as answer,
    ):
        assert answer.status == 503


async def test_the_token_is_in_no_log_line(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await door.post()
    await door.post(b"y" * (MAX_BODY + 1))
    await door.post(url=door.url(provider="modelslab"))
    assert "a webhook of novita came" in caplog.text
    mine = [record for record in caplog.records if record.name != "asyncio"]
    assert not [record for record in mine if door.token in record.getMessage()]


def test_a_webhooks_address_is_redacted_wherever_it_is_logged() -> None:
    formatter = Redactor(logging.Formatter("%(message)s"), [])
    token = make_token()
    line = logging.makeLogRecord({"msg": f"at https://bot.example/hooks/novita/{token}?x=1"})
    assert formatter.format(line) == "at https://bot.example/hooks/novita/•••?x=1"
