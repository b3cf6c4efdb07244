"""How large files may be and which of them a message has."""

import io
from typing import Any

import discord
import pytest

from bot.sandbox import RateLimits, Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

KB = 1000


@pytest.fixture
def rate_limits() -> RateLimits:
    return RateLimits.roomy()


def video(size: int = 5, name: str = "video.mp4") -> discord.File:
    return discord.File(io.BytesIO(b"x" * size), name)


def place(sandbox: Sandbox, bot: LoungeBot) -> discord.PartialMessageable:
    return bot.get_partial_messageable(int(sandbox.channel.id))


async def post(
    sandbox: Sandbox, rest: Rest, *files: bytes, **message: object
) -> tuple[int, dict[str, Any]]:
    return await rest("POST", f"/channels/{sandbox.channel.id}/messages", message, files=files)


# Sizes


async def test_a_file_above_the_guilds_limit_is_refused(sandbox: Sandbox, bot: LoungeBot) -> None:
    sandbox.guild.upload_limit = KB
    await place(sandbox, bot).send(files=[video(KB, "a.mp4"), video(KB, "b.mp4")])
    with pytest.raises(discord.HTTPException) as large:
        await place(sandbox, bot).send(file=video(KB + 1))
    assert (large.value.status, large.value.code) == (413, 40005)


async def test_the_limit_is_the_guilds_boosts(sandbox: Sandbox) -> None:
    limits = [
        sandbox.world.add_guild(f"tier {tier}", premium_tier=tier).upload_limit // 2**20
        for tier in range(4)
    ]
    assert limits == [10, 10, 50, 100]


async def test_a_members_nitro_helps_answers_but_not_later_messages(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sandbox.guild.upload_limit, sandbox.ben.upload_limit = KB, 2 * KB
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    assert received.filesize_limit == 2 * KB
    await received.response.send_message(file=video(2 * KB))
    with pytest.raises(discord.HTTPException) as large:
        await received.followup.send(file=video(2 * KB + 1))
    assert large.value.code == 40005
    with pytest.raises(discord.HTTPException) as large:
        await place(sandbox, bot).send(file=video(2 * KB))
    assert large.value.code == 40005


async def test_discord_may_promise_more_than_it_takes(sandbox: Sandbox, bot: LoungeBot) -> None:
    sandbox.guild.upload_limit, sandbox.guild.announced_limit = KB, 5 * KB
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    assert received.filesize_limit == 5 * KB
    await received.response.defer(thinking=True)
    with pytest.raises(discord.HTTPException) as large:
        await received.edit_original_response(attachments=[video(received.filesize_limit)])
    assert (large.value.status, large.value.code) == (413, 40005)


async def test_a_whole_request_has_a_ceiling_of_its_own(sandbox: Sandbox, bot: LoungeBot) -> None:
    assert sandbox.world.assumptions.request_ceiling == 25 * 2**20
    sandbox.world.assumptions.request_ceiling = 3 * KB
    files = [video(2 * KB, "a.mp4"), video(2 * KB, "b.mp4")]
    with pytest.raises(discord.HTTPException) as large:
        await place(sandbox, bot).send(files=files)
    assert (large.value.status, large.value.code) == (413, 40005)
    message = await place(sandbox, bot).send(file=video(2 * KB, "a.mp4"))
    with pytest.raises(discord.HTTPException) as large:
        await message.edit(attachments=[video(2 * KB, "a.mp4"), video(2 * KB, "b.mp4")])
    assert large.value.code == 40005
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    await received.response.send_message(files=[video(2 * KB, "a.mp4"), video(2 * KB, "b.mp4")])


# Which files


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
    await message.edit(content="none", attachments=[])
    assert stored.attachments == []


async def test_files_that_an_edit_does_not_list_are_added_or_left_out(
    sandbox: Sandbox, rest: Rest
) -> None:
    _, body = await post(sandbox, rest, b"a", content="x")
    path = f"/channels/{sandbox.channel.id}/messages/{body['id']}"
    stored = sandbox.world.messages[body["id"]]
    await rest("PATCH", path, {"content": "y"}, files=[b"b"])
    assert [file.content for file in stored.attachments] == [b"a", b"b"]
    await rest("PATCH", path, {"attachments": [{"id": "1"}]}, files=[b"c", b"d"])
    assert [file.content for file in stored.attachments] == [b"d"]


async def test_a_new_message_has_all_files_listed_or_not(sandbox: Sandbox, rest: Rest) -> None:
    about: dict[str, object] = {"id": "1", "filename": "b b.mp4", "description": "the second"}
    _, body = await post(sandbox, rest, b"a", b"b", attachments=[about])
    told = {file["filename"]: file.get("description") for file in body["attachments"]}
    assert told == {"b_b.mp4": "the second", "0.mp4": None}


async def test_an_attachment_that_is_not_there_is_refused(sandbox: Sandbox, rest: Rest) -> None:
    status, body = await post(sandbox, rest, b"a", attachments=[{"id": "1"}])
    assert (status, list(body["errors"])) == (400, ["attachments"])
    _, body = await post(sandbox, rest, b"a")
    path = f"/channels/{sandbox.channel.id}/messages/{body['id']}"
    status, body = await rest("PATCH", path, {"attachments": [{"id": "123"}]})
    assert (status, list(body["errors"])) == (400, ["attachments"])


async def test_a_message_has_ten_files_with_short_descriptions(
    sandbox: Sandbox, rest: Rest
) -> None:
    assert (await post(sandbox, rest, *[b"x"] * 10))[0] == 200
    status, body = await post(sandbox, rest, *[b"x"] * 11)
    assert (status, list(body["errors"])) == (400, ["attachments"])
    for length, expected in ((1024, 200), (1025, 400)):
        about = {"id": "0", "description": "x" * length}
        assert (await post(sandbox, rest, b"a", attachments=[about]))[0] == expected


async def test_an_edit_changes_description_and_spoiler_of_a_file_it_keeps(
    sandbox: Sandbox, rest: Rest
) -> None:
    _, body = await post(sandbox, rest, b"a", attachments=[{"id": "0", "description": "old"}])
    file = body["attachments"][0]
    assert (file["description"], file.get("flags")) == ("old", None)
    path = f"/channels/{sandbox.channel.id}/messages/{body['id']}"
    change = {"id": file["id"], "description": "new", "is_spoiler": True}
    _, body = await rest("PATCH", path, {"attachments": [change]})
    changed = body["attachments"][0]
    assert (changed["id"], changed["description"], changed["flags"]) == (file["id"], "new", 8)


async def test_a_file_in_an_embed_is_not_among_the_attachments(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    embed = discord.Embed(title="a picture").set_image(url="attachment://a.mp4")
    files = [video(1, "a.mp4"), video(1, "b.mp4")]
    message = await place(sandbox, bot).send(embed=embed, files=files)
    assert [file.filename for file in message.attachments] == ["b.mp4"]
    assert (message.embeds[0].image.url or "").startswith("https://cdn.discordapp.com/attachments/")
    assert len(sandbox.world.messages[str(message.id)].attachments) == 2
