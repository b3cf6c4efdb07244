"""Sharding: each guild's events on its own shard, each shard with its own session."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import discord
from typing_extensions import override

from bot.sandbox import Channel, Guild, Sandbox
from tests.sandbox.lounge_bot import add_commands
from tests.sandbox.wire import wire


class ShardedBot(discord.AutoShardedClient):
    """A bot on as many shards as Discord recommends."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(
            connector=sandbox.connector(),
            intents=discord.Intents(guilds=True),
            max_messages=None,
            guild_ready_timeout=0.05,
        )
        self.tree = discord.app_commands.CommandTree(self)
        self.uses: asyncio.Queue[discord.Interaction] = asyncio.Queue()
        self.resumed: asyncio.Queue[int] = asyncio.Queue()
        add_commands(self.tree)

    @override
    async def setup_hook(self) -> None:
        await self.tree.sync()

    @override
    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        pass  # the sandbox of these tests asks for no pause

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        await self.uses.put(interaction)

    async def on_shard_resumed(self, shard_id: int) -> None:
        await self.resumed.put(shard_id)


@asynccontextmanager
async def running(sandbox: Sandbox) -> AsyncGenerator[ShardedBot]:
    async with ShardedBot(sandbox) as bot:
        start = asyncio.create_task(bot.start(sandbox.token))
        await sandbox.wait_for(lambda: len(sandbox.gateway.shards) == 2, 10)
        await bot.wait_until_ready()
        yield bot
        await bot.close()
        await start


def spread(sandbox: Sandbox) -> list[tuple[Guild, Channel]]:
    """Return a guild with a channel for each of two shards."""
    found: dict[int, tuple[Guild, Channel]] = {}
    while len(found) < 2:
        guild = sandbox.world.add_guild("Far")
        sandbox.world.add_member(guild, "eve")
        channel = sandbox.world.add_channel(guild, "films")
        sandbox.clock.advance(0.001)  # the time is in the id, and the id decides about the shard
        found[shard_of(guild)] = (guild, channel)
    return [found[0], found[1]]


def shard_of(guild: Guild) -> int:
    return (int(guild.id) >> 22) % 2


async def test_a_bot_on_two_shards_serves_guilds_of_both(sandbox: Sandbox) -> None:
    sandbox.session_starts.recommended_shards = 2
    places = spread(sandbox)
    async with running(sandbox) as bot:
        assert sandbox.gateway.shards == [(0, 2), (1, 2)]
        assert {guild.id: guild.shard_id for guild in bot.guilds} == {
            int(guild.id): shard_of(guild) for guild in sandbox.world.guilds.values()
        }
        for number, (guild, channel) in enumerate(places):
            line = "/job info id:7"
            sent = await sandbox.slash(guild.member("eve"), channel, line)
            received = await asyncio.wait_for(bot.uses.get(), 10)
            assert (str(received.id), received.guild_id) == (sent.id, int(guild.id))
            assert received.guild is not None
            assert received.guild.shard_id == number
            await received.response.send_message(f"from shard {number}")
            assert (await sent.wait_answer()).text == f"from shard {number}"


async def test_each_shard_resumes_its_own_session(sandbox: Sandbox) -> None:
    sandbox.session_starts.recommended_shards = 2
    places = spread(sandbox)
    async with running(sandbox) as bot:
        await sandbox.drop_gateway(4000)
        sent = [
            await sandbox.slash(guild.member("eve"), channel, "/job info id:7")
            for guild, channel in places
        ]
        received = [await asyncio.wait_for(bot.uses.get(), 10) for _ in sent]
        assert {str(one.id) for one in received} == {one.id for one in sent}
        resumed = {await asyncio.wait_for(bot.resumed.get(), 10) for _ in sent}
        assert resumed == {0, 1}


async def test_a_shard_hears_only_of_its_guilds(sandbox: Sandbox) -> None:
    (near, _), (far, _) = spread(sandbox)
    async with wire(sandbox) as client:
        ready = await client.ready(shard=[1, 2])
        assert ready["shard"] == [1, 2]
        assert far.id in {guild["id"] for guild in ready["guilds"]}
        assert near.id not in {guild["id"] for guild in ready["guilds"]}
        sandbox.world.add_channel(near, "unheard")
        sandbox.world.add_channel(far, "heard")
        assert (await client.until("CHANNEL_CREATE"))["d"]["name"] == "heard"
