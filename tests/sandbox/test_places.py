"""What the bot may do where, what it can see, and what becomes of places it has lost."""

import io

import discord
import pytest

from bot.sandbox import RateLimits, RefusedError, Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot


@pytest.fixture
def rate_limits() -> RateLimits:
    return RateLimits.roomy()


def video() -> discord.File:
    return discord.File(io.BytesIO(b"video"), "video.mp4")


def place(sandbox: Sandbox, bot: LoungeBot) -> discord.PartialMessageable:
    return bot.get_partial_messageable(int(sandbox.channel.id))


# The bot's permissions


@pytest.mark.parametrize(
    ("permission", "code"),
    [
        ("view_channel", 50001),
        ("send_messages", 50013),
        ("attach_files", 50013),
        ("embed_links", 50013),
    ],
)
async def test_posting_needs_its_permissions(
    sandbox: Sandbox, bot: LoungeBot, permission: str, code: int
) -> None:
    embed = discord.Embed(title="a video")
    sandbox.channel.deny(permission)
    with pytest.raises(discord.Forbidden) as denied:
        await place(sandbox, bot).send(file=video(), embed=embed)
    assert denied.value.code == code
    sandbox.channel.allow(permission)
    await place(sandbox, bot).send(file=video(), embed=embed)


async def test_editing_needs_the_permissions_for_what_is_new(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    message = await place(sandbox, bot).send("text", file=video())
    sandbox.channel.deny("attach_files", "embed_links", "send_messages")
    await message.edit(content="other text")
    for change in (
        message.edit(attachments=[video()]),
        message.edit(embed=discord.Embed(title="a video")),
    ):
        with pytest.raises(discord.Forbidden) as denied:
            await change
        assert denied.value.code == 50013


async def test_answers_to_interactions_need_no_permission_of_the_bots(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sandbox.channel.deny("view_channel", "send_messages", "attach_files", "embed_links")
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    await received.response.send_message(file=video())
    embed = discord.Embed(title="a video")
    await received.edit_original_response(attachments=[video()], embed=embed)
    await received.followup.send(file=video(), embed=embed)
    answer = await sent.wait_answer()
    with pytest.raises(discord.Forbidden) as denied:
        await place(sandbox, bot).get_partial_message(int(answer.id)).edit(content="later")
    assert denied.value.code == 50001


async def test_a_denied_permission_is_seen_by_the_bot(sandbox: Sandbox, bot: LoungeBot) -> None:
    sandbox.channel.deny("attach_files")
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    channel = bot.get_channel(int(sandbox.channel.id))
    assert isinstance(channel, discord.TextChannel)
    assert not received.app_permissions.attach_files
    assert not channel.permissions_for(channel.guild.me).attach_files
    assert channel.permissions_for(channel.guild.me).send_messages


async def test_history_needs_its_permission(sandbox: Sandbox, bot: LoungeBot, rest: Rest) -> None:
    message = await place(sandbox, bot).send("one")
    sandbox.channel.deny("read_message_history")
    assert [m async for m in place(sandbox, bot).history()] == []
    status, body = await rest("GET", f"/channels/{sandbox.channel.id}/messages/{message.id}")
    assert (status, body["code"]) == (403, 50013)
    with pytest.raises(discord.HTTPException) as reply:
        await message.reply("two")
    assert reply.value.code == 160002


# What there is


async def test_the_bot_lists_only_channels_that_it_can_see(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    guild = bot.get_guild(int(sandbox.guild.id))
    assert guild is not None
    names = [channel.name for channel in await guild.fetch_channels()]
    assert names == ["videos", "general", "after-dark", "moderators"]
    sandbox.guild.channel("moderators").deny("view_channel")
    assert len(await guild.fetch_channels()) == 3


async def test_a_guild_and_its_members_are_looked_up(sandbox: Sandbox, rest: Rest) -> None:
    guild = f"/guilds/{sandbox.guild.id}"
    _, body = await rest("GET", guild)
    assert (body["name"], body["owner_id"]) == ("Flipbook Lounge", sandbox.olga.id)
    _, body = await rest("GET", f"{guild}/members/{sandbox.ana.id}")
    assert body["user"]["username"] == "ana"
    for path, expected in (
        ("/guilds/1", (404, 10004)),
        (f"{guild}/members/1", (404, 10007)),
        (f"{guild}/members", (403, 50001)),
        ("/users/1", (404, 10013)),
        ("/channels/1", (404, 10003)),
        (f"/channels/{sandbox.channel.id}/messages/1", (404, 10008)),
    ):
        status, body = await rest("GET", path)
        assert (status, body["code"]) == expected


async def test_a_place_the_bot_was_thrown_out_of_is_there_but_closed(
    sandbox: Sandbox, bot: LoungeBot, rest: Rest
) -> None:
    message = await place(sandbox, bot).send("x")
    sandbox.world.remove_guild(sandbox.guild)
    for path in (f"/guilds/{sandbox.guild.id}", f"/channels/{sandbox.channel.id}"):
        status, body = await rest("GET", path)
        assert (status, body["code"]) == (403, 50001)
    with pytest.raises(discord.Forbidden) as closed:
        await message.edit(content="y")
    assert closed.value.code == 50001


async def test_typing_needs_a_channel_that_the_bot_can_see(sandbox: Sandbox, rest: Rest) -> None:
    path = f"/channels/{sandbox.channel.id}/typing"
    assert await rest("POST", path) == (204, None)
    sandbox.channel.deny("view_channel")
    status, body = await rest("POST", path)
    assert (status, body["code"]) == (403, 50001)


async def test_a_direct_channel_opens_but_takes_no_message_from_whoever_wants_none(
    sandbox: Sandbox, rest: Rest
) -> None:
    _, body = await rest("POST", "/users/@me/channels", {"recipient_id": sandbox.ben.id})
    assert (body["type"], body["recipients"][0]["username"]) == (1, "ben")
    _, again = await rest("POST", "/users/@me/channels", {"recipient_id": sandbox.ben.id})
    assert (await rest("GET", f"/channels/{body['id']}"))[1] == again == body
    status, refused = await rest("POST", f"/channels/{body['id']}/messages", {"content": "psst"})
    assert (status, refused["code"]) == (403, 50007)
    status, refused = await rest("POST", "/users/@me/channels", {"recipient_id": "1"})
    assert (status, refused["code"]) == (400, 50033)


async def test_a_direct_message_reaches_whoever_takes_them_and_can_be_read_and_deleted(
    sandbox: Sandbox, rest: Rest
) -> None:
    sandbox.ben.user.takes_direct = True
    _, channel = await rest("POST", "/users/@me/channels", {"recipient_id": sandbox.ben.id})
    path = f"/channels/{channel['id']}/messages"
    status, sent = await rest("POST", path, {"content": "psst"})
    assert (status, sent["content"], sent["channel_id"]) == (200, "psst", channel["id"])
    (message,) = sandbox.world.open_direct(sandbox.ben.user).messages.values()
    assert (message.id, message.text) == (sent["id"], "psst")
    assert [one["id"] for one in (await rest("GET", path))[1]] == [sent["id"]]
    assert not sandbox.channel.messages
    assert await rest("DELETE", f"{path}/{sent['id']}") == (204, None)
    assert message.is_deleted


# Slow mode


async def test_slow_mode_holds_members_and_not_the_bot(sandbox: Sandbox, bot: LoungeBot) -> None:
    ana, slow = sandbox.member("ana", server="Cinema Club"), "slow-cinema"
    ana.at(slow).say("one")
    ana.say("elsewhere")
    with pytest.raises(RefusedError, match="slowmode") as refused:
        ana.at(slow).say("two")
    assert refused.value.code == 20016
    assert 29 < (refused.value.retry_after_s or 0) <= 30
    sandbox.member("olga", server="Cinema Club").at(slow).say("another member")
    target = bot.get_partial_messageable(int(ana.at(slow).channel.id))
    await target.send("one")
    await target.send("two")
    sandbox.clock.advance(30)
    ana.at(slow).say("two")


async def test_slow_mode_spares_those_who_may_bypass_it(sandbox: Sandbox) -> None:
    sandbox.channel.slowmode_s = 60
    sandbox.channel.allow("bypass_slowmode", to=sandbox.ben)
    for text in ("one", "two"):
        sandbox.member("ben").say(text)
    mod = sandbox.member("max")
    mod.say("one")
    with pytest.raises(RefusedError):  # Manage Messages is no longer enough
        mod.say("two")


# AutoMod


async def test_automod_refuses_messages_edits_and_answers(sandbox: Sandbox, bot: LoungeBot) -> None:
    sandbox.guild.blocked_words = {"noodle"}
    message = await place(sandbox, bot).send("noodles are fine")
    with pytest.raises(discord.HTTPException) as blocked:
        await place(sandbox, bot).send("a NOODLE here")
    assert (blocked.value.status, blocked.value.code) == (400, 200000)
    with pytest.raises(discord.HTTPException) as blocked:
        await message.edit(content="noodle")
    assert blocked.value.code == 200000
    assert sandbox.world.messages[str(message.id)].content == "noodles are fine"
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    with pytest.raises(discord.HTTPException) as blocked:
        await received.response.send_message(embed=discord.Embed(title="one noodle"))
    assert blocked.value.code == 200000
    sandbox.channel.guild.role("flipbook").permissions.add("manage_guild")
    await place(sandbox, bot).send("a noodle here")


@pytest.mark.parametrize(
    ("keyword", "blocked", "passed"),
    [
        ("cat", "my CAT is", "catch"),
        ("cat*", "Catapult", "wildcat"),
        ("*cat", "wildcat", "catch"),
        ("*cat*", "location", "dog"),
        ("the mat", "on the mat", "the matrix"),
    ],
)
async def test_automod_matches_words_as_documented(
    sandbox: Sandbox, keyword: str, blocked: str, passed: str
) -> None:
    sandbox.guild.blocked_words = {keyword}
    ben = sandbox.member("ben")
    ben.say(passed)
    with pytest.raises(RefusedError) as refused:
        ben.say(blocked)
    assert refused.value.code == 200000
    sandbox.member("max").say(blocked)  # has Manage Server


# Members


async def test_members_write_only_where_and_what_they_may(sandbox: Sandbox) -> None:
    ben, everyone = sandbox.member("ben"), sandbox.guild.roles[sandbox.guild.id]

    def code(channel: str, content: str = "x") -> int:
        with pytest.raises(RefusedError) as refused:
            ben.at(channel).say(content)
        return refused.value.code

    assert code("moderators") == 50001
    sandbox.guild.channel("general").deny("send_messages", to=everyone)
    assert code("general") == 50013
    assert (code("videos", " "), code("videos", "x" * 2001)) == (50006, 50035)
    thread = sandbox.guild.channel("storyboards")
    sandbox.world.archive_thread(thread)
    ben.at(thread).say("still going?")
    assert not thread.archived
    sandbox.world.archive_thread(thread, locked=True)
    assert code("storyboards") == 160005
    sandbox.member("max").at(thread).say("closed")
    assert ben.say(f"hello {sandbox.ana.mention}").pings == {sandbox.ana.id}
