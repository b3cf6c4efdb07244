"""The same script against the sandbox, always, and against the real Discord, if one asks for it.

The second needs DISCORD_SMOKE_TOKEN, a bot's token, and DISCORD_SMOKE_CHANNEL, the id of a text
channel where it may view, post, attach files and read the history. The bot is in that server with
the scope `applications.commands`.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import discord
import pytest

from bot.sandbox import Sandbox
from tests.live.script import Smoke
from tests.referee.referee import Referee

TOKEN, CHANNEL = "DISCORD_SMOKE_TOKEN", "DISCORD_SMOKE_CHANNEL"


@pytest.fixture
def judges_refusals() -> bool:
    """One request of the script is meant to be refused for its meaning, not for its form."""
    return True


@asynccontextmanager
async def logged_in(
    token: str, channel_id: int, connector: aiohttp.TCPConnector | None = None
) -> AsyncGenerator[Smoke]:
    """Log in; the gateway is not needed."""
    mentions = discord.AllowedMentions.none()
    client = discord.Client(
        intents=discord.Intents(guilds=True), allowed_mentions=mentions, connector=connector
    )
    async with client:
        await client.login(token)
        channel = await client.fetch_channel(channel_id)
        assert isinstance(channel, discord.TextChannel), "the smoke test needs a text channel"
        yield Smoke(client=client, channel=channel)


async def test_the_script_runs_on_the_sandbox(tmp_path: Path, referee: Referee) -> None:
    async with (
        Sandbox.open(tmp_path, observers=(referee.observe,)) as sandbox,
        logged_in(sandbox.token, int(sandbox.channel.id), connector=sandbox.connector()) as smoke,
    ):
        await smoke.run()
        assert not any(not m.is_deleted for m in sandbox.channel.messages.values())
        assert not any(sandbox.world.commands.values())


async def test_the_script_runs_on_the_real_discord() -> None:
    environment = os.environ  # noqa: TID251 -- a secret of whoever runs this, not of the bot
    token, channel = environment.get(TOKEN), environment.get(CHANNEL)
    if not token or not channel:
        pytest.skip(f"opt-in: {TOKEN} and {CHANNEL} name a bot and a text channel of yours")
    async with logged_in(token, int(channel)) as smoke:
        await smoke.run()
