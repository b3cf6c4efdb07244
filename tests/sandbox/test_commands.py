"""Slash commands: how they are registered, and how a typed line is read."""

from typing import Any

import discord
import pytest

from bot.sandbox import CommandLineError, Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

PING = {"name": "ping", "description": "Answer", "type": 1}


def option(name: str, **more: object) -> dict[str, Any]:
    return {"name": name, "description": "x", "type": 3, **more}


async def test_a_command_keeps_its_id_as_long_as_it_keeps_its_name(
    sandbox: Sandbox, rest: Rest
) -> None:
    path = f"/applications/{sandbox.world.bot.id}/commands"
    _, first = await rest("PUT", path, [PING])
    _, second = await rest("PUT", path, [PING | {"description": "Answer!"}, PING | {"name": "b"}])
    assert second[0]["id"] == first[0]["id"] != second[1]["id"]
    assert (await rest("GET", path))[1] == second
    _, third = await rest("PUT", path, [])
    assert third == []


async def test_a_guild_has_commands_of_its_own(sandbox: Sandbox, bot: LoungeBot) -> None:
    guild = discord.Object(int(sandbox.guild.id))
    bot.tree.clear_commands(guild=None)
    bot.tree.command(name="here", description="Only here", guild=guild)(_here)
    await bot.tree.sync()
    await bot.tree.sync(guild=guild)
    assert [c["name"] for c in sandbox.world.commands_in(sandbox.guild)] == ["here"]
    elsewhere = sandbox.world.add_guild("Elsewhere")
    assert sandbox.world.commands_in(elsewhere) == []
    await sandbox.slash(sandbox.ben, sandbox.channel, "/here")
    assert (await bot.uses.get()).command is not None


async def _here(interaction: discord.Interaction) -> None:
    pass


@pytest.mark.parametrize(
    "command",
    [
        PING | {"name": "Ping"},
        PING | {"description": ""},
        PING | {"options": [option(f"o{n}") for n in range(26)]},
        PING | {"options": [option("a", choices=[{"name": "x", "value": "x"}] * 26)]},
        PING | {"options": [option("a"), option("b", required=True)]},
        PING | {"options": [option("a"), option("a")]},
        PING
        | {
            "options": [
                option(f"o{n}", choices=[{"name": "x" * 100, "value": f"{m}"} for m in range(25)])
                for n in range(4)
            ]
        },
    ],
)
async def test_a_command_that_breaks_a_limit_is_not_registered(
    sandbox: Sandbox, rest: Rest, command: dict[str, Any]
) -> None:
    path = f"/applications/{sandbox.world.bot.id}/commands"
    status, body = await rest("PUT", path, [command])
    assert (status, body["code"]) == (400, 50035)
    assert not sandbox.has_commands


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('/video prompt:"a red circle" seed:7', {"prompt": "a red circle", "seed": 7}),
        ("/video prompt:a red circle seed:7", {"prompt": "a red circle", "seed": 7}),
        (r'/video prompt:"say \"hi\" seed:8 \| b"', {"prompt": r'say "hi" seed:8 \| b'}),
        ("/video seed: 7 prompt: 24: a sprout", {"prompt": "24: a sprout", "seed": 7}),
        ("/video prompt:x quality:Best", {"prompt": "x", "quality": "best"}),
        ("/video prompt:x strength:0.5 loop:True", {"prompt": "x", "strength": 0.5, "loop": True}),
    ],
)
async def test_a_line_is_read_as_discords_client_reads_it(
    sandbox: Sandbox, bot: LoungeBot, line: str, expected: dict[str, object]
) -> None:
    await sandbox.slash(sandbox.ben, sandbox.channel, line)
    namespace = (await bot.uses.get()).namespace
    assert {name: getattr(namespace, name) for name in expected} == expected


async def test_subcommands_and_members_are_understood(sandbox: Sandbox, bot: LoungeBot) -> None:
    await sandbox.slash(sandbox.ben, sandbox.channel, "/job info id:abc")
    received = await bot.uses.get()
    assert received.command is not None
    assert received.command.qualified_name == "job info"
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x member:@ana")
    received = await bot.uses.get()
    assert isinstance(received.namespace.member, discord.Member)
    assert received.namespace.member.guild_permissions is not None
    assert str(received.namespace.member.id) == sandbox.ana.id
    await sandbox.invoke(sandbox.ben, sandbox.channel, "job cancel", {"id": "abc"})
    received = await bot.uses.get()
    assert received.command is not None
    assert received.command.qualified_name == "job cancel"


@pytest.mark.parametrize(
    "line",
    [
        "video prompt:x",
        "/nothing",
        "/job",
        "/video",
        "/video unknown:y prompt:x",
        "/video prompt:x seed:many",
        "/video prompt:x seed:4294967296",
        "/video prompt:x quality:none",
        "/video prompt:x member:@nobody",
        "/mod",
    ],
)
async def test_a_line_that_a_client_would_not_send_is_not_sent(
    sandbox: Sandbox, bot: LoungeBot, line: str
) -> None:
    with pytest.raises(CommandLineError):
        await sandbox.slash(sandbox.ben, sandbox.channel, line)
    assert bot.uses.empty()


async def test_a_hidden_command_is_there_for_those_who_may_see_it(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    await sandbox.slash(sandbox.max, sandbox.channel, "/mod")
    assert (await bot.uses.get()).permissions.manage_guild
    sandbox.world.grant(sandbox.ben, "manage_guild")
    await sandbox.slash(sandbox.ben, sandbox.channel, "/mod")
    assert (await bot.uses.get()).permissions.manage_guild
