"""Who comes through the gate of the HTTP door, how often, and with how much."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.web.buckets import MOST_NAMES, Buckets, Rate
from bot.web.gate import MAX_BODY, MAX_IMAGE_BODY, Bars, Gate, idempotency_key_of
from bot.web.problems import Problem
from bot.web.server import open_front_door
from jobs.keys import PREFIX, digest_of
from storage.keys import SqliteKeyStore
from tests.factories import NOW
from tests.fakes.clock import FakeClock
from tests.fakes.quick_database import open_quickly

KEY = PREFIX + "k" * 43
OTHER = PREFIX + "o" * 43
WRONG = PREFIX + "w" * 43
HEAD = b"/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100"


@dataclass
class Entrance:
    """A gate with one route behind it, which tells who came in or why nobody did."""

    keys: SqliteKeyStore
    bars: Bars
    clock: FakeClock = field(default_factory=FakeClock)
    port: int = 0
    reading: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate = Gate(keys=self.keys, clock=self.clock, bars=self.bars)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def answer(self, request: web.Request) -> web.Response:
        limit = MAX_IMAGE_BODY if "large" in request.query else MAX_BODY
        self.reading.set()
        try:
            body = await self.gate.read(request, limit=limit)
            key = await self.gate.admit(request, request.query.get("key"))
            told: dict[str, Any] = {
                "name": key.name,
                "size": len(body),
                "base": self.gate.base_of(request),
                "idempotency_key": idempotency_key_of(request),
            }
        except Problem as problem:
            told = {"kind": problem.kind, "field": problem.field, "wait": problem.retry_after_s}
        return web.json_response(told)

    async def ask(self, key: str | None = KEY, body: Any = b"", **options: Any) -> dict[str, Any]:
        """Send one request; `key` stands in the header as the protocols want it."""
        headers = options.pop("headers", {})
        if key is not None:
            headers = {"Authorization": f"Bearer {key}", **headers}
        body = BytesIO(body) if isinstance(body, bytes) else body  # aiohttp's advice for large ones
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url, data=body, headers=headers, **options) as answer,
        ):
            return await answer.json()

    async def kind(self, key: str | None = KEY, body: Any = b"", **options: Any) -> str:
        """Return why nobody came in, or `in`."""
        return str((await self.ask(key, body, **options)).get("kind", "in"))

    @asynccontextmanager
    async def half_sent(self, head: bytes) -> AsyncGenerator[asyncio.StreamReader]:
        """Send the beginning of a request, wait until it is being read, and hang up at the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"POST " + head + b"\r\n\r\n{")
        await writer.drain()
        await self.reading.wait()
        try:
            yield reader
        finally:
            writer.close()
            await writer.wait_closed()


OpenEntrance = Callable[..., AbstractAsyncContextManager[Entrance]]


@pytest.fixture
def open_entrance(tmp_path: Path) -> OpenEntrance:
    @asynccontextmanager
    async def opened(**bars: Any) -> AsyncGenerator[Entrance]:
        async with open_quickly(tmp_path / "flipbook.db") as database:
            keys = SqliteKeyStore(database)
            if await keys.key_of(digest_of(KEY)) is None:
                await keys.add_key("ana", digest_of(KEY), requests_per_minute=None, now=NOW)
            entrance = Entrance(keys=keys, bars=Bars(**bars))
            routes = [web.route("*", "/", entrance.answer)]
            async with open_front_door("127.0.0.1", 0, routes) as entrance.port:
                yield entrance

    return opened


@pytest.fixture
async def entrance(open_entrance: OpenEntrance) -> AsyncGenerator[Entrance]:
    async with open_entrance() as opened:
        yield opened


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer  {KEY}", KEY, f" {KEY} "])
async def test_a_key_comes_in_with_and_without_its_word(entrance: Entrance, header: str) -> None:
    told = await entrance.ask(None, headers={"Authorization": header})
    assert told["name"] == "ana"


async def test_a_key_in_the_body_wins_over_the_header(entrance: Entrance) -> None:
    assert (await entrance.ask(WRONG, params={"key": KEY}))["name"] == "ana"
    assert await entrance.kind(KEY, params={"key": WRONG}) == "unauthorized"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", WRONG, f"Basic {KEY}", KEY[:-1], KEY + "x", "Bearer k\xfcnstler"],
)
async def test_what_is_no_key_of_ours_stays_outside(entrance: Entrance, header: str) -> None:
    assert await entrance.kind(None, headers={"Authorization": header}) == "unauthorized"


async def test_half_a_character_in_a_key_is_only_a_wrong_key(entrance: Entrance) -> None:
    """JSON may say it, and no encoding can."""
    told: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        with pytest.raises(Problem) as caught:
            await entrance.gate.admit(request, "\ud800")
        told.append(caught.value.kind)
        return web.Response()

    async with (
        open_front_door("127.0.0.1", 0, [web.get("/", answer)]) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/"),
    ):
        assert told == ["unauthorized"]


async def test_a_revoked_key_opens_nothing_from_then_on(entrance: Entrance) -> None:
    assert await entrance.kind() == "in"
    await entrance.keys.revoke_key("ana", now=NOW)
    assert await entrance.kind() == "unauthorized"


async def test_a_key_has_its_minute_and_is_told_when_to_come_back(entrance: Entrance) -> None:
    await entrance.keys.add_key("ben", digest_of(OTHER), requests_per_minute=3, now=NOW)
    assert [await entrance.kind(OTHER) for _ in range(3)] == ["in"] * 3
    refused = await entrance.ask(OTHER)
    assert (refused["kind"], refused["wait"]) == ("rate_limited", 20.0)
    assert await entrance.kind(KEY) == "in"  # another key is not held up
    entrance.clock.advance(20)
    assert [await entrance.kind(OTHER) for _ in range(2)] == ["in", "rate_limited"]


async def test_the_operators_rate_holds_for_keys_without_one(open_entrance: OpenEntrance) -> None:
    async with open_entrance(key_rate=Rate(per_minute=2)) as entrance:
        assert [await entrance.kind() for _ in range(3)] == ["in", "in", "rate_limited"]


async def test_wrong_keys_are_held_against_their_address(open_entrance: OpenEntrance) -> None:
    async with open_entrance(stranger_rate=Rate(per_minute=3)) as entrance:
        assert [await entrance.kind(WRONG) for _ in range(3)] == ["unauthorized"] * 3
        assert await entrance.kind(None) == "rate_limited"
        refused = await entrance.ask(KEY)  # nobody can go on guessing beside a good key
        assert (refused["kind"], refused["wait"]) == ("rate_limited", 20.0)
        entrance.clock.advance(20)
        assert await entrance.kind(KEY) == "in"


async def test_good_requests_are_not_held_against_their_address(
    open_entrance: OpenEntrance,
) -> None:
    async with open_entrance(stranger_rate=Rate(per_minute=2)) as entrance:
        assert {await entrance.kind() for _ in range(20)} == {"in"}


async def test_a_body_may_have_a_mebibyte_and_no_more(entrance: Entrance) -> None:
    assert (await entrance.ask(body=b"x" * MAX_BODY))["size"] == MAX_BODY
    assert await entrance.kind(body=b"x" * (MAX_BODY + 1)) == "too_large"
    assert await entrance.kind(body=b"x" * 10_000_000) == "too_large"


async def test_a_body_of_unknown_length_is_counted_as_it_comes(entrance: Entrance) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        for _ in range(40):
            yield b"x" * 65536

    assert await entrance.kind(body=endless()) == "too_large"


async def test_an_init_image_may_come_where_a_door_takes_one(entrance: Entrance) -> None:
    told = await entrance.ask(body=b"x" * 5_000_000, params={"large": "1"})
    assert told["size"] == 5_000_000


async def test_only_so_many_large_bodies_are_read_at_a_time(open_entrance: OpenEntrance) -> None:
    async with open_entrance(large_bodies=1) as entrance:
        large = {"large": "1"}
        async with entrance.half_sent(b"/?large HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000"):
            assert await entrance.kind(body=b"x" * 5_000_000, params=large) == "rate_limited"
            assert await entrance.kind(body=b"x" * 100, params=large) == "in"


async def test_a_body_that_comes_too_slowly_is_cut_off(open_entrance: OpenEntrance) -> None:
    async with open_entrance(read_s=0.0) as entrance, entrance.half_sent(HEAD) as reader:
        assert b"bad_request" in await reader.readuntil(b"}")


async def test_a_body_that_breaks_off_is_no_error_of_ours(
    entrance: Entrance, caplog: pytest.LogCaptureFixture
) -> None:
    async with entrance.half_sent(HEAD):
        pass
    assert await entrance.kind() == "in"
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (None, None),
        ("4f2a-9", "4f2a-9"),
        ("4f2a 9", "bad_request"),
        ("x" * 255, "x" * 255),
        ("", "bad_request"),
        ("x" * 256, "bad_request"),
        ("schl\xfcssel", "bad_request"),
        ("a\tb", "bad_request"),
    ],
)
async def test_an_idempotency_key_is_short_and_printable(
    entrance: Entrance, sent: str | None, kept: str | None
) -> None:
    told = await entrance.ask(headers={} if sent is None else {"Idempotency-Key": sent})
    assert told.get("kind", told.get("idempotency_key")) == kept


async def test_links_begin_with_what_was_asked_or_with_the_public_address(
    open_entrance: OpenEntrance,
) -> None:
    async with open_entrance() as entrance:
        assert (await entrance.ask())["base"] == entrance.url.rstrip("/")
        forged = {"X-Forwarded-Proto": "https", "Host": "gpu.local:8080"}
        assert (await entrance.ask(headers=forged))["base"] == "http://gpu.local:8080"
        assert await entrance.kind(headers={"Host": "a b/<c>"}) == "bad_request"
    async with open_entrance(public_url="https://bot.example") as entrance:
        assert (await entrance.ask())["base"] == "https://bot.example"


async def test_only_a_named_proxy_is_believed_about_whom_it_speaks_for(
    open_entrance: OpenEntrance,
) -> None:
    one = {"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}
    other = {"X-Forwarded-For": "203.0.113.9, 198.51.100.2"}
    strict = Rate(per_minute=1)
    async with open_entrance(stranger_rate=strict) as entrance:
        assert await entrance.kind(WRONG, headers=one) == "unauthorized"
        assert await entrance.kind(WRONG, headers=other) == "rate_limited"
    trusted = (ip_network("127.0.0.0/8"),)
    async with open_entrance(stranger_rate=strict, proxies=trusted) as entrance:
        assert await entrance.kind(WRONG, headers=one) == "unauthorized"
        assert await entrance.kind(WRONG, headers=one) == "rate_limited"
        assert await entrance.kind(WRONG, headers=other) == "unauthorized"
        told = await entrance.ask(headers={**other, "X-Forwarded-Proto": "https"})
        assert told["kind"] == "rate_limited"
        told = await entrance.ask(headers={"X-Forwarded-Proto": "https"})
        assert told["base"].startswith("https://127.0.0.1:")


async def test_the_neighbours_of_an_ipv6_network_are_one_caller(
    open_entrance: OpenEntrance,
) -> None:
    trusted = (ip_network("127.0.0.0/8"),)
    async with open_entrance(stranger_rate=Rate(per_minute=1), proxies=trusted) as entrance:
        kinds = [
            await entrance.kind(WRONG, headers={"X-Forwarded-For": address})
            for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1")
        ]
    assert kinds == ["unauthorized", "rate_limited", "unauthorized"]


def test_buckets_remember_so_many_names_and_no_more() -> None:
    buckets = Buckets(clock=FakeClock(), most=3)
    rate = Rate(per_minute=1)
    for name in "abcd":
        buckets.charge(name, rate)
    assert len(buckets) == 3
    assert [buckets.wait_s(name, rate) for name in "abcd"] == [0, 60, 60, 60]
    assert MOST_NAMES == 10_000


def test_a_clock_that_is_set_back_locks_nobody_out_for_longer_than_a_minute() -> None:
    clock = FakeClock()
    buckets, rate = Buckets(clock=clock), Rate(per_minute=60)
    for _ in range(60):
        buckets.charge("a", rate)
    clock.advance(-86_400)
    assert 0 < buckets.wait_s("a", rate) <= 1
