"""What is deleted in Discord is let go, at once or when the bot is back."""

import asyncio
from collections.abc import Sequence

from bot.sandbox import Role
from jobs.moderation.acts import ActKind, PastAct
from jobs.moderation.guilds import GuildSettings
from jobs.quota.tiers import Kind, Setting, Target
from tests.cogs.conftest import House, settled
from tests.factories import make_act, make_rule


async def heard(house: House) -> None:
    """Wait until the bot has seen to all that happened so far: events come in order."""
    sandbox = house.sandbox
    await (await sandbox.slash(sandbox.olga, sandbox.channel, "/settings show")).wait_answer()
    await settled()
    mine = [one for one in asyncio.all_tasks() if one.get_name().startswith("discord.py: on_")]
    if mine:
        await asyncio.wait(mine, timeout=10)


def guild_id_of(house: House) -> int:
    return int(house.sandbox.guild.id)


def here(house: House) -> GuildSettings:
    return house.guilds.of(guild_id_of(house))


async def change(house: House, **changes: object) -> None:
    """Change the server's settings, as a manager who is not the matter of the test."""
    settings = here(house).evolve(**changes)
    act = make_act(guild_id=guild_id_of(house), kind=ActKind.SETTINGS, target="server")
    await house.guild_store.save_settings(settings, act=act)
    house.guilds.learn(settings)


async def own_acts(house: House) -> Sequence[PastAct]:
    """Return what Flipbook did by itself."""
    return await house.audit.acts(guild_id_of(house), limit=20, actor_id=0)


async def limited(house: House) -> Role:
    """Return a role that moderates, and that has limits of its own; everyone has one too."""
    role = house.sandbox.world.add_role(house.sandbox.guild, "helpers")
    await change(house, moderator_roles=frozenset({int(role.id)}))
    target = Target(kind=Kind.ROLE, id=int(role.id))
    act = make_act(guild_id=guild_id_of(house), target=str(target))
    for setting in (Setting.VIDEOS_PER_DAY, Setting.WAITING):
        await house.quotas.set_rule(make_rule(setting, 3, target), act=act)
    await house.limit(Setting.VIDEOS_PER_DAY, 9)
    return role


async def check_gone(house: House, role: Role) -> None:
    assert not here(house).moderator_roles
    assert [rule.value for rule in await house.quotas.rules(guild_id_of(house))] == [9]
    newest, first = await own_acts(house)
    assert first.after == {"moderators' roles": "none"}
    assert newest.act.target == f"role:{role.id}"
    assert newest.act.reason == "the role was deleted in Discord"


async def test_a_deleted_role_takes_its_limits_with_it_and_moderates_no_more(house: House) -> None:
    async with house.open_client():
        role = await limited(house)
        house.sandbox.world.delete_role(house.sandbox.guild, role)
        await heard(house)
        await check_gone(house, role)


async def test_a_role_that_was_deleted_while_the_bot_was_away_is_found_at_its_start(
    house: House,
) -> None:
    role = await limited(house)
    house.sandbox.world.delete_role(house.sandbox.guild, role)
    async with house.open_client():
        await heard(house)
        await check_gone(house, role)


async def test_a_role_that_was_deleted_during_an_outage_is_found_after_it(house: House) -> None:
    async with house.open_client():
        role = await limited(house)
        house.sandbox.outage(house.sandbox.guild)
        house.sandbox.world.delete_role(house.sandbox.guild, role)
        house.sandbox.restore(house.sandbox.guild)
        await heard(house)
        await check_gone(house, role)


async def test_roles_that_are_there_keep_what_they_have(house: House) -> None:
    async with house.open_client():
        role = await limited(house)
        other = house.sandbox.world.add_role(house.sandbox.guild, "others")
        house.sandbox.world.delete_role(house.sandbox.guild, other)
        await heard(house)
        assert here(house).moderator_roles == {int(role.id)}
        assert len(await house.quotas.rules(guild_id_of(house))) == 3
        assert await own_acts(house) == []


async def test_a_deleted_role_no_longer_counts_for_a_member_who_had_it(house: House) -> None:
    sandbox = house.sandbox
    async with house.open_client():
        role = await limited(house)
        sandbox.world.give_role(sandbox.ben, role)
        for _ in range(3):
            await house.queued(sandbox.ben)
        assert (await (await house.video(sandbox.ben)).wait_answer()).is_ephemeral
        sandbox.world.delete_role(sandbox.guild, role)
        await heard(house)
        await house.queued(sandbox.ben)


async def test_a_deleted_channel_is_let_go_but_never_the_last_one(house: House) -> None:
    world, guild = house.sandbox.world, house.sandbox.guild
    kept, gone = guild.channel("general"), guild.channel("after-dark")
    async with house.open_client():
        channels = frozenset({int(kept.id), int(gone.id)})
        await change(house, channels=channels, log_channel_id=int(gone.id))
        world.delete_channel(gone)
        await heard(house)
        assert here(house).channels == {int(kept.id)}
        assert here(house).log_channel_id is None
        (act,) = await own_acts(house)
        assert act.act.reason == "a channel was deleted in Discord"
        world.delete_channel(kept)
        await heard(house)
        refusal = await house.refused(await house.video(house.sandbox.ben))
        assert "were deleted" in refusal
        assert "`/settings channels`" in refusal


async def test_what_cannot_be_written_now_is_let_go_at_the_next_start(
    house: House, expects_errors: None
) -> None:
    del expects_errors
    role = await limited(house)
    house.sandbox.world.delete_role(house.sandbox.guild, role)
    await house.database.write(lambda connection: connection.execute(BROKEN))
    async with house.open_client():
        await heard(house)
        assert here(house).moderator_roles == {int(role.id)}
    await house.database.write(lambda connection: connection.execute(MENDED))
    async with house.open_client():
        await heard(house)
        await check_gone(house, role)


BROKEN = """
CREATE TRIGGER broken BEFORE UPDATE ON guild BEGIN SELECT RAISE(ABORT, 'no'); END
"""
MENDED = "DROP TRIGGER broken"
