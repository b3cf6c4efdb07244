"""Slash commands: how they are registered, and how a typed line is read."""

import discord
import pytest

from bot.sandbox import CommandLineError, Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

PING = {"name": "ping", "description": "Answer", "type": 1}


async def test_a_command_keeps_its_id_as_long_as_it_keeps_its_name(
    sandbox: Sandbox, rest: Rest
) -> None:
    path = f"/applications/{sandbox.world.bot.id}/commands"
    _, first = await rest("PUT", path, [PING])
    _, second = await rest("PUT", path, [PING | {"description": "Answer!"}, PING | {"name": "b"}])
    assert second[0]["id"] == first[0]["id"] != second[1]["id"]
    assert (await rest("GET", f"{path}?with_localizations=true"))[1] == second
    _, third = await rest("PUT", path, [])
    assert third == []


async def test_a_version_changes_with_the_command_and_not_with_the_sync(
    sandbox: Sandbox, rest: Rest
) -> None:
    path = f"/applications/{sandbox.world.bot.id}/commands"
    _, first = await rest("PUT", path, [PING])
    assert (await rest("PUT", path, [PING]))[1] == first
    assert (await rest("POST", path, PING)) == (200, first[0])
    _, third = await rest("PUT", path, [PING | {"nsfw": True}])
    assert int(third[0]["version"]) > int(first[0]["version"])


async def test_one_command_is_edited_and_deleted(sandbox: Sandbox, rest: Rest) -> None:
    path = f"/applications/{sandbox.world.bot.id}/commands"
    _, created = await rest("POST", path, PING | {"nsfw": True})
    one = f"{path}/{created['id']}"
    status, changed = await rest("PATCH", one, {"name": "pong", "description": "Again"})
    assert (status, changed["name"], changed["nsfw"]) == (200, "pong", True)
    assert changed["id"] == created["id"]
    assert sandbox.world.commands_in(sandbox.guild) == [changed]
    await rest("POST", path, PING)
    for wrong in ({"name": "Pong"}, {"name": "ping"}):
        status, body = await rest("PATCH", one, wrong)
        assert (status, body["code"]) == (400, 50035)
    assert (await rest("DELETE", one))[0] == 204
    for method in ("GET", "PATCH", "DELETE"):
        status, body = await rest(method, one, {} if method == "PATCH" else None)
        assert (status, body["code"]) == (404, 10063)


async def test_lists_leave_translations_out_unless_they_are_asked_for(
    sandbox: Sandbox, rest: Rest
) -> None:
    path = f"/applications/{sandbox.world.bot.id}/commands"
    option = {"name": "a", "description": "x", "type": 3, "name_localizations": {"de": "b"}}
    command = PING | {"name_localizations": {"de": "hallo"}, "options": [option]}
    await rest("PUT", path, [command])
    _, (brief,) = await rest("GET", path)
    assert "name_localizations" not in brief | brief["options"][0]
    _, (whole,) = await rest("GET", f"{path}?with_localizations=true")
    assert whole["name_localizations"] == {"de": "hallo"}
    assert whole["options"][0]["name_localizations"] == {"de": "b"}


async def test_a_guilds_command_shadows_the_global_one_of_that_name(
    sandbox: Sandbox, rest: Rest
) -> None:
    path = f"/applications/{sandbox.world.bot.id}"
    await rest("PUT", f"{path}/commands", [PING])
    _, (own,) = await rest("PUT", f"{path}/guilds/{sandbox.guild.id}/commands", [PING])
    assert sandbox.world.commands_in(sandbox.guild) == [own]
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, "/ping")
    assert (sent.data["id"], sent.data["guild_id"]) == (own["id"], sandbox.guild.id)
    await rest("PUT", f"{path}/guilds/{sandbox.guild.id}/commands", [])
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, "/ping")
    assert "guild_id" not in sent.data


async def test_a_guilds_command_is_for_the_guild_whatever_contexts_it_names(
    sandbox: Sandbox, rest: Rest
) -> None:
    path = f"/applications/{sandbox.world.bot.id}/guilds/{sandbox.guild.id}/commands"
    _, command = await rest("POST", path, PING | {"contexts": [1], "integration_types": [1]})
    assert (command["contexts"], command["integration_types"]) == (None, [0])
    assert await sandbox.slash(sandbox.ben, sandbox.channel, "/ping")


async def test_an_option_that_is_left_empty_is_not_sent(sandbox: Sandbox, rest: Rest) -> None:
    await only(sandbox, rest, options=[{"name": "text", "description": "x", "type": 3}])
    with pytest.raises(CommandLineError, match="takes 1 to 6000 characters, not 0"):
        await sandbox.slash(sandbox.ben, sandbox.channel, "/ping text:")
    assert (await sandbox.slash(sandbox.ben, sandbox.channel, "/ping")).data["options"] == []


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
        "/video prompt:",
        "/video prompt:x strength:1.5",
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


async def test_a_command_that_is_no_more_is_still_sent_by_a_client_that_knows_it(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sent = await sandbox.invoke(sandbox.ben, sandbox.channel, "gone", {"prompt": "x"})
    received = await bot.uses.get()
    assert str(received.id) == sent.id
    assert received.command is None


async def test_typed_values_are_checked_against_their_options(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    for wrong in ({"prompt": 7}, {"seed": "7"}, {"seed": True}, {"loop": 1}, {"member": "ana"}):
        with pytest.raises(CommandLineError, match="not of its type"):
            await sandbox.invoke(
                sandbox.ben, sandbox.channel, "video", {"prompt": "x"} | wrong, unchecked=False
            )
    sandbox.guild.upload_limit = 4
    options = {"prompt": "x", "image": ("a.png", b"12345")}
    with pytest.raises(CommandLineError, match="larger than 4 bytes"):
        await sandbox.invoke(sandbox.ben, sandbox.channel, "video", options, unchecked=False)
    assert bot.uses.empty()


# Who may use what, and where


async def only(sandbox: Sandbox, rest: Rest, **more: object) -> None:
    """Register one command."""
    path = f"/applications/{sandbox.world.bot.id}/commands"
    assert (await rest("PUT", path, [PING | more]))[0] == 200


async def test_a_command_for_adults_is_used_in_channels_for_adults(
    sandbox: Sandbox, rest: Rest
) -> None:
    await only(sandbox, rest, nsfw=True)
    with pytest.raises(CommandLineError, match="hidden"):
        await sandbox.slash(sandbox.ben, sandbox.channel, "/ping")
    for name in ("after-dark", "midnight"):  # a thread is as its parent
        assert await sandbox.slash(sandbox.ben, sandbox.guild.channel(name), "/ping")


async def test_commands_need_a_permission_in_the_channel(sandbox: Sandbox, rest: Rest) -> None:
    await only(sandbox, rest)
    sandbox.channel.deny("use_application_commands", to=sandbox.ben)
    with pytest.raises(CommandLineError, match="may not use commands"):
        await sandbox.slash(sandbox.ben, sandbox.channel, "/ping")
    with pytest.raises(CommandLineError, match="may not use commands"):
        await sandbox.slash(sandbox.ben, sandbox.guild.channel("storyboards"), "/ping")
    assert await sandbox.slash(sandbox.ben, sandbox.guild.channel("general"), "/ping")
    assert await sandbox.slash(sandbox.ana, sandbox.channel, "/ping")


async def test_nobody_uses_a_command_where_they_cannot_look(sandbox: Sandbox, rest: Rest) -> None:
    await only(sandbox, rest)
    hidden, elsewhere = sandbox.guild.channel("moderators"), sandbox.world.add_guild("Elsewhere")
    with pytest.raises(CommandLineError, match="cannot see"):
        await sandbox.slash(sandbox.ben, hidden, "/ping")
    away = sandbox.world.add_channel(elsewhere, "away")
    with pytest.raises(CommandLineError, match="cannot see"):
        await sandbox.slash(sandbox.ben, away, "/ping")
    assert await sandbox.slash(sandbox.max, hidden, "/ping")


async def test_a_locked_thread_takes_commands_from_those_who_manage_threads(
    sandbox: Sandbox, rest: Rest
) -> None:
    await only(sandbox, rest)
    thread = sandbox.guild.channel("storyboards")
    sandbox.world.archive_thread(thread)
    assert await sandbox.slash(sandbox.ben, thread, "/ping")
    sandbox.world.archive_thread(thread, locked=True)
    with pytest.raises(CommandLineError, match="locked"):
        await sandbox.slash(sandbox.ben, thread, "/ping")
    assert await sandbox.slash(sandbox.max, thread, "/ping")


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({}, ["olga", "max", "ben"]),
        ({"default_member_permissions": "32"}, ["olga", "max"]),
        ({"default_member_permissions": "0"}, ["olga"]),
        ({"contexts": [1, 2]}, []),
        ({"integration_types": [1]}, []),
    ],
)
async def test_commands_are_listed_for_those_who_may_use_them(
    sandbox: Sandbox, rest: Rest, more: dict[str, object], names: list[str]
) -> None:
    await only(sandbox, rest, **more)
    (command,) = sandbox.world.commands_in(sandbox.guild)
    people = (sandbox.olga, sandbox.max, sandbox.ben)
    assert [member.name for member in people if sandbox.can_see(member, command)] == names
