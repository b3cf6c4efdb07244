"""The world that a sandbox begins with, and what its people may do where."""

from pathlib import Path

import pytest

from bot.sandbox import Sandbox, SandboxError
from tests.sandbox.lounge_bot import LoungeBot

MINIMAL = """
[[server]]
name = "Tiny"
owner = "zoe"
[[server.channel]]
name = "only"
"""


async def test_the_lounge_has_everybody_a_test_needs(sandbox: Sandbox) -> None:
    lounge, club = sandbox.world.guilds.values()
    assert (lounge.name, club.name) == ("Flipbook Lounge", "Cinema Club")
    assert sandbox.olga.id == lounge.owner_id
    assert [role.name for role in sandbox.max.roles] == ["Moderators"]
    assert club.member("ana").user is sandbox.ana.user
    assert (lounge.upload_limit, club.upload_limit) == (10 * 1024**2, 50 * 1024**2)
    assert lounge.channel("after-dark").nsfw
    midnight = lounge.channel("midnight")
    assert not midnight.nsfw
    assert midnight.is_age_restricted


async def test_members_may_do_what_roles_and_overwrites_say(sandbox: Sandbox) -> None:
    guild, channel = sandbox.guild, sandbox.channel
    assert "manage_messages" in sandbox.max.permissions_in(channel)
    assert "manage_messages" not in sandbox.ben.permissions_in(channel)
    assert "ban_members" in sandbox.olga.permissions_in(channel)
    everyone, moderators = guild.roles[guild.id], guild.role("Moderators")
    channel.deny("send_messages", to=everyone)
    channel.allow("send_messages", to=moderators)
    channel.deny("attach_files", to=sandbox.max)
    assert "send_messages" not in sandbox.ben.permissions_in(channel)
    assert "send_messages" not in channel.bot_permissions
    assert "send_messages" in sandbox.max.permissions_in(channel)
    assert "attach_files" not in sandbox.max.permissions_in(channel)
    thread = guild.channel("storyboards")
    assert "attach_files" not in sandbox.max.permissions_in(thread)


async def test_a_deleted_role_is_nobodys_and_counts_nowhere(sandbox: Sandbox) -> None:
    guild, hidden = sandbox.guild, sandbox.guild.channel("moderators")
    told: list[tuple[str, object]] = []
    sandbox.world.listen(lambda event, data: told.append((event, data)))
    role = guild.role("Moderators")
    sandbox.world.delete_role(guild, role)
    assert role.id not in guild.roles
    assert not sandbox.max.role_ids
    assert "manage_messages" not in sandbox.max.permissions_in(sandbox.channel)
    assert "view_channel" not in sandbox.max.permissions_in(hidden)
    assert told == [("GUILD_ROLE_DELETE", {"guild_id": guild.id, "role_id": role.id})]


async def test_a_hidden_channel_is_seen_by_its_role_and_the_bot(sandbox: Sandbox) -> None:
    hidden = sandbox.guild.channel("moderators")
    assert "view_channel" not in sandbox.ana.permissions_in(hidden)
    assert "view_channel" in sandbox.max.permissions_in(hidden)
    assert "view_channel" in hidden.bot_permissions


async def test_another_world_can_be_given_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "world.toml").write_text(MINIMAL)
    async with Sandbox.open(tmp_path, world_file=tmp_path / "world.toml") as sandbox:
        assert (sandbox.guild.name, sandbox.channel.name) == ("Tiny", "only")
        with pytest.raises(SandboxError, match=r"'ana'.*'zoe', 'flipbook'"):
            _ = sandbox.ana


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("Tiny", 'Tiny"\nboost = "yes'), "boost"),
        (("[[server.channel]]", "[[server.channel]"), "Expected"),
        (('name = "only"', 'name = "only"\nslowmode_s = -1'), "slowmode_s"),
        (('owner = "zoe"', 'owner = "zoe"\nrole = [{name = "x", members = ["yan"]}]'), "'yan'"),
        (('owner = "zoe"', 'owner = "zoe"\nrole = [{name = "x", permissions = ["fly"]}]'), "'fly'"),
    ],
)
async def test_a_world_file_that_is_wrong_says_where(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    (tmp_path / "world.toml").write_text(MINIMAL.replace(*change))
    with pytest.raises(SandboxError, match=told):
        async with Sandbox.open(tmp_path, world_file=tmp_path / "world.toml"):
            pass


async def test_everything_is_described_in_a_few_words(sandbox: Sandbox, bot: LoungeBot) -> None:
    use = await sandbox.slash(sandbox.ana, sandbox.channel, "/video prompt:x")
    await (await bot.uses.get()).response.send_message("x" * 2000)
    things = (use, use.answer, use.member, use.channel, sandbox.guild, sandbox.member("ana"))
    for thing in things:
        assert len(repr(thing)) < 120, type(thing)
