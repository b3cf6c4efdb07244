"""What observers of the sandbox see, and what of the gateway Discord's document describes."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest

from bot.sandbox import Exchange, Fault, Sandbox, read_traffic, traffic_log
from bot.sandbox.json_types import JsonObject
from tests.referee.document import Document
from tests.referee.referee import Referee
from tests.sandbox.lounge_bot import LoungeBot

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)


@pytest.fixture
def seen() -> list[Exchange]:
    return []


@pytest.fixture
async def sandbox(tmp_path: Path, referee: Referee, seen: list[Exchange]) -> Any:
    async with Sandbox.open(tmp_path, observers=(referee.observe, seen.append)) as opened:
        yield opened


async def test_an_observer_sees_what_was_sent_and_answered(
    sandbox: Sandbox, bot: LoungeBot, seen: list[Exchange]
) -> None:
    channel = bot.get_partial_messageable(int(sandbox.channel.id))
    file = discord.File(io.BytesIO(b"video"), "a.mp4")
    view = discord.ui.View().add_item(discord.ui.Button(label="Again", custom_id="again"))
    message = await channel.send("hello", file=file, nonce="v-1", view=view)
    sent = seen[-1]
    assert (sent.method, sent.route) == ("POST", "/channels/{channel_id}/messages")
    assert sent.path == f"/channels/{channel.id}/messages"
    assert sent.content_type == "multipart/form-data"
    assert sent.body["nonce"] == "v-1"
    assert sent.files == {0: "a.mp4"}
    assert (sent.status, sent.answer["id"]) == (200, str(message.id))
    await message.edit(content="changed")
    assert sent.answer["content"] == "hello", "what was seen does not change any more"
    async for _ in channel.history(limit=1):
        pass
    assert seen[-1].query == (("limit", "1"),)
    assert (seen[-1].content_type, seen[-1].body) == (None, None)
    sandbox.channel.messages[str(message.id)].components[0].clear()
    assert sent.body["components"][0]["components"][0]["custom_id"] == "again"


async def test_a_scripted_answer_is_marked(sandbox: Sandbox, seen: list[Exchange]) -> None:
    headers = {"Authorization": f"Bot {sandbox.token}"}
    url = "https://discord.com/api/v10/users/@me"
    async with aiohttp.ClientSession(connector=sandbox.connector(), headers=headers) as session:
        for fault in (Fault.instead(500), Fault.after(502), Fault.hold(), None):
            scripted = sandbox.faults.add("GET", "/users/@me", fault) if fault else None
            if scripted and fault == Fault.hold():
                scripted.release()
            async with session.get(url) as response:
                assert seen[-1].status == response.status
    assert [(one.status, one.is_scripted) for one in seen] == [
        (500, True),
        (502, True),
        (200, False),
        (200, False),
    ]


async def test_a_traffic_log_holds_every_exchange_and_no_secret(
    tmp_path: Path, referee: Referee
) -> None:
    log = tmp_path / "traffic.jsonl"
    with traffic_log(log) as observer:
        async with Sandbox.open(tmp_path / "sandbox", observers=(observer,)) as sandbox:
            async with LoungeBot(connector=sandbox.connector()) as bot:
                await bot.login(sandbox.token)
                path = "/interactions/17/a-long-interaction-token/callback"
                url = f"https://discord.com/api/v10{path}"
                async with aiohttp.ClientSession(connector=sandbox.connector()) as session:
                    await session.post(url, json={"type": 5})
                channel = bot.get_partial_messageable(int(sandbox.channel.id))
                await channel.send(file=discord.File(io.BytesIO(b"0123456789"), "a.mp4"))
            token = sandbox.token
    text = log.read_text()
    assert token not in text
    assert "a-long-interaction-token" not in text
    assert "0123456789" not in text
    read = list(read_traffic(log))
    assert [one.method for one in read] == ["GET", "GET", "PUT", "POST", "POST"]
    assert read[3].path == "/interactions/17/a-long-i/callback"
    assert (read[3].status, read[3].query) == (404, ())
    assert read[4].files == {0: "a.mp4"}
    referee.read(log)
    assert referee.waiting == read


GATEWAY_ONLY = (
    *("joined_at", "large", "unavailable", "member_count", "members", "channels", "threads"),
    *("voice_states", "presences", "stage_instances", "guild_scheduled_events"),
    "soundboard_sounds",
)
"""What GUILD_CREATE has beyond a guild object (Discord's "Gateway Events", Guild Create)."""

WHOLE = {
    **dict.fromkeys(
        ("MESSAGE_CREATE", "MESSAGE_UPDATE"), ("MessageResponse", "guild_id", "member")
    ),
    **dict.fromkeys(("THREAD_CREATE", "THREAD_UPDATE"), ("ThreadResponse", "newly_created")),
    "CHANNEL_CREATE": ("GuildChannelResponse",),
    "CHANNEL_UPDATE": ("GuildChannelResponse",),
    "CHANNEL_DELETE": ("GuildChannelResponse",),
    "GUILD_MEMBER_ADD": ("GuildMemberResponse", "guild_id"),
    "GUILD_MEMBER_UPDATE": ("GuildMemberResponse", "guild_id"),
}
"""Events that are one object, with what they have beyond it."""

Part = tuple[str, JsonObject]


def without(payload: JsonObject, *keys: str) -> JsonObject:
    return {key: value for key, value in payload.items() if key not in keys}


def parts_of(event: str, data: JsonObject) -> Iterator[Part]:
    """Take what is an object of REST's, with the name of its schema, out of an event.

    Interactions themselves, their data, and READY but for its user have no schema anywhere.
    """
    match event:
        case "READY":
            yield "UserPIIResponse", data["user"] | {"locale": "en-US"}  # REST has it besides
        case "GUILD_CREATE":
            yield "GuildResponse", without(data, *GATEWAY_ONLY)
            yield from (("GuildMemberResponse", member) for member in data["members"])
            yield from (("GuildChannelResponse", channel) for channel in data["channels"])
            yield from (("ThreadResponse", thread) for thread in data["threads"])
        case "INTERACTION_CREATE":
            yield "GuildChannelResponse", data["channel"]
            yield "GuildMemberResponse", without(data["member"], "permissions")
            if "message" in data:
                yield "MessageResponse", data["message"]
            yield from resolved_parts(data["data"].get("resolved", {}))
        case "GUILD_ROLE_CREATE":
            yield "GuildRoleResponse", data["role"]
        case _ if event in WHOLE:
            name, *extra = WHOLE[event]
            yield name, without(data, *extra)
        case _:
            pass


def resolved_parts(resolved: JsonObject) -> Iterator[Part]:
    users = resolved.get("users", {})
    for id_, member in resolved.get("members", {}).items():
        bare = without(member, "permissions") | {"mute": False, "deaf": False}
        yield "GuildMemberResponse", bare | {"user": users[id_]}  # "missing user, deaf and mute"
    for attachment in resolved.get("attachments", {}).values():
        yield "MessageAttachmentResponse", attachment


async def test_events_carry_what_rest_answers(sandbox: Sandbox, document: Document) -> None:
    gateway = aiohttp.ClientSession(sandbox.http_url)
    async with LoungeBot(connector=sandbox.connector()) as bot, gateway:
        await bot.login(sandbox.token)  # the commands are there
        socket = await gateway.ws_connect("/gateway")
        wanted = discord.Intents(guilds=True, guild_messages=True).value
        properties = {"os": "linux", "browser": "test", "device": "test"}
        identify = {"token": sandbox.token, "intents": wanted, "properties": properties}
        await socket.send_json({"op": 2, "d": identify})
        await sandbox.wait_for(lambda: sandbox.is_connected)
        options = {"prompt": "x", "image": ("a.png", PNG), "member": sandbox.ben}
        used = await sandbox.invoke(sandbox.ana, sandbox.channel, "video", options)
        view = discord.ui.View().add_item(discord.ui.Button(label="Again", custom_id="again"))
        channel = bot.get_partial_messageable(int(sandbox.channel.id))
        posted = await channel.send("hello", view=view, file=discord.File(io.BytesIO(PNG), "a.png"))
        message = sandbox.channel.messages[str(posted.id)]
        pressed = await sandbox.press(sandbox.ana, message, "again")
        seen: list[tuple[str, JsonObject]] = []
        ids = {used.id, pressed.id}
        while ids:
            frame = await socket.receive_json()
            if frame["op"] == 0:
                seen.append((frame["t"], frame["d"]))
                ids.discard(frame["d"].get("id"))
        await socket.close()
    parts = [(event, *part) for event, data in seen for part in parts_of(event, data)]
    assert {event for event, *_ in parts} == {
        *("READY", "GUILD_CREATE", "INTERACTION_CREATE", "MESSAGE_CREATE"),
    }
    assert {"ThreadResponse", "MessageAttachmentResponse"} <= {name for _, name, _ in parts}
    assert deviations(document, parts) == []


async def test_events_of_a_changing_world_carry_what_rest_answers(
    sandbox: Sandbox, document: Document
) -> None:
    seen: list[tuple[str, JsonObject]] = []
    world, guild = sandbox.world, sandbox.guild
    world.listen(lambda event, data: seen.append((event, data)))
    channel = world.add_channel(guild, "new")
    thread = world.add_thread(channel, "newer", owner=sandbox.ana)
    world.grant(world.add_member(guild, "zoe"), "manage_messages")
    message = world.say(sandbox.ana, thread, "hello")
    world.message_changed(message)
    world.archive_thread(thread)
    world.channel_changed(channel)
    world.delete_channel(channel)
    parts = [(event, *part) for event, data in seen for part in parts_of(event, data)]
    assert {event for event, *_ in parts} == {
        *("CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE", "THREAD_CREATE", "THREAD_UPDATE"),
        *("GUILD_ROLE_CREATE", "GUILD_MEMBER_ADD", "GUILD_MEMBER_UPDATE"),
        *("MESSAGE_CREATE", "MESSAGE_UPDATE"),
    }
    assert deviations(document, parts) == []
    (deleted,) = [data for event, data in seen if event == "THREAD_DELETE"]
    assert deleted.keys() == {"id", "guild_id", "parent_id", "type"}


def deviations(document: Document, parts: list[tuple[str, str, JsonObject]]) -> list[str]:
    return [
        f"{event} {name} {path}: {complaint}; got {json.dumps(value)}"
        for event, name, part in parts
        for path, complaint, value in document.complaints_of(name, part)
    ]
