"""Scripted trouble: lost answers, refusals, rate limits, silence."""

import asyncio
import io

import aiohttp
import discord
import pytest

from bot.sandbox import Fault, Sandbox, SandboxClock, SandboxError
from bot.sandbox.world.journal import KEPT, Journal, LoggedRequest
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


async def test_only_the_last_requests_are_remembered() -> None:
    journal, time = Journal(), SandboxClock().now()
    for number in range(KEPT + 2):
        journal.append(LoggedRequest(method="GET", route="/", path=f"/{number}", time=time))
    assert (len(journal), journal.forgotten, journal[0].path) == (KEPT, 2, "/2")


async def test_a_fault_that_has_struck_is_forgotten(sandbox: Sandbox, rest: Rest) -> None:
    sandbox.faults.add("POST", MESSAGES, Fault.instead(500, times=2))
    sandbox.faults.add("GET", "/users/@me", Fault.instead(500))
    path = f"/channels/{sandbox.channel.id}/messages"
    assert [(await rest("POST", path, {"content": "x"}))[0] for _ in range(3)] == [500, 500, 200]
    assert [one.fault.times for one in sandbox.faults.pending] == [1]


async def test_a_fault_on_no_route_is_refused_with_those_that_are_near(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match=r"near: .*POST /channels/\{channel_id\}/messages"):
        sandbox.faults.add("POST", "/channels/{id}/messages", Fault.after(502))
    with pytest.raises(SandboxError, match="no route PUT"):
        sandbox.faults.add("PUT", MESSAGES, Fault.after(502))


async def test_a_connection_cut_before_the_request_leaves_no_trace(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    fault = sandbox.faults.add("POST", MESSAGES, Fault.drop_before())
    channel = bot.get_partial_messageable(int(sandbox.channel.id))
    with pytest.raises((aiohttp.ClientError, OSError)):
        await channel.send("lost")
    assert fault.hits == 1
    assert sandbox.requests.of("POST", MESSAGES)[0].status is None
    assert not sandbox.channel.messages
    await channel.send("kept")
    assert len(sandbox.channel.messages) == 1


async def test_a_connection_cut_after_the_request_hides_that_it_took_effect(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sandbox.faults.add("POST", MESSAGES, Fault.drop_after())
    channel = bot.get_partial_messageable(int(sandbox.channel.id))
    with pytest.raises((aiohttp.ClientError, OSError)):
        await channel.send("posted", nonce="7")
    assert len(sandbox.channel.messages) == 1
    again = await channel.send("posted", nonce="7")
    assert [str(again.id)] == list(sandbox.channel.messages)


async def test_a_slow_answer_comes_when_the_sandboxs_time_has_passed(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sandbox.faults.add("POST", MESSAGES, Fault.slow(3600, times=2))
    channel = bot.get_partial_messageable(int(sandbox.channel.id))
    sending = asyncio.create_task(channel.send("slow"))
    await sandbox.wait_for(lambda: sandbox.channel.messages, 5)
    sandbox.clock.advance(3599)
    quick = await bot.fetch_guild(int(sandbox.guild.id))
    assert quick.id == int(sandbox.guild.id)
    assert not sending.done()
    sandbox.clock.advance(2)
    assert isinstance(await sending, discord.Message)


async def test_a_slow_answer_can_be_let_go_early(sandbox: Sandbox, bot: LoungeBot) -> None:
    fault = sandbox.faults.add("POST", MESSAGES, Fault.slow(3600))
    channel = bot.get_partial_messageable(int(sandbox.channel.id))
    sending = asyncio.create_task(channel.send("slow"))
    await sandbox.wait_for(lambda: sandbox.channel.messages, 5)
    fault.release()
    assert isinstance(await sending, discord.Message)


async def test_a_file_is_not_found_or_breaks_off(sandbox: Sandbox, bot: LoungeBot) -> None:
    file = discord.File(io.BytesIO(b"0123456789" * 1000), "video.mp4")
    channel = bot.get_partial_messageable(int(sandbox.channel.id))
    attachment = (await channel.send(file=file)).attachments[0]
    sandbox.cdn.lose()
    with pytest.raises(discord.NotFound):
        await attachment.read()
    sandbox.cdn.break_off()
    with pytest.raises(aiohttp.ClientPayloadError):
        await attachment.read()
    assert await attachment.read() == b"0123456789" * 1000
