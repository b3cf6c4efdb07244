"""Threads: who starts, joins and deletes them, and what an archived or locked one allows."""

import discord
import pytest

from bot.sandbox import RateLimits, Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot


@pytest.fixture
def rate_limits() -> RateLimits:
    return RateLimits.roomy()


def place(sandbox: Sandbox, bot: LoungeBot) -> discord.PartialMessageable:
    return bot.get_partial_messageable(int(sandbox.channel.id))


async def test_a_thread_has_a_permission_of_its_own(sandbox: Sandbox, bot: LoungeBot) -> None:
    thread = sandbox.world.add_thread(sandbox.channel, "chat")
    target = bot.get_partial_messageable(int(thread.id))
    sandbox.channel.deny("send_messages")
    await target.send("still allowed")
    sandbox.channel.deny("send_messages_in_threads")
    with pytest.raises(discord.Forbidden) as denied:
        await target.send("no more")
    assert denied.value.code == 50013
    sandbox.channel.deny("view_channel")
    with pytest.raises(discord.Forbidden) as denied:
        await target.send("no more")
    assert denied.value.code == 50001


async def test_posting_revives_an_archived_thread_and_editing_does_not(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    thread = sandbox.world.add_thread(sandbox.channel, "chat")
    target = bot.get_partial_messageable(int(thread.id))
    message = await target.send("first")
    sandbox.world.archive_thread(thread)
    with pytest.raises(discord.HTTPException) as archived:
        await message.edit(content="x")
    assert archived.value.code == 50083
    await target.send("second")
    assert not thread.archived
    await message.edit(content="x")
    sandbox.world.archive_thread(thread)
    await message.delete()  # "the only operation that should happen within an archived thread"
    assert thread.archived


async def test_a_locked_thread_is_for_moderators(sandbox: Sandbox, bot: LoungeBot) -> None:
    thread = sandbox.world.add_thread(sandbox.channel, "chat")
    target = bot.get_partial_messageable(int(thread.id))
    message = await target.send("first")
    thread.locked = True
    for forbidden in (target.send("second"), message.edit(content="x")):
        with pytest.raises(discord.HTTPException) as locked:
            await forbidden
        assert locked.value.code == 160005
    sandbox.world.archive_thread(thread, locked=True)
    for forbidden in (target.send("second"), message.delete()):
        with pytest.raises(discord.HTTPException) as locked:
            await forbidden
        assert locked.value.code == 160005
    sandbox.channel.allow("manage_threads")
    await target.send("second")
    assert not thread.archived
    await message.edit(content="x")


async def test_a_thread_starts_from_a_message_once(sandbox: Sandbox, bot: LoungeBot) -> None:
    channel = bot.get_channel(int(sandbox.channel.id))
    assert isinstance(channel, discord.TextChannel)
    message = await channel.send("a video")
    thread = await message.create_thread(name="takes", auto_archive_duration=60)
    stored = sandbox.world.channels[str(thread.id)]
    assert (thread.id, thread.parent, thread.archived) == (message.id, channel, False)
    assert (stored.parent, thread.auto_archive_duration) == (sandbox.channel, 60)
    again = await channel.fetch_message(message.id)
    assert again.flags.has_thread
    assert again.thread is not None
    with pytest.raises(discord.HTTPException) as twice:
        await message.create_thread(name="takes")
    assert (twice.value.status, twice.value.code) == (400, 160004)
    sandbox.channel.deny("create_public_threads")
    with pytest.raises(discord.Forbidden) as denied:
        await (await channel.send("another")).create_thread(name="takes")
    assert denied.value.code == 50013


async def test_a_thread_starts_without_a_message_if_it_is_public(
    sandbox: Sandbox, rest: Rest
) -> None:
    path = f"/channels/{sandbox.channel.id}/threads"
    status, body = await rest("POST", path, {"name": "chat", "type": 11})
    assert (status, body["name"], body["member"]["user_id"]) == (201, "chat", sandbox.world.bot.id)
    for wrong in (
        {"name": "chat"},  # a private one, says Discord
        {"name": "", "type": 11},
        {"name": "x" * 101, "type": 11},
        {"name": "chat", "type": 11, "auto_archive_duration": 61},
        {"name": "chat", "type": 11, "rate_limit_per_user": 21601},
    ):
        status, refused = await rest("POST", path, wrong)
        assert (status, refused["code"]) == (400, 50035)
    inside = f"/channels/{body['id']}/threads"
    status, refused = await rest("POST", inside, {"name": "chat", "type": 11})
    assert (status, refused["code"]) == (400, 50024)


async def test_a_threads_slow_mode_is_told_from_its_start(sandbox: Sandbox, rest: Rest) -> None:
    heard: list[object] = []
    sandbox.world.listen(lambda _, payload: heard.append(payload.get("rate_limit_per_user")))
    path = f"/channels/{sandbox.channel.id}/threads"
    await rest("POST", path, {"name": "slow", "type": 11, "rate_limit_per_user": 30})
    assert heard == [30]


async def test_threads_are_listed_by_whether_they_are_archived(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    guild = bot.get_guild(int(sandbox.guild.id))
    channel = bot.get_channel(int(sandbox.channel.id))
    assert guild is not None
    assert isinstance(channel, discord.TextChannel)
    first = sandbox.guild.channel("storyboards")
    second = sandbox.world.add_thread(sandbox.channel, "second")
    assert [one.name for one in await guild.active_threads()] == [
        "second",
        "midnight",
        "storyboards",
    ]
    for thread in (second, first):
        sandbox.world.archive_thread(thread)
        sandbox.clock.advance(1)
    sandbox.guild.channel("after-dark").deny("view_channel")
    assert await guild.active_threads() == []
    archived = [one.name async for one in channel.archived_threads()]
    assert archived == ["storyboards", "second"]


async def test_the_bot_joins_and_leaves_threads_that_are_not_archived(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    stored = sandbox.guild.channel("storyboards")
    thread = await bot.fetch_channel(int(stored.id))
    assert isinstance(thread, discord.Thread)
    assert thread.me is None
    await thread.join()
    assert sandbox.world.bot.id in stored.joined
    thread = await bot.fetch_channel(int(stored.id))
    assert isinstance(thread, discord.Thread)
    assert thread.me is not None
    await thread.leave()
    assert sandbox.world.bot.id not in stored.joined
    sandbox.world.archive_thread(stored)
    with pytest.raises(discord.HTTPException) as archived:
        await thread.join()
    assert archived.value.code == 50083


async def test_deleting_a_thread_needs_manage_threads(sandbox: Sandbox, bot: LoungeBot) -> None:
    stored = sandbox.guild.channel("storyboards")
    thread = await bot.fetch_channel(int(stored.id))
    assert isinstance(thread, discord.Thread)
    with pytest.raises(discord.Forbidden) as denied:
        await thread.delete()
    assert denied.value.code == 50013
    sandbox.channel.allow("manage_threads")
    await thread.delete()
    assert stored.id not in sandbox.world.channels


async def test_a_thread_has_its_parents_age_limit_and_no_flag(
    sandbox: Sandbox, bot: LoungeBot, rest: Rest
) -> None:
    midnight = sandbox.guild.channel("midnight")
    _, body = await rest("GET", f"/channels/{midnight.id}")
    assert "nsfw" not in body
    thread = await bot.fetch_channel(int(midnight.id))
    assert isinstance(thread, discord.Thread)
    assert thread.is_nsfw()
    assert midnight.is_age_restricted


async def test_an_answer_does_not_revive_a_locked_thread(sandbox: Sandbox, bot: LoungeBot) -> None:
    thread = sandbox.world.add_thread(sandbox.channel, "chat")
    sandbox.world.archive_thread(thread, locked=True)
    for may_manage in (False, True):
        if may_manage:
            sandbox.channel.allow("manage_threads")
        await sandbox.slash(sandbox.max, thread, "/video prompt:x")
        await (await bot.uses.get()).response.send_message("here")
        assert thread.archived is not may_manage


async def test_archived_threads_come_in_pages_the_last_archived_first(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    for name in ("one", "two", "three"):
        sandbox.world.archive_thread(sandbox.world.add_thread(sandbox.channel, name))
        sandbox.clock.advance(60)
    bot_channel = await bot.fetch_channel(int(sandbox.channel.id))
    assert isinstance(bot_channel, discord.TextChannel)
    found = [thread.name async for thread in bot_channel.archived_threads(limit=2)]
    assert found == ["three", "two"]
    archived_at = sandbox.guild.channel("two").archive_changed_at
    found = [thread.name async for thread in bot_channel.archived_threads(before=archived_at)]
    assert found == ["one"]
    sandbox.clock.advance(60)
    page = await bot.http.get_public_archived_threads(bot_channel.id, limit=2)
    assert page["has_more"]
