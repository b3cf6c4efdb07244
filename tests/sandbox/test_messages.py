"""What Discord allows and refuses when a bot posts, edits, reads and deletes messages."""

from typing import Any

import discord
import pytest

from bot.sandbox import Channel, RateLimits, Sandbox
from bot.sandbox.world.limits import Limit
from tests.referee.referee import Referee
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

SUPPRESS_EMBEDS, EPHEMERAL, SUPPRESS_NOTIFICATIONS = 1 << 2, 1 << 6, 1 << 12


@pytest.fixture
def rate_limits() -> RateLimits:
    return RateLimits.roomy()


def place(sandbox: Sandbox, bot: LoungeBot) -> discord.PartialMessageable:
    return bot.get_partial_messageable(int(sandbox.channel.id))


def messages(channel: Channel) -> str:
    return f"/channels/{channel.id}/messages"


async def post(sandbox: Sandbox, rest: Rest, **message: object) -> tuple[int, Any]:
    return await rest("POST", messages(sandbox.channel), message)


# The nonce


async def test_a_nonce_keeps_a_repeated_message_single(sandbox: Sandbox, rest: Rest) -> None:
    message = {"content": "done", "nonce": "v-1", "enforce_nonce": True}
    _, first = await post(sandbox, rest, **message)
    _, second = await post(sandbox, rest, **message | {"content": "done again"})
    assert (first["id"], first["nonce"], second["content"]) == (second["id"], "v-1", "done")
    sandbox.clock.advance(5 * 60 + 1)
    _, third = await post(sandbox, rest, **message)
    assert third["id"] != first["id"]
    assert len(sandbox.channel.messages) == 2


async def test_a_nonce_without_enforcement_keeps_nothing_single(
    sandbox: Sandbox, rest: Rest
) -> None:
    for _ in range(2):
        await post(sandbox, rest, content="done", nonce="v-1")
    assert len(sandbox.channel.messages) == 2


async def test_the_nonce_of_a_deleted_message_is_an_unknown_message(
    sandbox: Sandbox, rest: Rest
) -> None:
    message = {"content": "done", "nonce": "v-1", "enforce_nonce": True}
    _, first = await post(sandbox, rest, **message)
    sandbox.world.delete_message(sandbox.channel.messages[first["id"]])
    status, body = await post(sandbox, rest, **message)
    assert (status, body["code"]) == (404, 10008)


async def test_a_nonce_is_a_number_or_25_characters(sandbox: Sandbox, rest: Rest) -> None:
    number: dict[str, Any] = {"content": "done", "nonce": 7, "enforce_nonce": True}
    _, first = await post(sandbox, rest, **number)
    _, second = await post(sandbox, rest, **number)
    assert (first["id"], first["nonce"]) == (second["id"], 7)
    assert (await post(sandbox, rest, content="x", nonce="n" * 25))[0] == 200
    status, body = await post(sandbox, rest, content="x", nonce="n" * 26)
    assert (status, list(body["errors"])) == (400, ["nonce"])


async def test_answers_to_interactions_know_no_nonce(
    sandbox: Sandbox, bot: LoungeBot, rest: Rest, referee: Referee
) -> None:
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    await received.response.send_message("one")
    path = f"/webhooks/{sandbox.world.bot.id}/{sent.token}"
    message = {"content": "two", "nonce": "v-1", "enforce_nonce": True}
    answers = [await rest("POST", path, message) for _ in range(2)]
    assert len({body["id"] for _, body in answers}) == 2
    assert not any("nonce" in body for _, body in answers)
    told = {violation.path for violation in referee.judge()}
    assert told <= {"$.nonce", "$.enforce_nonce"}  # unknown there: what the test is about
    referee.violations.clear()


# Replies


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


async def test_a_reply_answers_nothing_in_another_channel(sandbox: Sandbox, rest: Rest) -> None:
    elsewhere = sandbox.world.say(sandbox.ben, sandbox.guild.channel("general"), "hello")
    reference = {"message_id": elsewhere.id, "channel_id": elsewhere.channel.id}
    status, body = await post(sandbox, rest, content="x", message_reference=reference)
    assert (status, list(body["errors"])) == (400, ["message_reference"])


# Content


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        ({"content": "x" * 2001}, "content"),
        ({"embeds": [{"title": "x"}] * 11}, "embeds"),
        ({"embeds": [{"title": "x" * 257}]}, "embeds"),
        ({"embeds": [{"description": "x" * 4097}]}, "embeds"),
        ({"embeds": [{"title": "x", "footer": {"text": "x" * 2049}}]}, "embeds"),
        ({"embeds": [{"title": "x", "author": {"name": "x" * 257}}]}, "embeds"),
        ({"embeds": [{"fields": [{"name": "x", "value": "x"}] * 26}]}, "embeds"),
        ({"embeds": [{"fields": [{"name": "x" * 257, "value": "x"}]}]}, "embeds"),
        ({"embeds": [{"fields": [{"name": "x", "value": "x" * 1025}]}]}, "embeds"),
        ({"embeds": [{"fields": [{"name": "x", "value": ""}]}]}, "embeds"),
        ({"embeds": [{"description": "x" * 3000}, {"description": "x" * 3001}]}, "embeds"),
    ],
)
async def test_a_text_that_is_too_long_is_refused(
    sandbox: Sandbox, rest: Rest, message: dict[str, Any], wrong: str
) -> None:
    status, body = await post(sandbox, rest, **message)
    assert (status, body["code"], list(body["errors"])) == (400, 50035, [wrong])


async def test_the_longest_texts_are_accepted(sandbox: Sandbox, rest: Rest) -> None:
    embeds = [{"description": "x" * 3000}] * 2
    status, body = await post(sandbox, rest, content="x" * 2000, embeds=embeds)
    assert status == 200
    assert [embed["type"] for embed in body["embeds"]] == ["rich", "rich"]


@pytest.mark.parametrize("message", [{}, {"content": ""}, {"content": " \n"}, {"embeds": []}])
async def test_an_empty_message_is_refused(
    sandbox: Sandbox, rest: Rest, message: dict[str, Any]
) -> None:
    status, body = await post(sandbox, rest, **message)
    assert (status, body["code"]) == (400, 50006)


async def test_an_edit_cannot_empty_a_message(sandbox: Sandbox, rest: Rest) -> None:
    _, body = await post(sandbox, rest, content="x")
    path = f"{messages(sandbox.channel)}/{body['id']}"
    status, body = await rest("PATCH", path, {"content": None})
    assert (status, body["code"]) == (400, 50006)
    assert next(iter(sandbox.channel.messages.values())).content == "x"


@pytest.mark.parametrize("flags", ["64", -1, 1.5, [64], 2**64])
async def test_flags_are_bits(sandbox: Sandbox, rest: Rest, flags: object) -> None:
    status, body = await post(sandbox, rest, content="x", flags=flags)
    assert (status, list(body["errors"])) == (400, ["flags"])


async def test_only_some_flags_can_be_set_and_fewer_be_changed(
    sandbox: Sandbox, rest: Rest
) -> None:
    everything = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | EPHEMERAL | 1
    _, body = await post(sandbox, rest, content="x", flags=everything)
    assert body["flags"] == SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS
    path = f"{messages(sandbox.channel)}/{body['id']}"
    _, body = await rest("PATCH", path, {"content": "y"})
    assert body["flags"] == SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS
    _, body = await rest("PATCH", path, {"flags": EPHEMERAL})
    assert body["flags"] == SUPPRESS_NOTIFICATIONS


async def test_suppressed_embeds_are_not_shown(sandbox: Sandbox, bot: LoungeBot) -> None:
    message = await place(sandbox, bot).send("look:", embed=discord.Embed(title="a picture"))
    stored = sandbox.world.messages[str(message.id)]
    assert (stored.text, len(message.embeds)) == ("look:\na picture", 1)
    message = await message.edit(suppress=True)
    assert (stored.text, message.embeds) == ("look:", [])
    message = await message.edit(suppress=False)
    assert (stored.text, len(message.embeds)) == ("look:\na picture", 1)


async def test_speaking_aloud_needs_its_permission(sandbox: Sandbox, rest: Rest) -> None:
    status, body = await post(sandbox, rest, content="x", tts=True)
    assert (status, body["code"]) == (403, 50013)
    sandbox.channel.allow("send_tts_messages")
    status, body = await post(sandbox, rest, content="x", tts=True)
    assert (status, body["tts"]) == (200, True)


# Editing and deleting


async def test_only_the_author_edits_and_only_a_moderator_deletes(
    sandbox: Sandbox, rest: Rest
) -> None:
    message = sandbox.world.say(sandbox.ben, sandbox.channel, "mine")
    path = f"{messages(sandbox.channel)}/{message.id}"
    status, body = await rest("PATCH", path, {"content": "x"})
    assert (status, body["code"]) == (403, 50005)
    status, body = await rest("PATCH", path, {"flags": SUPPRESS_EMBEDS})
    assert (status, body["code"]) == (403, 50013)
    status, body = await rest("DELETE", path)
    assert (status, body["code"]) == (403, 50013)
    sandbox.channel.allow("manage_messages")
    assert (await rest("PATCH", path, {"flags": SUPPRESS_EMBEDS}))[0] == 200
    status, body = await rest("PATCH", path, {"flags": 0, "content": "x"})
    assert (status, body["code"]) == (403, 50005)
    assert await rest("DELETE", path) == (204, None)


async def test_what_is_gone_is_unknown(sandbox: Sandbox, bot: LoungeBot, rest: Rest) -> None:
    message = await place(sandbox, bot).send("one")
    await message.delete()
    with pytest.raises(discord.NotFound) as unknown:
        await message.edit(content="x")
    assert unknown.value.code == 10008
    sandbox.world.delete_channel(sandbox.channel)
    status, body = await rest("GET", f"/channels/{sandbox.channel.id}")
    assert (status, body["code"]) == (404, 10003)


async def test_old_messages_are_edited_only_so_often(sandbox: Sandbox, rest: Rest) -> None:
    sandbox.world.assumptions.old_edits = Limit(requests=2, window_s=60)
    _, body = await post(sandbox, rest, content="x")
    path = f"{messages(sandbox.channel)}/{body['id']}"

    async def edit() -> int:
        status, body = await rest("PATCH", path, {"content": "y"})
        return 0 if status == 200 else body["code"]

    sandbox.clock.advance(3600 - 60)
    assert [await edit() for _ in range(5)] == [0, 0, 0, 0, 0]
    sandbox.clock.advance(61)
    assert [await edit() for _ in range(3)] == [0, 0, 30046]
    sandbox.clock.advance(61)
    assert await edit() == 0


async def test_an_edit_of_an_old_message_is_tried_again_by_the_library(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sandbox.world.assumptions.old_edits = Limit(requests=1, window_s=0.2)
    message = await place(sandbox, bot).send("x")
    sandbox.clock.advance(3601)
    await message.edit(content="y")
    await message.edit(content="z")
    answers = [entry.status for entry in sandbox.requests if entry.method == "PATCH"]
    assert answers == [200, 429, 200]


# Reading


async def test_messages_are_listed_in_pages(sandbox: Sandbox, rest: Rest) -> None:
    ids = [sandbox.world.say(sandbox.ben, sandbox.channel, str(n)).id for n in range(5)]
    path = messages(sandbox.channel)

    async def listed(query: str) -> list[int]:
        _, page = await rest("GET", f"{path}?{query}")
        return [ids.index(message["id"]) for message in page]

    assert await listed("") == [4, 3, 2, 1, 0]
    assert await listed("limit=2") == [4, 3]
    assert await listed(f"limit=2&after={ids[0]}") == [2, 1]
    assert await listed(f"limit=2&before={ids[3]}") == [2, 1]
    assert await listed(f"limit=3&around={ids[2]}") == [3, 2, 1]
    assert await listed(f"limit=1&around={ids[2]}") == [2]
    for wrong in ("limit=101", "limit=0", "limit=x", f"before={ids[0]}&after={ids[0]}"):
        assert (await rest("GET", f"{path}?{wrong}"))[0] == 400
    sandbox.channel.deny("read_message_history")
    assert await listed("") == []


async def test_the_bot_reads_its_own_messages_and_those_that_mention_it(
    sandbox: Sandbox, rest: Rest
) -> None:
    ben = sandbox.member("ben")
    ben.say("nothing for bots")
    ben.say(f"hello {sandbox.world.bot.mention}")
    await post(sandbox, rest, content="hello")
    _, page = await rest("GET", messages(sandbox.channel))
    assert [message["content"] for message in page] == [
        "hello",
        f"hello {sandbox.world.bot.mention}",
        "",
    ]
    _, one = await rest("GET", f"{messages(sandbox.channel)}/{page[2]['id']}")
    assert one["content"] == ""
