"""What Discord allows and refuses when a bot posts, reads, edits and deletes messages."""

import io

import discord
import pytest

from bot.sandbox import Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot


def video(size: int = 5, name: str = "video.mp4") -> discord.File:
    return discord.File(io.BytesIO(b"x" * size), name)


def place(sandbox: Sandbox, bot: LoungeBot) -> discord.PartialMessageable:
    return bot.get_partial_messageable(int(sandbox.channel.id))


async def test_a_nonce_keeps_a_repeated_message_single(sandbox: Sandbox, rest: Rest) -> None:
    path = f"/channels/{sandbox.channel.id}/messages"
    message = {"content": "done", "nonce": "v-1", "enforce_nonce": True}
    _, first = await rest("POST", path, message)
    _, second = await rest("POST", path, message)
    assert (first["id"], first["nonce"]) == (second["id"], "v-1")
    sandbox.clock.advance(5 * 60 + 1)
    _, third = await rest("POST", path, message)
    assert third["id"] != first["id"]
    assert len(sandbox.channel.messages) == 2


async def test_a_nonce_without_enforcement_keeps_nothing_single(
    sandbox: Sandbox, rest: Rest
) -> None:
    path = f"/channels/{sandbox.channel.id}/messages"
    for _ in range(2):
        await rest("POST", path, {"content": "done", "nonce": "v-1"})
    assert len(sandbox.channel.messages) == 2


async def test_the_nonce_of_a_deleted_message_is_an_unknown_message(
    sandbox: Sandbox, rest: Rest
) -> None:
    path = f"/channels/{sandbox.channel.id}/messages"
    message = {"content": "done", "nonce": "v-1", "enforce_nonce": True}
    _, first = await rest("POST", path, message)
    sandbox.world.delete_message(sandbox.channel.messages[first["id"]])
    status, body = await rest("POST", path, message)
    assert (status, body["code"]) == (404, 10008)


async def test_a_reply_needs_its_message(sandbox: Sandbox, bot: LoungeBot) -> None:
    asked = sandbox.world.say(sandbox.ben, sandbox.channel, "a video, please")
    partial = place(sandbox, bot).get_partial_message(int(asked.id))
    reply = await partial.reply("here")
    assert sandbox.world.messages[str(reply.id)].reference is asked
    sandbox.world.delete_message(asked)
    with pytest.raises(discord.HTTPException) as unknown:
        await partial.reply("here")
    assert (unknown.value.status, unknown.value.code) == (400, 50035)
    reference = partial.to_reference(fail_if_not_exists=False)
    orphan = await place(sandbox, bot).send("here", reference=reference)
    assert sandbox.world.messages[str(orphan.id)].reference is None


async def test_a_file_above_the_guilds_limit_is_refused(sandbox: Sandbox, bot: LoungeBot) -> None:
    sandbox.guild.upload_limit = 1000
    await place(sandbox, bot).send(files=[video(1000, "a.mp4"), video(1000, "b.mp4")])
    with pytest.raises(discord.HTTPException) as large:
        await place(sandbox, bot).send(file=video(1001))
    assert (large.value.status, large.value.code) == (413, 40005)


@pytest.mark.parametrize(
    ("permission", "code"),
    [("view_channel", 50001), ("send_messages", 50013), ("attach_files", 50013)],
)
async def test_posting_needs_its_permissions(
    sandbox: Sandbox, bot: LoungeBot, permission: str, code: int
) -> None:
    sandbox.channel.deny(permission)
    with pytest.raises(discord.Forbidden) as denied:
        await place(sandbox, bot).send(file=video())
    assert denied.value.code == code
    sandbox.channel.allow(permission)
    await place(sandbox, bot).send(file=video())


async def test_a_denied_permission_is_seen_by_the_bot(sandbox: Sandbox, bot: LoungeBot) -> None:
    sandbox.channel.deny("attach_files")
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    channel = bot.get_channel(int(sandbox.channel.id))
    assert isinstance(channel, discord.TextChannel)
    assert not received.app_permissions.attach_files
    assert not channel.permissions_for(channel.guild.me).attach_files
    assert channel.permissions_for(channel.guild.me).send_messages


async def test_a_thread_has_a_permission_of_its_own(sandbox: Sandbox, bot: LoungeBot) -> None:
    thread = sandbox.world.add_thread(sandbox.channel, "chat")
    target = bot.get_partial_messageable(int(thread.id))
    sandbox.channel.deny("send_messages")
    await target.send("still allowed")
    sandbox.channel.deny("send_messages_in_threads")
    with pytest.raises(discord.Forbidden) as denied:
        await target.send("no more")
    assert denied.value.code == 50013


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
    sandbox.world.archive_thread(thread, locked=True)
    with pytest.raises(discord.HTTPException) as locked:
        await target.send("third")
    assert locked.value.code == 160005


async def test_history_needs_its_permission(sandbox: Sandbox, bot: LoungeBot, rest: Rest) -> None:
    message = await place(sandbox, bot).send("one")
    sandbox.channel.deny("read_message_history")
    assert [m async for m in place(sandbox, bot).history()] == []
    status, body = await rest("GET", f"/channels/{sandbox.channel.id}/messages/{message.id}")
    assert (status, body["code"]) == (403, 50013)
    with pytest.raises(discord.HTTPException) as reply:
        await message.reply("two")
    assert reply.value.code == 160002


async def test_messages_are_listed_in_pages(sandbox: Sandbox, rest: Rest) -> None:
    ids = [sandbox.world.say(sandbox.ben, sandbox.channel, str(n)).id for n in range(5)]
    path = f"/channels/{sandbox.channel.id}/messages"

    async def listed(query: str) -> list[str]:
        _, page = await rest("GET", f"{path}?{query}")
        return [message["content"] for message in page]

    assert await listed("limit=2") == ["4", "3"]
    assert await listed(f"limit=2&after={ids[0]}") == ["2", "1"]
    assert await listed(f"limit=2&before={ids[3]}") == ["2", "1"]
    assert await listed(f"limit=3&around={ids[2]}") == ["3", "2", "1"]
    status, _ = await rest("GET", f"{path}?limit=101")
    assert status == 400


async def test_what_is_gone_is_unknown(sandbox: Sandbox, bot: LoungeBot, rest: Rest) -> None:
    message = await place(sandbox, bot).send("one")
    assert bot.get_channel(int(sandbox.channel.id)) is not None
    await message.delete()
    with pytest.raises(discord.NotFound) as unknown:
        await message.edit(content="x")
    assert unknown.value.code == 10008
    sandbox.world.delete_channel(sandbox.channel)
    status, body = await rest("GET", f"/channels/{sandbox.channel.id}")
    assert (status, body["code"]) == (404, 10003)


async def test_only_the_author_edits_and_only_a_moderator_deletes(
    sandbox: Sandbox, rest: Rest
) -> None:
    message = sandbox.world.say(sandbox.ben, sandbox.channel, "mine")
    path = f"/channels/{sandbox.channel.id}/messages/{message.id}"
    status, body = await rest("PATCH", path, {"content": "x"})
    assert (status, body["code"]) == (403, 50005)
    status, body = await rest("DELETE", path)
    assert (status, body["code"]) == (403, 50013)
    sandbox.channel.allow("manage_messages")
    assert await rest("DELETE", path) == (204, None)


async def test_the_attachments_of_an_edit_are_the_full_set(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    message = await place(sandbox, bot).send(files=[video(1, "a.mp4"), video(2, "b.mp4")])
    stored = sandbox.world.messages[str(message.id)]
    message = await message.edit(content="no word about files")
    assert [file.filename for file in stored.attachments] == ["a.mp4", "b.mp4"]
    kept = message.attachments[1]
    message = await message.edit(attachments=[kept, video(3, "c.mp4")])
    assert [file.filename for file in stored.attachments] == ["b.mp4", "c.mp4"]
    await message.edit(attachments=[])
    assert stored.attachments == []


async def test_mentions_ping_only_when_allowed(sandbox: Sandbox, rest: Rest) -> None:
    path = f"/channels/{sandbox.channel.id}/messages"
    ana, ben = sandbox.ana, sandbox.ben
    text = f"{ana.mention} {ben.mention}"

    async def pinged(**more: object) -> set[str]:
        _, body = await rest("POST", path, {"content": text, **more})
        return sandbox.world.messages[body["id"]].pings

    assert await pinged() == {ana.id, ben.id}
    assert await pinged(allowed_mentions={"parse": []}) == set()
    assert await pinged(allowed_mentions={"users": [ben.id]}) == {ben.id}
    _, body = await rest("POST", path, {"content": "x", "allowed_mentions": {"parse": []}})
    await rest("PATCH", f"{path}/{body['id']}", {"content": text})
    assert sandbox.world.messages[body["id"]].pings == {ana.id, ben.id}


async def test_a_reply_pings_its_author_unless_told_not_to(sandbox: Sandbox, rest: Rest) -> None:
    asked = sandbox.world.say(sandbox.ben, sandbox.channel, "please")
    path = f"/channels/{sandbox.channel.id}/messages"
    reply = {"content": "here", "message_reference": {"message_id": asked.id}}
    _, body = await rest("POST", path, reply)
    assert sandbox.world.messages[body["id"]].pings == {sandbox.ben.id}
    _, body = await rest("POST", path, reply | {"allowed_mentions": {"parse": []}})
    assert sandbox.world.messages[body["id"]].pings == set()


async def test_a_bot_that_does_not_know_the_ca_stays_out(sandbox: Sandbox) -> None:
    client = discord.Client(intents=discord.Intents.none(), proxy=sandbox.proxy_url)
    async with client:
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.login(sandbox.token)


async def test_a_wrong_token_cannot_log_in(bot: LoungeBot) -> None:
    with pytest.raises(discord.LoginFailure):
        await LoungeBot(connector=bot.http.connector).login("wrong")


async def test_an_unknown_route_is_a_logged_404(sandbox: Sandbox, rest: Rest) -> None:
    status, body = await rest("GET", "/nothing/here")
    assert (status, body["code"]) == (404, 0)
    assert sandbox.requests[-1].path == "/api/v10/nothing/here"
