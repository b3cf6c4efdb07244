"""`/mod audit`: who did what, to whom, when and why, page by page, and for moderators only."""

from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox import Member, Message
from cogs.moderation.audit import KINDS, LARGEST, OlderButton, Search
from cogs.moderation.pages import MAX_AUDIT_CHARS, audit_line, fitting
from jobs.moderation.acts import Act, ActKind, PastAct, sentence_of
from jobs.moderation.guilds import Block
from tests.cogs.conftest import House, settled
from tests.factories import NOW

ACT = Act(
    guild_id=1, actor_id=2, kind=ActKind.QUOTA_SET, target="role:6", at=NOW, reason="too many"
)


async def blocked(house: House, times: int) -> None:
    """Have max block ben so often, each time for another reason."""
    sandbox = house.sandbox
    here, ben, now = int(sandbox.guild.id), int(sandbox.ben.id), house.clock.now()
    for number in range(1, times + 1):
        reason, by = f"reason {number}", int(sandbox.max.id)
        block = Block(guild_id=here, user_id=ben, reason=reason, by_user_id=by, created_at=now)
        act = replace(
            ACT,
            guild_id=here,
            actor_id=by,
            kind=ActKind.BLOCK_ADD,
            target=f"member:{ben}",
            reason=reason,
            at=now,
        )
        await house.guild_store.block(block, act=act)


async def audit(house: House, who: Member | None = None, **options: object) -> Message:
    sandbox = house.sandbox
    sent = await sandbox.invoke(who or sandbox.max, sandbox.channel, "mod audit", options)
    answer = await sent.wait_answer()
    await settled()
    assert answer.is_ephemeral
    assert not answer.pings
    return answer


def numbers(page: Message) -> list[int]:
    lines = (line for line in page.text.splitlines() if line.startswith("-# #"))
    return [int(line.removeprefix("-# #").partition(" ")[0]) for line in lines]


async def older(house: House, page: Message, who: Member | None = None) -> Message:
    """Press the page's button."""
    (button,) = page.buttons
    assert button.custom_id
    pressed = await house.sandbox.press(who or house.sandbox.max, page, button.custom_id)
    answer = await pressed.wait_answer()
    await settled()
    assert answer.is_ephemeral
    return answer


@pytest.mark.usefixtures("client")
async def test_an_act_tells_who_what_whom_why_and_when(house: House) -> None:
    await blocked(house, 1)
    text = (await audit(house)).text
    at = int(house.clock.now().timestamp())
    assert f"<@{house.sandbox.max.id}> blocked <@{house.sandbox.ben.id}>" in text
    assert "reason 1" in text
    assert f"-# #1 · <t:{at}:f> (<t:{at}:R>)" in text


@pytest.mark.usefixtures("client")
async def test_an_empty_audit_says_so(house: House) -> None:
    page = await audit(house)
    assert "No act of a moderator matches." in page.text
    assert not page.buttons


@pytest.mark.usefixtures("client")
async def test_older_acts_are_a_press_away_until_there_are_none(house: House) -> None:
    await blocked(house, 23)
    first = await audit(house)
    second = await older(house, first)
    third = await older(house, second)
    assert numbers(first) == [*range(23, 13, -1)]
    assert numbers(second) == [*range(13, 3, -1)]
    assert numbers(third) == [3, 2, 1]
    assert not third.buttons


@pytest.mark.usefixtures("client")
async def test_exactly_one_page_has_no_older_one(house: House) -> None:
    await blocked(house, 10)
    page = await audit(house)
    assert len(numbers(page)) == 10
    assert not page.buttons


@pytest.mark.usefixtures("client")
async def test_acts_are_narrowed_down_and_the_button_keeps_it_so(house: House) -> None:
    sandbox = house.sandbox
    await blocked(house, 11)
    narrowed: list[dict[str, Any]] = [
        {"member": sandbox.ben},
        {"moderator": sandbox.max},
        {"kind": "block_add"},
        {"member": sandbox.ben, "moderator": sandbox.max, "kind": "block_add"},
    ]
    for options in narrowed:
        page = await audit(house, **options)
        assert numbers(page) == [*range(11, 1, -1)]
        assert numbers(await older(house, page)) == [1]
    others: list[dict[str, Any]] = [
        {"member": sandbox.ana},
        {"moderator": sandbox.ben},
        {"kind": "settings"},
    ]
    for options in others:
        assert "No act" in (await audit(house, **options)).text
    assert numbers(await audit(house, before=3)) == [2, 1]


@pytest.mark.usefixtures("client")
async def test_what_was_done_to_a_members_video_is_found_by_the_member(house: House) -> None:
    sandbox = house.sandbox
    job, _ = await house.queued(sandbox.ben)
    sent = await sandbox.slash(sandbox.max, sandbox.channel, f"/mod jobs cancel id:{job.id}")
    await sent.wait_answer()
    text = (await audit(house, member=sandbox.ben)).text
    assert f"cancelled job `{job.id}`" in text
    assert "from queued to cancelled" in text


@pytest.mark.usefixtures("client")
async def test_a_kind_that_was_never_offered_is_refused(house: House) -> None:
    assert "must be one of those offered" in (await audit(house, kind="nonsense")).text


@pytest.mark.usefixtures("client")
async def test_members_see_no_act_by_command_or_button(house: House) -> None:
    await blocked(house, 11)
    page = await audit(house)
    assert "for moderators" in (await audit(house, house.sandbox.ben)).text
    house.sandbox.max.role_ids.clear()  # no moderator any more
    assert "for moderators" in (await older(house, page)).text


@pytest.mark.usefixtures("client")
async def test_the_audit_of_another_server_is_empty(house: House) -> None:
    await blocked(house, 2)
    world = house.sandbox.world
    elsewhere = world.add_guild("Elsewhere")
    channel = world.add_channel(elsewhere, "videos")
    eve = world.add_member(elsewhere, "eve", permissions=["manage_messages"])
    for options in ({}, {"member": house.sandbox.ben}, {"before": 2}):
        sent = await house.sandbox.invoke(eve, channel, "mod audit", options)
        assert "No act" in (await sent.wait_answer()).text


async def test_the_button_works_after_a_restart(house: House) -> None:
    async with house.open_client():
        await blocked(house, 11)
        page = await audit(house)
    await house.sandbox.wait_gone()
    async with house.open_client():
        assert numbers(await older(house, page)) == [1]


@pytest.mark.parametrize("kind", [None, *ActKind])
def test_a_button_says_again_what_it_was_made_from(kind: ActKind | None) -> None:
    search = Search(before=7, member_id=8, actor_id=9, kind=kind)
    match = OlderButton.__discord_ui_compiled_template__.fullmatch(search.custom_id)
    assert match is not None
    assert Search.of_button(match) == search


def test_numbers_beyond_the_database_are_cut_to_its_largest() -> None:
    nines = "9" * 20
    custom_id = f"mod:audit:{nines}:{nines}:{nines}:{nines}"
    match = OlderButton.__discord_ui_compiled_template__.fullmatch(custom_id)
    assert match is not None
    assert Search.of_button(match) == Search(before=LARGEST, member_id=LARGEST, actor_id=LARGEST)


def test_buttons_that_were_posted_keep_their_meaning() -> None:
    """A new kind goes to the end: buttons know a kind by its place."""
    assert [kind.value for kind in KINDS[:11]] == [
        "quota_set",
        "quota_clear",
        "quota_grant",
        "quota_reset",
        "job_cancel",
        "job_retry",
        "job_release",
        "job_charge",
        "block_add",
        "block_remove",
        "settings",
    ]


def test_a_page_of_the_longest_acts_fits_a_message() -> None:
    value = "*" * 5000
    act = replace(ACT, reason=value)
    long = [PastAct(number=n, act=act, after={"models": value, "x": value}) for n in range(10)]
    shown = fitting(long)
    assert 1 <= len(shown) < 10
    assert sum(len(audit_line(past)) + 1 for past in shown) <= MAX_AUDIT_CHARS


@pytest.mark.parametrize(
    ("changes", "before", "after", "sentence"),
    [
        (
            {},
            {"videos per day": "unlimited"},
            {"videos per day": "20 videos"},
            "<@2> set videos per day of <@&6> from unlimited to 20 videos: \u2068too many\u2069",
        ),
        (
            {"target": "everyone", "reason": ""},
            {},
            {"weight": "2"},
            "<@2> set weight of everyone here: 2",
        ),
        (
            {"kind": ActKind.QUOTA_CLEAR, "target": "member:5", "reason": ""},
            {"weight": "2"},
            {},
            "<@2> cleared limits of <@5> (weight: was 2)",
        ),
        (
            {"kind": ActKind.JOB_CANCEL, "target": "member:5", "reason": ""},
            {},
            {"videos": "2", "jobs": "aaa bbb"},
            "<@2> cancelled videos of <@5> (videos: 2; jobs: aaa bbb)",
        ),
        (
            {"kind": ActKind.SETTINGS, "target": "server", "actor_id": 0, "reason": ""},
            {"log channel": "<#7>"},
            {"log channel": "none"},
            "Flipbook changed the settings of the whole server (log channel from <#7> to none)",
        ),
        (
            {"kind": ActKind.BLOCK_ADD, "target": "member:5", "reason": "@everyone [x](y)"},
            {},
            {"until": "<t:99:f>"},
            "<@2> blocked <@5> (until: <t:99:f>): \u2068@\u200beveryone \\[x\\]\\(y\\)\u2069",
        ),
        (
            {"kind": ActKind.BLOCK_ADD, "target": "member:5", "reason": "spam"},
            {},
            {"reason": "spam", "until": "<t:99:f>"},
            "<@2> blocked <@5> (until: <t:99:f>): \u2068spam\u2069",
        ),
        (
            {"kind": ActKind.BLOCK_ADD, "target": "member:5", "reason": "spam"},
            {"reason": "noise"},
            {"reason": "spam"},
            "<@2> blocked <@5> (reason from noise to spam): \u2068spam\u2069",
        ),
    ],
)
def test_an_act_is_told_in_a_sentence(
    changes: dict[str, object], before: dict[str, str], after: dict[str, str], sentence: str
) -> None:
    past = PastAct(number=1, act=replace(ACT, **changes), before=before, after=after)
    assert sentence_of(past) == sentence
