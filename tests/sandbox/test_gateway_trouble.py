"""Trouble on the gateway, and how a real discord.py comes through it."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
import discord
import pytest
from typing_extensions import override

from bot.sandbox import Sandbox
from tests.sandbox.conftest import running
from tests.sandbox.lounge_bot import LoungeBot
from tests.sandbox.wire import wire

LINE = "/video prompt:x"


class HastyBot(LoungeBot):
    """Identifies again at once, where discord.py pauses five seconds by default."""

    @override
    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        pass


def hasty(sandbox: Sandbox, **options: Any) -> AbstractAsyncContextManager[HastyBot]:
    return running(sandbox, HastyBot(connector=sandbox.connector(), **options))


async def hears(sandbox: Sandbox, bot: LoungeBot) -> bool:
    """Say whether an interaction that is sent now arrives."""
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, LINE)
    received = await asyncio.wait_for(bot.uses.get(), 10)
    return str(received.id) == sent.id


@pytest.mark.parametrize("code", [None, 1000, 4000, 4008])
async def test_a_lost_connection_comes_back_and_nothing_is_missed(
    sandbox: Sandbox, code: int | None
) -> None:
    async with hasty(sandbox) as bot:
        await sandbox.drop_gateway(code)
        await sandbox.wait_for(lambda: sandbox.is_connected, 10)
        assert await hears(sandbox, bot)
        assert bot.resumed == (0 if code == 1000 else 1)


@pytest.mark.parametrize("code", [4007, 4009])
async def test_a_code_that_ends_the_session_makes_the_bot_identify_again(
    sandbox: Sandbox, code: int
) -> None:
    async with hasty(sandbox) as bot:
        await sandbox.drop_gateway(code)
        lost = await sandbox.slash(sandbox.ben, sandbox.channel, LINE)
        await sandbox.wait_for(lambda: sandbox.is_connected, 10)
        assert await hears(sandbox, bot)
        assert (bot.resumed, lost.acked_at) == (0, None)


async def test_a_fatal_code_ends_the_bot(sandbox: Sandbox) -> None:
    async with LoungeBot(connector=sandbox.connector()) as bot:
        start = asyncio.create_task(bot.start(sandbox.token))
        await sandbox.wait_ready(10)
        await sandbox.drop_gateway(4014)
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await start


async def test_a_bot_that_is_asked_to_reconnect_resumes(sandbox: Sandbox, bot: LoungeBot) -> None:
    sandbox.reconnect_gateway()
    await sandbox.wait_for(lambda: not sandbox.is_connected, 10)
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, LINE)
    received = await asyncio.wait_for(bot.uses.get(), 10)
    assert (str(received.id), bot.resumed) == (sent.id, 1)


@pytest.mark.parametrize("resumable", [True, False])
async def test_an_invalid_session_is_resumed_or_begun_anew(
    sandbox: Sandbox, *, resumable: bool
) -> None:
    async with hasty(sandbox) as bot:
        sandbox.invalidate_session(resumable=resumable)
        await sandbox.wait_for(lambda: sandbox.is_connected, 10)
        assert await hears(sandbox, bot)
        assert bot.resumed == int(resumable)


async def test_an_invalidated_session_serves_no_requests(sandbox: Sandbox) -> None:
    async with wire(sandbox) as client:
        await client.ready()
        sandbox.invalidate_session(resumable=False)
        await client.send(8, {"guild_id": sandbox.guild.id, "query": "a", "limit": 1})
        assert await client.closed() == 4003


async def test_a_zombie_connection_is_noticed_and_what_it_swallowed_is_replayed(
    sandbox: Sandbox,
) -> None:
    sandbox.gateway.heartbeat_interval_ms = 50
    async with hasty(sandbox, heartbeat_timeout=0.3) as bot:
        sandbox.mute_gateway()
        assert await hears(sandbox, bot)
        assert bot.resumed == 1


async def test_a_gateway_that_refuses_is_tried_again(sandbox: Sandbox) -> None:
    sandbox.refuse_gateway(2)
    async with aiohttp.ClientSession(connector=sandbox.connector()) as session:
        for _ in range(2):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect("https://gateway.discord.gg/?v=10&encoding=json")
            assert refused.value.status == 503
    async with wire(sandbox) as client:
        await client.ready()


async def test_an_outage_is_no_farewell(sandbox: Sandbox, bot: LoungeBot) -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def on_guild_unavailable(guild: discord.Guild) -> None:
        await seen.put(f"unavailable {guild.name}")

    async def on_guild_available(guild: discord.Guild) -> None:
        await seen.put(f"available {guild.name}")

    async def on_guild_remove(guild: discord.Guild) -> None:
        await seen.put(f"removed {guild.name}")

    for listener in (on_guild_unavailable, on_guild_available, on_guild_remove):
        bot.event(listener)
    guild = sandbox.world.add_guild("Elsewhere")
    channel = sandbox.world.add_channel(guild, "films")
    sandbox.outage(guild)
    assert await asyncio.wait_for(seen.get(), 5) == "unavailable Elsewhere"
    await sandbox.invoke(sandbox.world.add_member(guild, "eve"), channel, "video", {"prompt": "x"})
    sandbox.restore(guild)
    assert await asyncio.wait_for(seen.get(), 5) == "available Elsewhere"
    assert await hears(sandbox, bot)  # and not what was sent during the outage
    sandbox.world.remove_guild(guild)
    assert await asyncio.wait_for(seen.get(), 5) == "removed Elsewhere"


async def test_a_bot_that_starts_during_an_outage_is_told_of_it(sandbox: Sandbox) -> None:
    sandbox.outage(sandbox.guild)
    async with wire(sandbox) as client:
        guilds = (await client.ready())["guilds"]
        assert {"id": sandbox.guild.id, "unavailable": True} in guilds
        told = (await client.until("GUILD_DELETE"))["d"]
        assert told == {"id": sandbox.guild.id, "unavailable": True}
