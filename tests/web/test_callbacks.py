"""Webhooks that are sent: to whom, how often, signed how, and what keeps nobody waiting."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from typing_extensions import override

from bot.web.callbacks import IN_HAND, LOOK_S, RECEIVERS_AT_ONCE, Callbacks
from bot.web.signatures import Signer, read_secret
from jobs.callbacks import DELAYS_S, Callback
from jobs.errors import SettingsError, StorageError
from jobs.model import JobId
from providers.posts import Posts
from storage.callbacks import SqliteOutbox
from storage.database import Database
from storage.jobs import SqliteJobStore
from tests.factories import make_job
from tests.fakes.clock import START, FakeClock
from tests.fakes.names import Names
from tests.fakes.raw_server import RawServer, Reply, Sent, answers, hangs, says

BODY = {"event_type": "ASYNC_TASK_RESULT", "payload": {"eta": 0, "text": "na\u00efve"}}
SECRET = bytes(range(32))
TRIES = 1 + len(DELAYS_S)
BROKEN = answers(b"no", status=500)


class WatchedOutbox(SqliteOutbox):
    """A real outbox that tells how tries ended, and can be broken."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.ends: list[tuple[str, datetime | None]] = []
        self.changed = asyncio.Condition()
        self.is_broken = False

    @override
    async def due(self, *, now: datetime, limit: int) -> Sequence[Callback]:
        if self.is_broken:
            raise StorageError("the disk is gone")
        return await super().due(now=now, limit=limit)

    @override
    async def end(self, callback: Callback, outcome: str, *, due_at: datetime | None) -> None:
        await super().end(callback, outcome, due_at=due_at)
        self.ends.append((outcome, due_at))
        async with self.changed:
            self.changed.notify_all()

    async def until_ended(self, times: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.ends) >= times)


@dataclass
class Sender:
    """What sends webhooks, over a real table; `start` and `kill` may be called again and again."""

    path: Path
    clock: FakeClock = field(default_factory=FakeClock)
    total_s: float = 5.0
    own: Sequence[str] = ("127.0.0.1",)
    secret: bytes | None = None
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        database = await self.stack.enter_async_context(Database.open(self.path))
        names = Names({"inside.example": ["127.0.0.1"]})
        posts = await self.stack.enter_async_context(
            Posts.open(own=self.own, total_s=self.total_s, resolver=names)
        )
        self.store, self.outbox = SqliteJobStore(database), WatchedOutbox(database)
        self.callbacks = Callbacks(
            outbox=self.outbox, posts=posts, clock=self.clock, signer=Signer(self.secret)
        )
        task = asyncio.create_task(self.callbacks.run())
        self.stack.push_async_callback(_end, task)

    async def kill(self) -> None:
        await self.stack.aclose()

    async def add(self, url: str) -> JobId:
        """Have the end of a new job told."""
        job, _ = await self.store.enqueue(make_job())
        await self.callbacks.add(url, BODY, job_id=job.id)
        return job.id

    async def pass_time(self, seconds: float) -> None:
        """Let that time pass, once the sender sleeps no longer than until then."""
        await self.clock.until_asleep(seconds)
        self.clock.advance(seconds)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


OpenSender = Callable[..., AbstractAsyncContextManager[Sender]]


@pytest.fixture
def open_sender(tmp_path: Path) -> OpenSender:
    @asynccontextmanager
    async def opened(**options: object) -> AsyncGenerator[Sender]:
        sender = Sender(path=tmp_path / "flipbook.db", **options)  # pyright: ignore[reportArgumentType] - options of a test
        await sender.start()
        try:
            yield sender
        finally:
            await sender.kill()

    return opened


@pytest.fixture
async def receiver() -> AsyncGenerator[RawServer]:
    async with RawServer.open() as server:
        yield server


def in_turn(*replies: Reply) -> Reply:
    """Return a reply that is another each time; the last one stays."""
    left = list(replies)

    async def reply(sent: Sent, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(sent, writer)

    return reply


async def test_the_end_of_a_job_is_told_once(open_sender: OpenSender, receiver: RawServer) -> None:
    async with open_sender() as sender:
        job_id = await sender.add(f"{receiver.url}/hook?a=1")
        await sender.callbacks.add(f"{receiver.url}/hook?a=1", BODY, job_id=job_id)
        await sender.outbox.until_ended(1)
        await sender.clock.until_asleep(LOOK_S)
        assert sender.outbox.ends == [("told", None)]
    (sent,) = receiver.requests
    assert (sent.method, sent.target) == ("POST", "/hook?a=1")
    assert json.loads(sent.body) == BODY
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["webhook-id"].startswith("msg_")
    assert sent.headers["webhook-timestamp"] == str(int(START.timestamp()))
    assert "webhook-signature" not in sent.headers
    assert "authorization" not in sent.headers


async def test_what_is_sent_is_signed(open_sender: OpenSender, receiver: RawServer) -> None:
    async with open_sender(secret=SECRET) as sender:
        await sender.add(receiver.url)
        await sender.outbox.until_ended(1)
    (sent,) = receiver.requests
    stamp = f"{sent.headers['webhook-id']}.{sent.headers['webhook-timestamp']}.".encode()
    expected = hmac.new(SECRET, stamp + sent.body, hashlib.sha256).digest()
    version, _, signature = sent.headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert base64.b64decode(signature) == expected


@pytest.mark.parametrize(
    ("secret", "message_id", "timestamp", "body", "signature"),
    [
        (  # the test of the specification's reference libraries
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (  # https://docs.svix.com/receiving/verifying-payloads/how-manual
            "whsec_plJ3nmyCDGBKInavdOK15jsl",
            "msg_loFOjxBNrRLzqYUf",
            1731705121,
            b'{"event_type":"ping","data":{"success":true}}',
            "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
        ),
    ],
)
def test_published_messages_are_signed_as_published(
    secret: str, message_id: str, timestamp: int, body: bytes, signature: str
) -> None:
    signer = Signer(base64.b64decode(secret.removeprefix("whsec_")))
    at = datetime.fromtimestamp(timestamp, tz=START.tzinfo)
    assert signer.headers(message_id, body, at=at) == {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }


def test_a_secret_is_read_with_and_without_its_prefix() -> None:
    text = base64.b64encode(SECRET).decode()
    assert read_secret(f"whsec_{text}") == read_secret(text) == SECRET


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_plJ3nmyCDGBKInavdOK15jsl", "pass word!", "A" * 200]
)
def test_a_secret_that_is_none_stops_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="FLIPBOOK_WEBHOOK_SECRET"):
        read_secret(text)


async def test_a_receiver_that_fails_is_told_again_ever_more_rarely_and_then_no_more(
    open_sender: OpenSender, receiver: RawServer
) -> None:
    receiver.replies["/hook"] = BROKEN
    async with open_sender() as sender:
        await sender.add(f"{receiver.url}/hook")
        for number, delay_s in enumerate(DELAYS_S, start=1):
            await sender.outbox.until_ended(number)
            await _advance(sender, delay_s)
        await sender.outbox.until_ended(TRIES)
        assert [outcome for outcome, _ in sender.outbox.ends] == ["status 500"] * TRIES
        assert [due_at is None for _, due_at in sender.outbox.ends] == [False] * 5 + [True]
        await _advance(sender, 2 * LOOK_S)
    assert len(receiver.requests) == TRIES
    assert len({sent.headers["webhook-id"] for sent in receiver.requests}) == 1
    assert len({sent.body for sent in receiver.requests}) == 1
    stamps = [int(sent.headers["webhook-timestamp"]) for sent in receiver.requests]
    waits = [after - before for before, after in pairwise(stamps)]
    assert waits == list(DELAYS_S)
    assert sum(waits) < 3600  # how long the link in the message works


async def _advance(sender: Sender, seconds: float) -> None:
    """Let time pass in the pieces in which the sender sleeps."""
    while seconds > 0:
        piece = min(seconds, LOOK_S)
        await sender.pass_time(piece)
        seconds -= piece


async def test_a_receiver_that_recovers_is_told_no_more(
    open_sender: OpenSender, receiver: RawServer
) -> None:
    receiver.replies["/hook"] = in_turn(BROKEN, says(), answers(b"", status=204))
    async with open_sender() as sender:
        await sender.add(f"{receiver.url}/hook")
        await sender.outbox.until_ended(1)
        await _advance(sender, 5)
        await sender.outbox.until_ended(2)
        await _advance(sender, 30)
        await sender.outbox.until_ended(3)
        assert sender.outbox.ends[2] == ("told", None)
        await _advance(sender, 2 * LOOK_S)
    assert len(receiver.requests) == 3


async def test_a_receiver_that_hangs_is_not_waited_for(
    open_sender: OpenSender, receiver: RawServer
) -> None:
    receiver.replies["/hook"] = in_turn(hangs, answers())
    async with open_sender(total_s=0.1) as sender:
        await sender.add(f"{receiver.url}/hook")
        await sender.outbox.until_ended(1)
        ((outcome, due_at),) = sender.outbox.ends
        assert "Timeout" in outcome
        assert due_at is not None
        await _advance(sender, 5)
        await sender.outbox.until_ended(2)
        assert sender.outbox.ends[1] == ("told", None)


async def test_a_redirect_is_not_followed(open_sender: OpenSender, receiver: RawServer) -> None:
    async with RawServer.open() as canary:
        headers = (f"Location: {canary.url}/inside",)
        receiver.replies["/hook"] = answers(status=307, headers=headers)
        async with open_sender() as sender:
            await sender.add(f"{receiver.url}/hook")
            await sender.outbox.until_ended(1)
            assert sender.outbox.ends[0][0] == "status 307"
        assert canary.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "https://inside.example:{port}/",
        "https://user:word@127.0.0.1:{port}/",
        "https://2130706433:{port}/",
        "http://hooks.example/",
        "ftp://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "file:///etc/passwd",
        "nonsense",
        "",
        "https://[half",
        "https://127.0.0.1:{port}\\@hooks.example/",
    ],
)
async def test_an_address_inside_is_never_opened_and_given_up_at_once(
    open_sender: OpenSender, receiver: RawServer, url: str
) -> None:
    async with open_sender(own=()) as sender:
        await sender.add(url.format(port=receiver.port))
        await sender.outbox.until_ended(1)
        ((_, due_at),) = sender.outbox.ends
        assert due_at is None
    assert receiver.connections == 0


async def test_only_the_port_that_the_operator_named_is_opened(
    open_sender: OpenSender, receiver: RawServer
) -> None:
    async with (
        RawServer.open() as other,
        open_sender(own=(f"127.0.0.1:{receiver.port}",)) as sender,
    ):
        await sender.add(other.url)
        await sender.add(receiver.url)
        await sender.outbox.until_ended(2)
        assert sorted(due_at is None for _, due_at in sender.outbox.ends) == [True, True]
        assert other.connections == 0
    assert len(receiver.requests) == 1


async def test_a_restart_between_two_tries_forgets_none_and_starts_none_anew(
    open_sender: OpenSender, receiver: RawServer
) -> None:
    receiver.replies["/hook"] = BROKEN
    async with open_sender() as sender:
        await sender.add(f"{receiver.url}/hook")
        for delay_s in DELAYS_S:
            await sender.outbox.until_ended(1)
            await sender.kill()
            sender.clock.advance(delay_s)
            await sender.start()
        await sender.outbox.until_ended(1)
        assert sender.outbox.ends == [("status 500", None)]
        await sender.kill()
        sender.clock.advance(1e6)
        await sender.start()
        await sender.clock.until_asleep(LOOK_S)
    assert len(receiver.requests) == TRIES


async def test_a_sender_that_dies_in_every_try_makes_no_more_tries_than_others(
    open_sender: OpenSender, receiver: RawServer
) -> None:
    receiver.replies["/hook"] = hangs
    async with open_sender() as sender:
        await sender.add(f"{receiver.url}/hook")
        for number in range(1, TRIES + 1):
            await receiver.until(lambda now, number=number: len(now.requests) == number)
            await sender.kill()
            sender.clock.advance(IN_HAND.total_seconds())
            await sender.start()
        await sender.outbox.until_ended(1)
        assert sender.outbox.ends == [("no answer was seen", None)]
    assert len(receiver.requests) == TRIES


async def test_a_receiver_that_hangs_holds_up_no_other(
    open_sender: OpenSender, receiver: RawServer
) -> None:
    receiver.replies["/hook"] = hangs
    async with RawServer.open() as other, open_sender() as sender:
        for _ in range(3):
            await sender.add(f"{receiver.url}/hook")
        await receiver.until(lambda now: len(now.requests) == 1)
        for _ in range(3):
            await sender.add(other.url)
        await sender.outbox.until_ended(3)
        assert sender.outbox.ends == [("told", None)] * 3
        assert len(receiver.requests) == 1


async def test_a_receiver_is_told_one_thing_at_a_time(
    open_sender: OpenSender, receiver: RawServer
) -> None:
    most = 0

    async def counts(sent: Sent, writer: asyncio.StreamWriter) -> None:
        nonlocal most
        most = max(most, receiver.open_now)
        await answers()(sent, writer)

    receiver.replies["/hook"] = counts
    async with open_sender() as sender:
        for _ in range(5):
            await sender.add(f"{receiver.url}/hook")
        await sender.outbox.until_ended(5)
    assert most == 1


async def test_only_so_many_receivers_are_told_at_once(open_sender: OpenSender) -> None:
    may_answer, changed = asyncio.Event(), asyncio.Condition()
    now, most = 0, 0

    async def waits(sent: Sent, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(now, most)
        async with changed:
            changed.notify_all()
        await may_answer.wait()
        now -= 1
        await answers()(sent, writer)

    async with AsyncExitStack() as stack, open_sender() as sender:
        servers = [await stack.enter_async_context(RawServer.open()) for _ in range(11)]
        for server in servers:
            server.replies["/"] = waits
            await sender.add(f"{server.url}/")
        async with changed:
            await changed.wait_for(lambda: now == RECEIVERS_AT_ONCE)
        for _ in range(20):  # time for what should not be begun
            assert len(await sender.outbox.due(now=sender.clock.now(), limit=20)) == 3
        may_answer.set()
        await sender.outbox.until_ended(len(servers))
        assert all(len(server.requests) == 1 for server in servers)
    assert most == RECEIVERS_AT_ONCE


async def test_a_mock_event_is_told_like_any_other(
    open_sender: OpenSender, receiver: RawServer
) -> None:
    async with open_sender() as sender:
        for _ in range(2):
            await sender.callbacks.add(receiver.url, BODY)
        await sender.outbox.until_ended(2)
    assert [json.loads(sent.body) for sent in receiver.requests] == [BODY, BODY]
    assert len({sent.headers["webhook-id"] for sent in receiver.requests}) == 2


async def test_a_table_that_cannot_be_read_is_read_again_later(
    open_sender: OpenSender, receiver: RawServer
) -> None:
    async with open_sender() as sender:
        await sender.clock.until_asleep(LOOK_S)
        sender.outbox.is_broken = True
        await sender.add(receiver.url)
        await sender.clock.until_asleep(LOOK_S)
        sender.outbox.is_broken = False
        sender.clock.advance(LOOK_S)
        await sender.outbox.until_ended(1)
    assert len(receiver.requests) == 1
