"""The client asks for little, and syncs its commands only when they changed."""

import asyncio
import logging

import pytest
from discord import app_commands

from bot.client import FlipbookClient
from bot.sandbox import Fault
from tests.cogs.conftest import House

GLOBAL = "/applications/{application_id}/commands"
GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"


def syncs(house: House, route: str = GLOBAL) -> int:
    return len(house.sandbox.requests.of("PUT", route))


async def test_commands_are_synced_once_and_again_only_on_change(house: House) -> None:
    async with house.open_client():
        assert syncs(house) == 1
    await house.sandbox.wait_gone()
    async with house.open_client() as client:
        assert syncs(house) == 1
        assert await client.sync() is False
        assert await client.sync(force=True) is True
        assert syncs(house) == 2
        add_command(client)
        assert await client.sync() is True
    assert syncs(house) == 3
    names = {command["name"] for command in house.sandbox.world.commands[None].values()}
    members = {"video", "queue", "quota", "job", "models", "help", "privacy", "appeal", "cases"}
    assert names == members | {"mod", "settings", "Report video", "extra"}


async def test_commands_that_discord_lost_are_synced_again(house: House) -> None:
    async with house.open_client():
        assert syncs(house) == 1
    await house.sandbox.wait_gone()
    house.sandbox.world.commands.clear()
    async with house.open_client():
        assert syncs(house) == 2


async def test_a_discord_that_does_not_tell_its_commands_is_believed(house: House) -> None:
    async with house.open_client():
        assert syncs(house) == 1
    await house.sandbox.wait_gone()
    house.sandbox.faults.add("GET", GLOBAL, Fault.instead(404))
    async with house.open_client():
        assert syncs(house) == 1


async def test_a_dev_guild_gets_the_commands_and_nobody_else(house: House) -> None:
    guild = int(house.sandbox.guild.id)
    async with house.open_client(dev_guild=guild):
        assert (syncs(house), syncs(house, GUILD)) == (0, 1)
    await house.sandbox.wait_gone()
    async with house.open_client(dev_guild=guild):
        assert syncs(house, GUILD) == 1
        interaction = await house.video(house.sandbox.ben)
        assert await house.job_of(interaction)


async def test_a_sync_into_one_server_says_that_global_commands_stay(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="bot.client")
    async with house.open_client() as client:
        assert "beside the global ones" not in caplog.text
        await client.sync(int(house.sandbox.guild.id))
    assert "beside the global ones" in caplog.text


async def test_a_client_is_connected_only_while_its_gateway_is(house: House) -> None:
    seen: list[tuple[str, bool]] = []
    is_back = asyncio.Event()
    async with house.open_client() as client:
        assert client.is_connected

        async def note_loss() -> None:
            seen.append(("lost", client.is_connected))

        async def note_return() -> None:
            seen.append(("back", client.is_connected))
            is_back.set()

        client.add_listener(note_loss, "on_disconnect")
        client.add_listener(note_return, "on_resumed")
        await house.sandbox.drop_gateway()
        await asyncio.wait_for(is_back.wait(), 10)
        assert seen == [("lost", False), ("back", True)]
    assert not client.is_connected


@pytest.mark.usefixtures("expects_errors")
async def test_a_sync_that_fails_does_not_stop_the_bot(house: House) -> None:
    async with house.open_client():
        pass
    await house.sandbox.wait_gone()
    await house.values.set_value("commands:global", "of an older version")
    house.sandbox.faults.add("PUT", GLOBAL, Fault.instead(403, code=50001))
    async with house.open_client():
        await house.queued(house.sandbox.ben)
    assert await house.values.get_value("commands:global") == "of an older version"


async def test_commands_are_for_servers_only(house: House, client: FlipbookClient) -> None:
    del client
    for command in house.sandbox.world.commands[None].values():
        assert command["contexts"] == [0]
        assert command["integration_types"] == [0]


async def test_nothing_privileged_and_no_cache_is_asked_for(
    house: House, client: FlipbookClient
) -> None:
    await house.queued(house.sandbox.ben)
    assert client.intents.value == 1
    assert client.allowed_mentions is not None
    assert client.allowed_mentions.to_dict() == {"parse": []}
    assert not client.cached_messages
    assert client.persistent_views == []


async def test_all_traffic_goes_through_the_operators_proxy(
    house: House, client: FlipbookClient
) -> None:
    # Discord's names resolve nowhere here, so every request that arrived came by the proxy.
    assert client.http.proxy == house.sandbox.proxy_url
    await house.queued(house.sandbox.ben)
    assert house.sandbox.refused_hosts == []


def add_command(client: FlipbookClient) -> None:
    @client.tree.command(name="extra", description="One more")
    async def extra(interaction: object) -> None:
        del interaction

    assert isinstance(extra, app_commands.Command)
