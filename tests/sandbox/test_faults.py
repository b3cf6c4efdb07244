"""Scripted trouble: lost answers, refusals, rate limits, silence."""

import asyncio

import discord
import pytest

from bot.sandbox import Fault, Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

MESSAGES = "/channels/{channel_id}/messages"
ORIGINAL = "/webhooks/{application_id}/{interaction_token}/messages/@original"


async def test_a_lost_answer_to_a_post_is_repeated_and_still_one_message(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    fault = sandbox.faults.add("POST", MESSAGES, Fault.after(502))
    await bot.get_partial_messageable(int(sandbox.channel.id)).send("once")
    assert fault.hits == 1
    assert [request.status for request in sandbox.requests.of("POST", MESSAGES)] == [502, 200]
    assert len(sandbox.channel.messages) == 1


async def test_a_refusal_has_no_effect(sandbox: Sandbox, rest: Rest) -> None:
    sandbox.faults.add("POST", MESSAGES, Fault.instead(403, code=50013, times=2, skip=1))
    path = f"/channels/{sandbox.channel.id}/messages"
    statuses = [(await rest("POST", path, {"content": str(n)}))[0] for n in range(4)]
    assert statuses == [200, 403, 403, 200]
    assert [message.text for message in sandbox.channel.messages.values()] == ["0", "3"]


async def test_a_rate_limit_is_waited_for(sandbox: Sandbox, bot: LoungeBot) -> None:
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    await received.response.defer(thinking=True)
    sandbox.faults.add("PATCH", ORIGINAL, Fault.rate_limit(0.01))
    await received.edit_original_response(content="done")
    assert [request.status for request in sandbox.requests.of("PATCH", ORIGINAL)] == [429, 200]


async def test_a_held_request_took_effect_and_is_answered_when_released(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    fault = sandbox.faults.add("POST", MESSAGES, Fault.hold())
    channel = bot.get_partial_messageable(int(sandbox.channel.id))
    sending = asyncio.create_task(channel.send("held"))
    await sandbox.wait_for(lambda: sandbox.channel.messages, 5)
    assert sandbox.requests.of("POST", MESSAGES)[0].status is None
    assert not sending.done()
    fault.release()
    assert isinstance(await sending, discord.Message)


async def test_a_held_request_does_not_keep_the_sandbox_open(sandbox: Sandbox, rest: Rest) -> None:
    sandbox.faults.add("POST", MESSAGES, Fault.hold())
    path = f"/channels/{sandbox.channel.id}/messages"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(rest("POST", path, {"content": "held"}), 0.2)
    assert len(sandbox.channel.messages) == 1


async def test_requests_are_remembered_with_what_they_carried(sandbox: Sandbox, rest: Rest) -> None:
    await rest("POST", f"/channels/{sandbox.channel.id}/messages", {"content": "x"})
    request = sandbox.requests[-1]
    assert (request.method, request.route, request.status) == ("POST", MESSAGES, 200)
    assert request.json == {"content": "x"}
