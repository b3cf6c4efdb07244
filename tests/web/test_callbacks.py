"""Webhooks that are sent: how often, in whose turn, and what keeps nobody waiting."""

import asyncio
import json
from contextlib import AsyncExitStack
from itertools import pairwise

from bot.web.callbacks import IN_HAND, LOOK_S, RECEIVERS_AT_ONCE
from jobs.callbacks import DELAYS_S
from tests.fakes.clock import START
from tests.fakes.raw_server import RawServer, Reply, Sent, answers, hangs, says
from tests.web.sender import BODY, OpenSender, Sender

TRIES = 1 + len(DELAYS_S)
BROKEN = answers(b"no", status=500)


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
