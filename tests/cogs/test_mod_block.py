"""`/mod block`: who is kept out is told why, and moderators know what still waits."""

import pytest

from bot.sandbox import Member
from jobs.moderation.acts import ActKind
from jobs.moderation.guilds import ModeratorPermission
from jobs.states import JobState
from tests.cogs.conftest import House, settled
from tests.cogs.private_answers import invoked

pytestmark = pytest.mark.usefixtures("client")


async def told(house: House, command: str, who: Member | None = None, **options: object) -> str:
    """Use `/mod block …` and return the answer, which is for the moderator alone."""
    return (await invoked(house, who or house.sandbox.max, f"mod block {command}", **options)).text


async def test_a_blocked_member_is_refused_and_told_why(house: House) -> None:
    ben = house.sandbox.ben
    said = await told(house, "add", member=ben, reason="spam")
    assert said == f"<@{ben.id}> may make no videos here, and is told why."
    assert "spam" in await house.refused(await house.video(ben))
    await house.queued(house.sandbox.ana)


async def test_a_block_ends_by_itself(house: House) -> None:
    ben = house.sandbox.ben
    said = await told(house, "add", member=ben, reason="spam", expires="2h")
    ends = int(house.clock.now().timestamp()) + 7200
    assert f"until <t:{ends}:f> (<t:{ends}:R>)" in said
    await house.refused(await house.video(ben))
    house.advance(7201)
    await house.queued(ben)
    assert "Nobody is blocked" in await told(house, "list")


async def test_a_block_says_what_still_waits_and_how_to_end_it(house: House) -> None:
    ben = house.sandbox.ben
    jobs = [(await house.queued(ben))[0] for _ in range(2)]
    said = await told(house, "add", member=ben, reason="spam")
    assert "2 videos of theirs still wait: `/mod jobs cancel` with `member` ends them." in said
    assert [(await house.jobs.get(job.id)).state for job in jobs] == [JobState.QUEUED] * 2


async def test_a_member_is_let_in_again_once(house: House) -> None:
    ben = house.sandbox.ben
    await told(house, "add", member=ben, reason="spam")
    assert await told(house, "remove", member=ben) == f"<@{ben.id}> may make videos here again."
    await house.queued(ben)
    assert await told(house, "remove", member=ben) == f"<@{ben.id}> is not blocked here."


async def test_the_list_names_whom_why_and_by_whom(house: House) -> None:
    sandbox = house.sandbox
    await told(house, "add", member=sandbox.ben, reason="spam *and* @everyone")
    await told(house, "add", member=sandbox.ana, reason="flood", expires="7d")
    text = await told(house, "list")
    assert f"<@{sandbox.ben.id}> for good" in text
    assert f"by <@{sandbox.max.id}>" in text
    assert "@everyone" not in text
    assert "\\*and\\*" in text
    assert text.count("<t:") == 4


async def test_each_block_is_an_act(house: House) -> None:
    ben = house.sandbox.ben
    await told(house, "add", member=ben, reason="spam", expires="1d")
    await told(house, "remove", member=ben, reason="sorry")
    await told(house, "remove", member=ben, reason="twice")
    removed, added = await house.audit.acts(int(house.sandbox.guild.id), limit=9)
    assert (added.act.kind, added.act.reason) == (ActKind.BLOCK_ADD, "spam")
    assert (removed.act.kind, removed.act.reason) == (ActKind.BLOCK_REMOVE, "sorry")
    for past in (added, removed):
        assert past.act.target == f"member:{ben.id}"
        assert past.act.actor_id == int(house.sandbox.max.id)


@pytest.mark.parametrize(
    ("expires", "words"), [("soon", "`expires` must be"), ("99y", "`expires` must be")]
)
async def test_an_end_that_is_no_time_is_refused(house: House, expires: str, words: str) -> None:
    ben = house.sandbox.ben
    assert words in await told(house, "add", member=ben, reason="spam", expires=expires)
    await house.queued(ben)


async def test_a_reason_of_nothing_is_refused(house: House) -> None:
    ben = house.sandbox.ben
    assert "`reason` must say why" in await told(house, "add", member=ben, reason="\u200b ")
    await house.queued(ben)


async def test_moderators_cannot_block_themselves(house: House) -> None:
    said = await told(house, "add", member=house.sandbox.max, reason="oops")
    assert said == "You cannot block yourself."


async def test_bots_are_not_blocked(house: House) -> None:
    member = house.sandbox.guild.members[house.sandbox.world.bot.id]
    assert "Bots ask for no videos" in await told(house, "add", member=member, reason="beep")


@pytest.mark.parametrize(
    "permission", ["manage_messages", "manage_guild", "administrator", "owner", "role"]
)
async def test_who_moderates_or_manages_is_not_blocked(house: House, permission: str) -> None:
    sandbox = house.sandbox
    world = sandbox.world
    if permission == "owner":
        member = sandbox.olga
    elif permission == "role":
        member = world.add_member(sandbox.guild, "rita")
        role = world.add_role(sandbox.guild, "helpers")
        world.give_role(member, role)
        settings = house.guilds.of(int(sandbox.guild.id))
        house.guilds.learn(settings.evolve(moderator_roles=frozenset({int(role.id)})))
    else:
        member = world.add_member(sandbox.guild, "rita", permissions=[permission])
    said = await told(house, "add", member=member, reason="quarrel")
    assert said.startswith(f"<@{member.id}> moderates or manages this server")
    assert await house.guild_store.blocks(int(sandbox.guild.id), now=house.clock.now()) == []


async def test_a_permission_that_no_longer_makes_a_moderator_protects_nobody(house: House) -> None:
    sandbox = house.sandbox
    settings = house.guilds.of(int(sandbox.guild.id))
    stricter = settings.evolve(moderator_permission=ModeratorPermission.MANAGE_GUILD)
    house.guilds.learn(stricter)
    rita = sandbox.world.add_member(sandbox.guild, "rita", permissions=["manage_messages"])
    assert "for moderators" in await told(house, "add", rita, member=sandbox.ben, reason="spam")
    said = await told(house, "add", sandbox.olga, member=rita, reason="spam")
    assert "may make no videos here" in said


async def test_a_block_holds_in_its_own_server_only(house: House) -> None:
    sandbox = house.sandbox
    world = sandbox.world
    await told(house, "add", member=sandbox.ben, reason="spam")
    elsewhere = world.add_guild("Elsewhere")
    channel = world.add_channel(elsewhere, "videos")
    eve = world.add_member(elsewhere, "eve", permissions=["manage_messages"])
    sent = await sandbox.invoke(eve, channel, "mod block list", {})
    assert "Nobody is blocked" in (await sent.wait_answer()).text
    sent = await sandbox.invoke(eve, channel, "mod block remove", {"member": sandbox.ben})
    assert "is not blocked here" in (await sent.wait_answer()).text
    await settled()
    await house.refused(await house.video(sandbox.ben))
