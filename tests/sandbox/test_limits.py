"""Rate limits: buckets by route, by webhook and for all, and what becomes of who ignores them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import discord
import pytest

from bot.sandbox import Fault, Limit, RateLimits, Sandbox, Scope
from bot.sandbox.rest.call import Reply, Route
from bot.sandbox.rest.limiter import MOST_WINDOWS
from tests.referee.referee import Referee
from tests.sandbox.conftest import connected
from tests.sandbox.lounge_bot import LoungeBot

MESSAGES = "/channels/{channel_id}/messages"
ORIGINAL = "/webhooks/{application_id}/{interaction_token}/messages/@original"
API = "https://discord.com/api/v10"
WEBHOOK = Route(
    method="GET",
    template=ORIGINAL,
    endpoint=lambda _: Reply(),
    needs_token=False,
    is_interaction=True,
)
TINY = Limit(requests=2, window_s=0.05)


@pytest.fixture
async def raw(sandbox: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session that waits for nothing, with the bot's token."""
    token = {"Authorization": f"Bot {sandbox.token}"}
    async with aiohttp.ClientSession(connector=sandbox.connector(), headers=token) as session:
        yield session


@asynccontextmanager
async def lounge(
    folder: Path, referee: Referee, limits: RateLimits
) -> AsyncGenerator[tuple[Sandbox, LoungeBot]]:
    """Open a sandbox with limits of its own, and a real discord.py in it."""
    async with (
        Sandbox.open(folder, rate_limits=limits, observers=(referee.observe,)) as sandbox,
        connected(sandbox) as bot,
    ):
        yield sandbox, bot


async def post(raw: aiohttp.ClientSession, channel_id: str) -> aiohttp.ClientResponse:
    url = f"{API}/channels/{channel_id}/messages"
    async with raw.post(url, json={"content": "x"}) as response:
        await response.read()
        return response


async def test_a_bucket_tells_what_is_left_and_the_sixth_message_is_refused(
    sandbox: Sandbox, raw: aiohttp.ClientSession
) -> None:
    answers = [await post(raw, sandbox.channel.id) for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    told = [answer.headers["X-RateLimit-Remaining"] for answer in answers]
    assert told == ["4", "3", "2", "1", "0", "0"]
    assert len({answer.headers["X-RateLimit-Bucket"] for answer in answers}) == 1
    refusal = answers[-1]
    assert refusal.headers["X-RateLimit-Limit"] == "5"
    assert refusal.headers["X-RateLimit-Scope"] == "user"
    assert refusal.headers["Via"]
    assert "X-RateLimit-Global" not in refusal.headers
    body = await refusal.json()
    assert body["message"] == "You are being rate limited."
    assert 0 < body["retry_after"] <= 5
    assert int(refusal.headers["Retry-After"]) >= body["retry_after"]
    assert body["global"] is False
    assert len(sandbox.channel.messages) == 5


async def test_a_bucket_is_counted_for_each_channel_and_fills_with_the_sandboxs_time(
    sandbox: Sandbox, raw: aiohttp.ClientSession
) -> None:
    other = sandbox.world.add_channel(sandbox.guild, "other")
    for _ in range(5):
        await post(raw, sandbox.channel.id)
    elsewhere = await post(raw, other.id)
    assert (elsewhere.status, elsewhere.headers["X-RateLimit-Remaining"]) == (200, "4")
    assert (await post(raw, sandbox.channel.id)).status == 429
    sandbox.clock.advance(5)
    assert (await post(raw, sandbox.channel.id)).status == 200


async def test_a_refusal_for_another_reason_tells_of_the_bucket_too(
    sandbox: Sandbox, raw: aiohttp.ClientSession
) -> None:
    sandbox.channel.deny("send_messages")
    refusal = await post(raw, sandbox.channel.id)
    assert (refusal.status, refusal.headers["X-RateLimit-Remaining"]) == (403, "4")


async def test_one_interactions_token_has_one_bucket(
    sandbox: Sandbox, bot: LoungeBot, raw: aiohttp.ClientSession
) -> None:
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    await received.response.defer(thinking=True)
    url = f"{API}/webhooks/{sandbox.world.bot.id}/{received.token}"
    statuses: list[int] = []
    for path in ("/messages/@original", "", "/messages/@original", "", "", ""):
        send = raw.patch if path else raw.post
        async with send(url + path, json={"content": "x"}) as response:
            statuses.append(response.status)
    assert statuses == [200] * 5 + [429]


async def test_the_global_limit_spares_what_answers_interactions(
    tmp_path: Path, referee: Referee
) -> None:
    limits = replace(RateLimits.roomy(), total=Limit(requests=3, window_s=600))
    folder, observers = tmp_path / "few", (referee.observe,)
    async with Sandbox.open(folder, rate_limits=limits, observers=observers) as sandbox:
        token = {"Authorization": f"Bot {sandbox.token}"}
        async with aiohttp.ClientSession(connector=sandbox.connector(), headers=token) as raw:
            for _ in range(3):
                async with raw.get(f"{API}/users/@me") as response:
                    assert response.status == 200
            async with raw.get(f"{API}/guilds/{sandbox.guild.id}") as response:
                assert response.status == 429
                assert response.headers["X-RateLimit-Global"] == "true"
                assert response.headers["X-RateLimit-Scope"] == "global"
                assert (await response.json())["global"] is True
            sent = await sandbox.invoke(sandbox.ben, sandbox.channel, "video", {"prompt": "x"})
            callback = f"{API}/interactions/{sent.id}/{sent.token}/callback"
            async with raw.post(callback, json={"type": 5}) as response:
                assert response.status == 204
            original = f"{API}/webhooks/{sandbox.world.bot.id}/{sent.token}/messages/@original"
            async with raw.get(original) as response:
                assert response.status == 200
            sandbox.clock.advance(600)
            async with raw.get(f"{API}/users/@me") as response:
                assert response.status == 200


async def test_buckets_that_are_over_are_forgotten_once_there_are_many(
    sandbox: Sandbox, raw: aiohttp.ClientSession
) -> None:
    async def read(token: int) -> str:
        url = f"{API}/webhooks/{sandbox.world.bot.id}/{token}/messages/@original"
        async with raw.get(url) as response:
            return response.headers["X-RateLimit-Remaining"]

    assert [await read(0), await read(0)] == ["4", "3"]
    for token in range(MOST_WINDOWS):
        sandbox.limits.admit(WEBHOOK, {"interaction_token": f"many {token}"}, sandbox.token)
    assert await read(0) == "2"  # those that still count stay
    sandbox.clock.advance(60)
    assert await read(1) == "4"
    assert sandbox.limits.buckets == 1


async def test_discord_py_slows_down_and_loses_nothing(tmp_path: Path, referee: Referee) -> None:
    limits = replace(RateLimits.roomy(), routes={("POST", MESSAGES): TINY})
    async with lounge(tmp_path, referee, limits) as (sandbox, bot):
        channel = bot.get_partial_messageable(int(sandbox.channel.id))
        for number in range(7):
            await channel.send(str(number))
        texts = [message.text for message in sandbox.channel.messages.values()]
        assert texts == [str(number) for number in range(7)]
        # It has read the headers: after the first answer no request is one too many.
        assert {request.status for request in sandbox.requests.of("POST", MESSAGES)} == {200}


async def test_discord_py_waits_when_many_at_once_are_refused(
    tmp_path: Path, referee: Referee
) -> None:
    limits = replace(RateLimits.roomy(), routes={("POST", MESSAGES): TINY})
    async with lounge(tmp_path, referee, limits) as (sandbox, bot):
        channel = bot.get_partial_messageable(int(sandbox.channel.id))
        await asyncio.gather(*(channel.send(str(number)) for number in range(6)))
        texts = {message.text for message in sandbox.channel.messages.values()}
        assert texts == {str(number) for number in range(6)}
        assert len(sandbox.channel.messages) == 6


async def test_discord_py_waits_for_a_webhooks_bucket(tmp_path: Path, referee: Referee) -> None:
    limits = replace(RateLimits.roomy(), webhook=TINY)
    async with lounge(tmp_path, referee, limits) as (sandbox, bot):
        sent = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
        received = await bot.uses.get()
        await received.response.defer(thinking=True)
        for number in range(5):
            await received.edit_original_response(content=str(number))
        assert sent.message is not None
        assert sent.message.text == "4"


async def test_discord_py_waits_for_the_global_limit(tmp_path: Path, referee: Referee) -> None:
    limits = replace(RateLimits.roomy(), total=Limit(requests=4, window_s=0.2))
    async with lounge(tmp_path, referee, limits) as (sandbox, bot):
        channel = bot.get_partial_messageable(int(sandbox.channel.id))
        sent = [await channel.send(str(number)) for number in range(10)]
        assert len(sent) == len(sandbox.channel.messages) == 10
        statuses = [request.status for request in sandbox.requests.of("POST", MESSAGES)]
        assert 429 in statuses


@pytest.mark.parametrize("scope", list(Scope))
async def test_discord_py_repeats_what_was_refused_whatever_the_scope(
    sandbox: Sandbox, bot: LoungeBot, scope: Scope
) -> None:
    sandbox.faults.add("POST", MESSAGES, Fault.rate_limit(0.01, scope=scope))
    await bot.get_partial_messageable(int(sandbox.channel.id)).send("once")
    statuses = [request.status for request in sandbox.requests.of("POST", MESSAGES)]
    assert statuses == [429, 200]
    assert len(sandbox.channel.messages) == 1


async def test_invalid_requests_are_counted_but_for_shared_limits(
    sandbox: Sandbox, raw: aiohttp.ClientSession
) -> None:
    assert sandbox.limits.invalid_requests == 0
    sandbox.faults.add("POST", MESSAGES, Fault.rate_limit(0.01, scope=Scope.SHARED))
    assert (await post(raw, sandbox.channel.id)).headers["X-RateLimit-Scope"] == "shared"
    assert sandbox.limits.invalid_requests == 0
    sandbox.channel.deny("send_messages")
    await post(raw, sandbox.channel.id)
    async with raw.get(f"{API}/users/@me", headers={"Authorization": "Bot x"}) as response:
        assert response.status == 401
    async with raw.get(f"{API}/users/1") as response:
        assert response.status == 404
    assert sandbox.limits.invalid_requests == 2
    sandbox.clock.advance(600)
    assert sandbox.limits.invalid_requests == 0


async def test_too_many_invalid_requests_are_a_ban_that_discord_py_does_not_wait_for(
    tmp_path: Path, referee: Referee
) -> None:
    limits = replace(RateLimits.roomy(), invalid=Limit(requests=3, window_s=600))
    async with lounge(tmp_path, referee, limits) as (sandbox, bot):
        sandbox.channel.deny("send_messages")
        channel = bot.get_partial_messageable(int(sandbox.channel.id))
        for _ in range(3):
            with pytest.raises(discord.Forbidden):
                await channel.send("x")
        with pytest.raises(discord.HTTPException) as banned:
            await channel.send("x")
        assert banned.value.status == 429
        assert "Via" not in banned.value.response.headers
        sandbox.clock.advance(600)
        sandbox.channel.allow("send_messages")
        await channel.send("x")
