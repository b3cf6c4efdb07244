"""`/quota` and `/mod quota`: members read their own numbers, moderators set and explain them."""

from datetime import timedelta

import pytest

from bot.sandbox import CommandLineError, Member, Message
from bot.sandbox.world.accounts import Role
from jobs.quota.tiers import EVERYONE, Kind, Rule, Setting, Target
from tests.cogs.conftest import House, settled
from tests.cogs.private_answers import invoked, typed
from tests.factories import make_act, make_rule

COMMANDS = ["set", "clear", "grant", "reset", "explain", "list"]


async def shown(house: House, line: str, member: Member | None = None) -> Message:
    """Return the answer that only its asker sees."""
    return await typed(house, member or house.sandbox.max, line)


async def sent(house: House, by: Member, command: str, **options: object) -> Message:
    """Return the answer to a client that checks nothing."""
    return await invoked(house, by, f"mod quota {command}", **options)


async def made(house: House) -> None:
    """Have ben's video made."""
    _, card = await house.queued(house.sandbox.ben)
    await house.sandbox.wait_for(lambda: "### Done" in card.text)


async def rules(house: House) -> list[Rule]:
    return [*await house.allowances.rules(int(house.sandbox.guild.id))]


def member_target(member: Member) -> Target:
    return Target(kind=Kind.MEMBER, id=int(member.id))


def role_of(house: House, member: Member, name: str) -> Role:
    """Give a member a role that allows nothing by itself."""
    role = house.sandbox.world.add_role(house.sandbox.guild, name)
    house.sandbox.world.give_role(member, role)
    return role


async def test_a_member_without_limits_is_told_so(started: House) -> None:
    answer = await shown(started, "/quota show", started.sandbox.ben)
    assert "No limits here." in answer.text


async def test_a_limit_for_everyone_is_shown_to_a_member_with_what_is_left(started: House) -> None:
    said = await shown(started, '/mod quota set limit:"videos per day" amount:3')
    assert said.text == "**videos per day** for everyone here is now 3 videos."
    await made(started)
    text = (await shown(started, "/quota show", started.sandbox.ben)).text
    assert "**You can make 2 more videos today.**" in text
    assert "**videos per day**: 2 of 3 videos left" in text
    assert "1 used · resets <t:" in text
    assert "set for everyone here" in text


async def test_a_members_own_limit_counts_before_that_of_a_role_and_of_everyone(
    started: House,
) -> None:
    ben = started.sandbox.ben
    role_of(started, ben, "Regulars")
    for line, left in [
        ("amount:3", "3 of 3 videos left"),
        ("amount:5 role:@Regulars", "5 of 5 videos left"),
        ("amount:1 member:@ben", "1 of 1 video left"),
    ]:
        await shown(started, f'/mod quota set limit:"videos per day" {line}')
        assert left in (await shown(started, "/quota show", ben)).text
        assert left in (await shown(started, "/mod quota explain member:@ben")).text
    ana = (await shown(started, "/quota show", started.sandbox.ana)).text
    assert "3 of 3 videos left" in ana


async def test_the_history_tells_of_a_video_and_of_a_reset(started: House) -> None:
    await made(started)
    await shown(started, "/mod quota reset member:@ben")
    await shown(started, "/mod quota grant member:@ben what:seconds amount:30")
    text = (await shown(started, "/quota history", started.sandbox.ben)).text
    assert "1 video, 2 s used · `job00001`" in text
    assert "a moderator gave back 1 video, 2 s" in text
    assert "a moderator gave 30 s extra" in text
    empty = (await shown(started, "/quota history", started.sandbox.ana)).text
    assert "Nothing yet" in empty


async def test_a_used_up_allowance_is_explained_and_a_reset_opens_it_again(started: House) -> None:
    await shown(started, '/mod quota set limit:"videos per day" amount:1')
    await made(started)
    ben = started.sandbox.ben
    refused = await started.video(ben)
    answer = await refused.wait_answer()
    await settled()
    assert answer.is_ephemeral
    explained = (await shown(started, "/mod quota explain member:@ben")).text
    assert f"**<@{ben.id}> cannot make a video now**: the 1 video a day is used up" in explained
    said = await shown(started, '/mod quota reset member:@ben limit:"videos per day"')
    assert said.text.startswith(f"Given back to <@{ben.id}>: 1 video.")
    await made(started)


async def test_an_extra_opens_a_used_up_allowance_until_it_is_taken_back(started: House) -> None:
    await shown(started, '/mod quota set limit:"videos per day" amount:none')
    ben = started.sandbox.ben
    said = await shown(started, "/mod quota grant member:@ben what:videos amount:2 expires:7d")
    end = int((started.clock.now() + timedelta(days=7)).timestamp())
    assert f"<@{ben.id}> has 2 videos extra until <t:{end}:f>" in said.text
    await made(started)
    assert "1 video left of 2 videos" in (await shown(started, "/quota show", ben)).text
    taken = await shown(started, '/mod quota clear member:@ben limit:"extras that were granted"')
    assert taken.text == f"Taken back from <@{ben.id}>: 1 video."
    assert "cannot make a video now" in (await shown(started, "/quota show", ben)).text


async def test_a_limit_lowered_below_what_is_used_takes_nothing_away(started: House) -> None:
    await shown(started, '/mod quota set limit:"videos per day" amount:5')
    await made(started)
    await made(started)
    await shown(started, '/mod quota set limit:"videos per day" amount:1')
    text = (await shown(started, "/mod quota explain member:@ben")).text
    assert "cannot make a video now" in text
    assert "none of 1 video left" in text
    assert "2 used" in text


async def test_limits_are_cleared_one_at_a_time_or_all(started: House) -> None:
    for limit in ("videos per day", "at once", "waiting"):
        await shown(started, f'/mod quota set limit:"{limit}" amount:2 member:@ben')
    said = await shown(started, '/mod quota clear limit:"at once" member:@ben')
    assert said.text.endswith("at once: 2 videos.")
    said = await shown(started, "/mod quota clear member:@ben")
    assert said.text.endswith("videos per day: 2 videos; waiting: 2 videos.")
    assert await rules(started) == []
    said = await shown(started, "/mod quota clear")
    assert said.text == "Nothing of the kind was set for everyone here, so nothing changed."


async def test_the_list_is_by_target(started: House) -> None:
    assert "None is set" in (await shown(started, "/mod quota list")).text
    sandbox = started.sandbox
    role = role_of(started, sandbox.ben, "Regulars")
    await shown(started, '/mod quota set limit:"videos per day" amount:20 role:@Regulars')
    await shown(started, '/mod quota set limit:"longest side" amount:"256 px"')
    gone = make_rule(Setting.AT_ONCE, 2, Target(kind=Kind.ROLE, id=123))
    await started.quotas.set_rule(gone, act=make_act(guild_id=int(sandbox.guild.id)))
    text = (await shown(started, "/mod quota list")).text
    assert "**everyone here**\nlongest side: 256 px" in text
    assert f"**<@&{role.id}>**\nvideos per day: 20 videos" in text
    assert "**a role that no longer exists (123)**\nat once: 2 videos" in text


async def test_a_role_that_discord_deleted_limits_nobody_any_more(started: House) -> None:
    sandbox = started.sandbox
    role = role_of(started, sandbox.ben, "Regulars")
    await shown(started, '/mod quota set limit:"videos per day" amount:1 role:@Regulars')
    assert f"set for <@&{role.id}>" in (await shown(started, "/mod quota explain member:@ben")).text
    sandbox.world.delete_role(sandbox.guild, role)
    explained = (await shown(started, "/mod quota explain member:@ben")).text
    assert "as many videos as there is time for" in explained
    assert role.id not in explained


async def test_the_role_that_everybody_has_means_everyone(started: House) -> None:
    sandbox = started.sandbox
    everyone = sandbox.guild.roles[sandbox.guild.id]
    await sent(started, sandbox.max, "set", limit="at_once", amount="2", role=everyone)
    (rule,) = await rules(started)
    assert rule.target == EVERYONE


async def test_a_member_who_left_is_explained_without_roles(started: House) -> None:
    left = started.sandbox.world.add_user("gone")
    text = (await sent(started, started.sandbox.max, "explain", member=left)).text
    assert f"<@{left.id}> is not in this server now" in text
    here = (await shown(started, "/mod quota explain member:@ben")).text
    assert "is not in this server now" not in here


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        ("set", {"limit": "videos_per_day", "amount": "0"}, "say `none` or `unlimited`"),
        ("set", {"limit": "videos_per_day", "amount": "lots"}, "must be like `20`"),
        ("set", {"limit": "models", "amount": "shape"}, "try shapes"),
        ("set", {"limit": "everything", "amount": "1"}, "`limit` must be one of"),
        ("grant", {"what": "videos", "amount": "1", "expires": "soon"}, "`expires` must be"),
        ("grant", {"what": "cakes", "amount": "1"}, "`what` must be one of"),
        ("reset", {"limit": "weight"}, "is not used up"),
        ("clear", {"limit": "extras"}, "name the `member`"),
    ],
)
async def test_what_makes_no_sense_is_answered_and_changes_nothing(
    started: House, command: str, options: dict[str, object], words: str
) -> None:
    sandbox = started.sandbox
    if command in ("grant", "reset"):
        options = {**options, "member": sandbox.ben}
    answer = await sent(started, sandbox.max, command, **options)
    assert words in answer.text
    assert await rules(started) == []
    assert await started.audit.acts(int(sandbox.guild.id), limit=9) == []


async def test_a_member_and_a_role_at_once_are_refused(started: House) -> None:
    sandbox = started.sandbox
    role = role_of(started, sandbox.ben, "Regulars")
    for command, limits in [("set", {"amount": "2"}), ("clear", dict[str, object]())]:
        answer = await sent(
            started,
            sandbox.max,
            command,
            **{**limits, "limit": "at_once", "member": sandbox.ben, "role": role},
        )
        assert answer.text == "Name a `member` or a `role`, not both at once."


async def test_each_change_is_in_the_audit_with_its_reason(started: House) -> None:
    for line in (
        'set limit:"videos per day" amount:2 member:@ben reason:flood',
        "grant member:@ben what:videos amount:1 reason:prize",
        "clear member:@ben reason:calm",
        'clear member:@ben limit:"extras that were granted" reason:mistake',
    ):
        await shown(started, f"/mod quota {line}")
    sandbox = started.sandbox
    acts = [past.act for past in await started.audit.acts(int(sandbox.guild.id), limit=9)]
    assert [act.reason for act in acts] == ["mistake", "calm", "prize", "flood"]
    assert {act.actor_id for act in acts} == {int(sandbox.max.id)}
    assert {act.target for act in acts} == {str(member_target(sandbox.ben))}


@pytest.mark.parametrize("command", COMMANDS)
async def test_members_do_not_see_the_moderators_commands(started: House, command: str) -> None:
    with pytest.raises(CommandLineError, match="hidden"):
        await shown(started, f"/mod quota {command}", started.sandbox.ben)


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_member_to_whom_a_manager_opened_the_commands_is_refused(
    started: House, command: str
) -> None:
    ben = started.sandbox.ben
    options: dict[str, dict[str, object]] = {
        "set": {"limit": "videos_per_day", "amount": "unlimited"},
        "grant": {"member": ben, "what": "videos", "amount": "99"},
        "reset": {"member": ben},
        "explain": {"member": started.sandbox.ana},
    }
    answer = await sent(started, ben, command, **options.get(command, {}))
    assert "for moderators" in answer.text
    assert await rules(started) == []


async def test_another_servers_limits_are_neither_listed_nor_changed(started: House) -> None:
    await shown(started, '/mod quota set limit:"videos per day" amount:2')
    world = started.sandbox.world
    elsewhere = world.add_guild("Elsewhere")
    channel = world.add_channel(elsewhere, "videos")
    eve = world.add_member(elsewhere, "eve", permissions=["manage_messages"])
    for line, words in [
        ("/mod quota list", "None is set"),
        ("/mod quota clear", "nothing changed"),
        ("/quota show", "No limits here."),
    ]:
        use = await started.sandbox.slash(eve, channel, line)
        assert words in (await use.wait_answer()).text
        await settled()
    assert len(await rules(started)) == 1


async def completed(house: House, limit: str, value: str, member: Member) -> list[object]:
    sandbox = house.sandbox
    choices = await sandbox.complete(
        member,
        sandbox.channel,
        "mod quota set",
        {"limit": limit, "amount": value},
        focused="amount",
    )
    return [choice["value"] for choice in choices]


async def test_amounts_complete_with_names_and_words(started: House) -> None:
    sandbox = started.sandbox
    assert await completed(started, "models", "", sandbox.max) == ["unlimited", "none", "shapes"]
    assert await completed(started, "providers", "loc", sandbox.max) == ["local"]
    assert await completed(started, "at_once", "un", sandbox.max) == ["unlimited"]
    assert await completed(started, "longest_side", "", sandbox.max) == ["unlimited"]
    assert await completed(started, "weight", "", sandbox.max) == []
    assert await completed(started, "nonsense", "", sandbox.max) == []


async def test_amounts_complete_for_moderators_only(started: House) -> None:
    everyone = started.sandbox.world.commands[None].values()
    mod = next(command for command in everyone if command["name"] == "mod")
    mod["default_member_permissions"] = None  # as if a manager had opened them
    assert await completed(started, "models", "", started.sandbox.ben) == []
