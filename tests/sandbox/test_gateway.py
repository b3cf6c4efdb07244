"""The gateway: sessions, what is replayed and what is lost."""

import asyncio
import json

import discord

from bot.sandbox import Sandbox
from tests.sandbox.lounge_bot import LoungeBot
from tests.sandbox.wire import wire

LINE = "/video prompt:x"


async def test_an_interaction_sent_while_the_gateway_was_away_is_replayed(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    await sandbox.drop_gateway(4000)
    assert not sandbox.is_connected
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, LINE)
    received = await asyncio.wait_for(bot.uses.get(), 10)
    await received.response.send_message("still here")
    assert (await sent.wait_answer()).text == "still here"
    assert bot.resumed == 1


async def test_a_session_that_was_ended_is_not_resumed(sandbox: Sandbox, bot: LoungeBot) -> None:
    await bot.close()
    await sandbox.wait_gone(5)
    lost = await sandbox.slash(sandbox.ben, sandbox.channel, LINE)
    async with LoungeBot(connector=sandbox.connector()) as second:
        running = asyncio.create_task(second.start(sandbox.token))
        await sandbox.wait_ready(10)
        await second.wait_until_ready()
        kept = await sandbox.slash(sandbox.ben, sandbox.channel, LINE)
        received = await second.uses.get()
        assert str(received.id) == kept.id
        await second.close()
        await running
    assert lost.acked_at is None


async def test_places_come_and_go_before_the_bots_eyes(sandbox: Sandbox, bot: LoungeBot) -> None:
    seen: asyncio.Queue[str] = asyncio.Queue()

    class Watch:
        async def on_guild_join(self, guild: discord.Guild) -> None:
            await seen.put(f"join {guild.name}")

        async def on_guild_remove(self, guild: discord.Guild) -> None:
            await seen.put(f"remove {guild.name}")

        async def on_guild_channel_create(self, channel: discord.abc.GuildChannel) -> None:
            await seen.put(f"create {channel.name}")

        async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
            await seen.put(f"delete {channel.name}")

        async def on_thread_create(self, thread: discord.Thread) -> None:
            await seen.put(f"thread {thread.name}")

    watch = Watch()
    for name in dir(watch):
        if name.startswith("on_"):
            bot.event(getattr(watch, name))
    guild = sandbox.world.add_guild("Second")
    channel = sandbox.world.add_channel(guild, "films", nsfw=True)
    sandbox.world.add_thread(channel, "chat")
    sandbox.world.delete_channel(channel)
    sandbox.world.remove_guild(guild)
    heard = [await asyncio.wait_for(seen.get(), 5) for _ in range(5)]
    assert heard[0] == "join Second"
    assert set(heard) == {
        "join Second",
        "create films",
        "thread chat",
        "delete films",
        "remove Second",
    }


async def test_a_wrong_token_is_closed_with_4004(sandbox: Sandbox) -> None:
    async with wire(sandbox) as client:
        await client.identify(token="wrong")
        assert await client.closed() == 4004


async def test_an_unknown_session_must_identify_and_gets_whole_guilds(sandbox: Sandbox) -> None:
    async with wire(sandbox) as client:
        await client.resume("old", 3)
        assert await client.receive() == {"op": 9, "d": False, "s": None, "t": None}
        identify = {"op": 2, "d": {"token": sandbox.token, "intents": 1, "properties": {}}}
        await client.socket.send_bytes(json.dumps(identify).encode())
        ready, guild = await client.receive(), await client.receive()
        assert (ready["t"], ready["s"]) == ("READY", 1)
        assert (guild["t"], guild["d"]["name"]) == ("GUILD_CREATE", "Flipbook Lounge")
        assert "afk_channel_id" in guild["d"]
        assert (await client.receive())["d"]["name"] == "Cinema Club"
        # Without the intent for messages nothing is heard of them; interactions always come.
        sandbox.world.say(sandbox.ben, sandbox.channel, "hello")
        await sandbox.invoke(sandbox.ben, sandbox.channel, "video", {"prompt": "x"})
        assert (await client.receive())["t"] == "INTERACTION_CREATE"
