"""Whom messages mention, and who is pinged by it."""

from typing import Any

import discord
import pytest

from bot.sandbox import Message, RateLimits, Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot


@pytest.fixture
def rate_limits() -> RateLimits:
    return RateLimits.roomy()


async def post(sandbox: Sandbox, rest: Rest, content: str, **more: object) -> Message:
    path = f"/channels/{sandbox.channel.id}/messages"
    status, body = await rest("POST", path, {"content": content, **more})
    assert status == 200, body
    return sandbox.world.messages[body["id"]]


def path_of(message: Message) -> str:
    return f"/channels/{message.channel.id}/messages/{message.id}"


async def test_members_are_pinged_only_when_allowed(sandbox: Sandbox, rest: Rest) -> None:
    ana, ben = sandbox.ana, sandbox.ben
    text = f"{ana.mention} {ben.mention} <@123>"

    async def pinged(**more: object) -> set[str]:
        return (await post(sandbox, rest, text, **more)).pings

    assert await pinged() == {ana.id, ben.id}
    assert await pinged(allowed_mentions={"parse": []}) == set()
    assert await pinged(allowed_mentions={"users": [ben.id, sandbox.max.id]}) == {ben.id}
    assert await pinged(allowed_mentions={"parse": ["users"], "users": []}) == {ana.id, ben.id}
    assert await pinged(allowed_mentions=None) == {ana.id, ben.id}


async def test_an_edit_decides_anew_and_by_default_allows_all(sandbox: Sandbox, rest: Rest) -> None:
    text = f"{sandbox.ana.mention}"
    message = await post(sandbox, rest, "x", allowed_mentions={"parse": []})
    await rest("PATCH", path_of(message), {"content": text, "allowed_mentions": {"parse": []}})
    _, body = await rest("PATCH", path_of(message), {"embeds": [{"title": "y"}]})
    assert (body["mentions"], message.pings) == ([], set())
    _, body = await rest("PATCH", path_of(message), {"content": text})
    assert [user["username"] for user in body["mentions"]] == ["ana"]
    assert message.pings == {sandbox.ana.id}
    _, body = await rest("PATCH", path_of(message), {"embeds": [{"title": "x"}]})
    assert [user["username"] for user in body["mentions"]] == ["ana"]
    _, body = await rest("PATCH", path_of(message), {"content": "nobody"})
    assert body["mentions"] == []


async def test_an_answer_parses_only_users_by_default(
    sandbox: Sandbox, bot: LoungeBot, rest: Rest
) -> None:
    sandbox.channel.allow("mention_everyone")
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    await bot.uses.get()
    role = sandbox.guild.role("Moderators")
    content = f"@everyone {role.mention} {sandbox.ana.mention}"
    path = f"/interactions/{sent.id}/{sent.token}/callback"
    await rest("POST", path, {"type": 4, "data": {"content": content}})
    answer = await sent.wait_answer()
    assert answer.pings == {sandbox.ana.id}
    allowed = {"parse": ["everyone"]}
    follow_up = f"/webhooks/{sandbox.world.bot.id}/{sent.token}"
    _, body = await rest("POST", follow_up, {"content": content, "allowed_mentions": allowed})
    assert body["mention_everyone"]
    assert sandbox.max.id in sandbox.world.messages[body["id"]].pings


async def test_everyone_is_called_only_with_the_permission(sandbox: Sandbox, rest: Rest) -> None:
    message = await post(sandbox, rest, "@here")
    assert (message.mentions.everyone, message.pings) == (False, set())
    sandbox.channel.allow("mention_everyone")
    message = await post(sandbox, rest, "@here")
    assert message.mentions.everyone
    assert message.pings == set(sandbox.guild.members)
    message = await post(sandbox, rest, "@everyone", allowed_mentions={"parse": ["users"]})
    assert not message.mentions.everyone


async def test_a_role_is_pinged_if_it_may_be_mentioned(sandbox: Sandbox, rest: Rest) -> None:
    role = sandbox.guild.role("Moderators")
    text = f"{role.mention}"
    assert (await post(sandbox, rest, text)).pings == set()
    role.is_mentionable = True
    message = await post(sandbox, rest, text)
    assert (message.mentions.roles, message.pings) == ({role.id}, {sandbox.max.id})
    assert (await post(sandbox, rest, text, allowed_mentions={"parse": ["users"]})).pings == set()
    named = await post(sandbox, rest, text, allowed_mentions={"roles": [role.id]})
    assert named.pings == {sandbox.max.id}
    role.is_mentionable = False
    sandbox.channel.allow("mention_everyone")
    assert (await post(sandbox, rest, text)).pings == {sandbox.max.id}


@pytest.mark.parametrize(
    ("allowed", "wrong"),
    [
        ({"parse": ["users"], "users": ["1"]}, None),
        ({"parse": ["roles"], "roles": ["1"]}, None),
        ({"users": [str(n) for n in range(101)]}, "users"),
        ({"roles": [str(n) for n in range(101)]}, "roles"),
        ({"parse": ["nobody"]}, "parse"),
    ],
)
async def test_contradictory_allowances_are_refused(
    sandbox: Sandbox, rest: Rest, allowed: dict[str, Any], wrong: str | None
) -> None:
    path = f"/channels/{sandbox.channel.id}/messages"
    status, body = await rest("POST", path, {"content": "x", "allowed_mentions": allowed})
    assert (status, body["code"]) == (400, 50035)
    assert (wrong or "_errors") in body["errors"]["allowed_mentions"]


async def test_a_reply_pings_its_author_unless_told_not_to(sandbox: Sandbox, rest: Rest) -> None:
    asked = sandbox.world.say(sandbox.ben, sandbox.channel, "please")
    reply = {"message_reference": {"message_id": asked.id}}
    assert (await post(sandbox, rest, "here", **reply)).pings == {sandbox.ben.id}
    for allowed, pinged in (
        ({"parse": []}, set[str]()),
        ({"parse": [], "replied_user": True}, {sandbox.ben.id}),
    ):
        message = await post(sandbox, rest, "here", **reply, allowed_mentions=allowed)
        assert message.pings == pinged


async def test_components_mention_and_embeds_do_not(sandbox: Sandbox, rest: Rest) -> None:
    path = f"/channels/{sandbox.channel.id}/messages"
    embedded = await post(sandbox, rest, "x", embeds=[{"title": sandbox.ana.mention}])
    assert embedded.pings == set()
    card = {"components": [{"type": 10, "content": sandbox.ana.mention}], "flags": 1 << 15}
    _, body = await rest("POST", path, card)
    message = sandbox.world.messages[body["id"]]
    assert message.pings == {sandbox.ana.id}
    await rest("PATCH", path_of(message), {"components": [{"type": 10, "content": "nobody"}]})
    assert message.mentions.users == frozenset()


async def test_nobody_is_pinged_who_cannot_see_it(sandbox: Sandbox, bot: LoungeBot) -> None:
    hidden = sandbox.guild.channel("moderators")
    target = bot.get_partial_messageable(int(hidden.id))
    everyone = discord.AllowedMentions.all()
    text = f"{sandbox.ana.mention} {sandbox.max.mention}"
    message = await target.send(text, allowed_mentions=everyone)
    assert sandbox.world.messages[str(message.id)].pings == {sandbox.max.id}
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    await received.response.send_message(text, ephemeral=True, allowed_mentions=everyone)
    whispered = next(m for m in sandbox.world.messages.values() if m.is_ephemeral)
    assert whispered.pings == set()
