"""The gateway's rules: what closes a connection, and what a session is told."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import zstandard

from bot.sandbox import Limit, RateLimits, Sandbox
from bot.sandbox.gateway.session import KEPT
from tests.referee.referee import Referee
from tests.sandbox.wire import GATEWAY, inflate, wire

GUILD_MEMBERS = 1 << 1
GUILD_MESSAGES = 1 << 9
MESSAGE_CONTENT = 1 << 15


async def test_a_heartbeat_is_acknowledged_before_and_after_identifying(sandbox: Sandbox) -> None:
    async with wire(sandbox) as client:
        await client.send(1)
        assert (await client.receive())["op"] == 11
        await client.ready()
        await client.send(1, 1)
        while (frame := await client.receive())["op"] == 0:
            pass
        assert frame["op"] == 11


async def test_an_unknown_opcode_is_closed_with_4001(sandbox: Sandbox) -> None:
    async with wire(sandbox) as client:
        await client.send(99)
        assert await client.closed() == 4001


NO_PAYLOAD = [
    "{",
    "[]",
    '"x"',
    '{"op": 1, "d": ' + "[" * 4000,
    *(json.dumps({"op": op}) for op in (None, True, "1", 1.0, [1], {})),
    json.dumps({"op": 1, "d": "x" * 4096}),
]


@pytest.mark.parametrize("content", NO_PAYLOAD, ids=lambda content: content[:20])
async def test_what_is_no_payload_is_closed_with_4002(sandbox: Sandbox, content: str) -> None:
    async with wire(sandbox) as client:
        await client.socket.send_str(content)
        assert await client.closed() == 4002


async def test_a_request_before_identifying_is_closed_with_4003(sandbox: Sandbox) -> None:
    async with wire(sandbox) as client:
        await client.send(8, {"guild_id": sandbox.guild.id, "query": "", "limit": 0})
        assert await client.closed() == 4003


async def test_identifying_twice_is_closed_with_4005(sandbox: Sandbox) -> None:
    async with wire(sandbox) as client:
        await client.ready()
        await client.identify()
        assert await client.closed() == 4005


async def test_a_sequence_from_the_future_is_closed_with_4007_and_ends_the_session(
    sandbox: Sandbox,
) -> None:
    async with wire(sandbox) as client:
        session_id = (await client.ready())["session_id"]
    async with wire(sandbox) as client:
        await client.resume(session_id, 1000)
        assert await client.closed() == 4007
    async with wire(sandbox) as client:
        await client.resume(session_id, 1)
        assert (await client.receive())["op"] == 9


async def test_more_than_120_events_a_minute_are_closed_with_4008(sandbox: Sandbox) -> None:
    async with wire(sandbox) as client:
        for _ in range(120):
            await client.send(1)
            assert (await client.receive())["op"] == 11
        sandbox.clock.advance(60)
        for _ in range(121):
            await client.send(1)
        assert await client.closed() == 4008


@pytest.mark.parametrize("properties", [None, "linux", []])
async def test_an_identify_without_properties_is_closed_with_4002(
    sandbox: Sandbox, properties: object
) -> None:
    async with wire(sandbox) as client:
        await client.identify(properties=properties)
        assert await client.closed() == 4002


async def test_a_resume_of_wrong_types_is_closed_with_4002(sandbox: Sandbox) -> None:
    for session_id, seq in (("x", True), ("x", "1"), (["x"], 1)):
        async with wire(sandbox) as client:
            await client.send(6, {"token": sandbox.token, "session_id": session_id, "seq": seq})
            assert await client.closed() == 4002


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": "ten"},
        {"limit": True},
        {"limit": [1]},
        {"query": 7},
        {"guild_id": {}},
        {"user_ids": {}},
        {"nonce": []},
    ],
)
async def test_a_request_for_members_of_wrong_types_is_closed_with_4002(
    sandbox: Sandbox, wrong: dict[str, object]
) -> None:
    async with wire(sandbox) as client:
        await client.ready()
        asked = {"guild_id": sandbox.guild.id, "query": "ana", "limit": 1}
        await client.send(8, asked)
        await client.until("GUILD_MEMBERS_CHUNK")
        await client.send(8, asked | wrong)
        assert await client.closed() == 4002


@pytest.mark.parametrize(
    "shard", [[False, 1], [0, True], [1, 1], [-1, 2], [0, 0], [0], "0/1", [0, "1"]]
)
async def test_an_impossible_shard_is_closed_with_4010(sandbox: Sandbox, shard: object) -> None:
    async with wire(sandbox) as client:
        await client.identify(shard=shard)
        assert await client.closed() == 4010


async def test_too_many_guilds_for_one_shard_are_closed_with_4011(sandbox: Sandbox) -> None:
    sandbox.gateway.sessions.max_guilds = 1
    async with wire(sandbox) as client:
        await client.identify()
        assert await client.closed() == 4011


async def test_another_version_is_closed_with_4012_and_another_encoding_with_4002(
    sandbox: Sandbox,
) -> None:
    for query, code in (("v=6&encoding=json", 4012), ("v=10&encoding=etf", 4002)):
        async with wire(sandbox, query) as client:
            assert await client.closed() == code


@pytest.mark.parametrize("intents", [1 << 18, -1, "1", None, True])
async def test_intents_that_do_not_exist_are_closed_with_4013(
    sandbox: Sandbox, intents: object
) -> None:
    async with wire(sandbox) as client:
        await client.identify(intents=intents)
        assert await client.closed() == 4013


async def test_a_privileged_intent_must_be_enabled_or_is_closed_with_4014(sandbox: Sandbox) -> None:
    async with wire(sandbox) as client:
        await client.identify(intents=GUILD_MEMBERS)
        assert await client.closed() == 4014
    sandbox.gateway.sessions.enabled_intents = GUILD_MEMBERS
    async with wire(sandbox) as client:
        await client.ready(intents=GUILD_MEMBERS)


async def test_a_resumed_session_hears_what_it_missed_in_order_and_nothing_twice(
    sandbox: Sandbox,
) -> None:
    async with wire(sandbox) as client:
        ready = await client.ready()
        assert ready["resume_gateway_url"] == "wss://gateway-us-east1-b.discord.gg"
        assert "shard" not in ready
        last = (await client.until("GUILD_CREATE"))["s"]
    for name in ("one", "two"):
        sandbox.world.add_channel(sandbox.guild, name)
    async with wire(sandbox) as client:
        await client.resume(ready["session_id"], last)
        frames = [await client.receive() for _ in range(4)]
    assert [frame["t"] for frame in frames] == [
        "GUILD_CREATE",  # the second server's had not been heard
        "CHANNEL_CREATE",
        "CHANNEL_CREATE",
        "RESUMED",
    ]
    assert [frame["s"] for frame in frames] == list(range(last + 1, last + 5))


async def test_a_session_left_for_too_long_cannot_be_resumed(sandbox: Sandbox) -> None:
    async with wire(sandbox) as client:
        session_id = (await client.ready())["session_id"]
    sandbox.clock.advance(600)
    async with wire(sandbox) as client:
        await client.resume(session_id, 1)
        assert await client.receive() == {"op": 9, "d": False, "s": None, "t": None}


async def test_only_the_last_events_are_kept_for_who_resumes(sandbox: Sandbox) -> None:
    async with wire(sandbox) as client:
        session_id = (await client.ready())["session_id"]
    await sandbox.wait_gone(5)
    for number in range(KEPT):
        sandbox.world.announce("ANYTHING", {"number": number})
    async with wire(sandbox) as client:
        await client.resume(session_id, 2)  # the second server's GUILD_CREATE is gone
        assert await client.receive() == {"op": 9, "d": False, "s": None, "t": None}
        await client.resume(session_id, 3)
        assert (await client.receive())["d"] == {"number": 0}
        assert (await client.until("RESUMED"))["s"] == KEPT + 4


@pytest.mark.parametrize(("code", "is_kept"), [(1000, False), (1001, False), (4000, True)])
async def test_the_clients_close_code_decides_whether_its_session_is_kept(
    sandbox: Sandbox, code: int, *, is_kept: bool
) -> None:
    async with wire(sandbox) as client:
        session_id = (await client.ready())["session_id"]
        await client.close(code)
    await sandbox.wait_gone(5)
    async with wire(sandbox) as client:
        await client.resume(session_id, 1)
        frame = await client.receive()
        assert (frame["op"] == 0) is is_kept


async def session_start_limit(sandbox: Sandbox) -> dict[str, int]:
    token = {"Authorization": f"Bot {sandbox.token}"}
    url = "https://discord.com/api/v10/gateway/bot"
    async with (
        aiohttp.ClientSession(connector=sandbox.connector(), headers=token) as session,
        session.get(url) as response,
    ):
        return (await response.json())["session_start_limit"]


async def test_a_second_start_within_five_seconds_is_put_off(
    tmp_path: Path, referee: Referee
) -> None:
    async with Sandbox.open(tmp_path, observers=(referee.observe,)) as sandbox:
        async with wire(sandbox) as client:
            await client.ready()
        async with wire(sandbox) as client:
            await client.identify()
            assert (await client.receive())["op"] == 9
            sandbox.clock.advance(5)
            await client.ready()
        limit = await session_start_limit(sandbox)
        assert (limit["total"], limit["remaining"], limit["max_concurrency"]) == (1000, 997, 1)


async def test_too_many_starts_end_every_session_and_reset_the_token(
    tmp_path: Path, referee: Referee
) -> None:
    limits = replace(
        RateLimits.observed(identify_pause_s=0), identifies=Limit(requests=2, window_s=86400)
    )
    observers = (referee.observe,)
    async with Sandbox.open(tmp_path, rate_limits=limits, observers=observers) as sandbox:
        token = sandbox.token
        async with wire(sandbox) as first, wire(sandbox) as second, wire(sandbox) as third:
            await first.ready()
            await second.ready()
            assert (await session_start_limit(sandbox))["remaining"] == 0
            await third.identify()
            codes = await asyncio.gather(first.closed(), second.closed(), third.closed())
            assert codes == [4004] * 3
        assert sandbox.token != token
        sandbox.clock.advance(86400)
        async with wire(sandbox) as again:
            await again.ready()


def unzstd() -> Callable[[bytes], str]:
    stream = zstandard.ZstdDecompressor().decompressobj()
    return lambda packed: stream.decompress(packed).decode()


@pytest.mark.parametrize(("name", "reader"), [("zlib-stream", inflate), ("zstd-stream", unzstd)])
async def test_a_compressed_connection_is_one_stream(
    sandbox: Sandbox, name: str, reader: Callable[[], Callable[[bytes], str]]
) -> None:
    async with aiohttp.ClientSession(connector=sandbox.connector()) as session:
        socket = await session.ws_connect(f"{GATEWAY}?v=10&encoding=json&compress={name}")
        read, sizes = reader(), list[int]()
        for sent in (None, {"op": 1, "d": None}, {"op": 1, "d": None}):
            if sent is not None:
                await socket.send_json(sent)
            packed = await socket.receive_bytes(timeout=10)
            assert json.loads(read(packed))["op"] == (11 if sent else 10)
            sizes.append(len(packed))
        assert sizes[2] < sizes[1]  # the second ACK is told in terms of the first
        await socket.close()


async def test_members_content_is_read_with_the_intent_or_by_who_is_mentioned(
    sandbox: Sandbox,
) -> None:
    async with wire(sandbox) as client:
        await client.ready(intents=GUILD_MESSAGES)
        sandbox.world.say(sandbox.ben, sandbox.channel, "a secret")
        assert (await client.until("MESSAGE_CREATE"))["d"]["content"] == ""
    sandbox.gateway.sessions.enabled_intents = MESSAGE_CONTENT
    async with wire(sandbox) as client:
        await client.ready(intents=GUILD_MESSAGES | MESSAGE_CONTENT)
        sandbox.world.say(sandbox.ben, sandbox.channel, "no secret")
        assert (await client.until("MESSAGE_CREATE"))["d"]["content"] == "no secret"


async def test_a_guild_tells_of_the_bot_only_and_a_request_of_those_who_are_named(
    sandbox: Sandbox,
) -> None:
    async with wire(sandbox) as client:
        await client.ready()
        guild = (await client.until("GUILD_CREATE"))["d"]
        assert [member["user"]["bot"] for member in guild["members"]] == [True]
        assert guild["member_count"] > 1
        asked = {"guild_id": guild["id"], "nonce": "n"}
        await client.send(8, asked | {"query": "", "limit": 0})  # all: not without the intent
        await client.send(8, asked | {"query": "AN", "limit": 5})
        chunk = (await client.until("GUILD_MEMBERS_CHUNK"))["d"]
        assert [member["user"]["username"] for member in chunk["members"]] == ["ana"]
        await client.send(8, asked | {"user_ids": [sandbox.ben.id, "1"]})
        chunk = (await client.until("GUILD_MEMBERS_CHUNK"))["d"]
        assert [member["user"]["username"] for member in chunk["members"]] == ["ben"]
        assert (chunk["not_found"], chunk["nonce"]) == (["1"], "n")
    sandbox.gateway.sessions.enabled_intents = GUILD_MEMBERS
    async with wire(sandbox) as client:
        await client.ready(intents=GUILD_MEMBERS)
        await client.send(8, {"guild_id": sandbox.guild.id, "query": "", "limit": 0})
        chunk = (await client.until("GUILD_MEMBERS_CHUNK"))["d"]
        assert len(chunk["members"]) == len(sandbox.guild.members)


async def test_the_bot_hears_of_its_own_roles_without_the_intent_for_members(
    sandbox: Sandbox,
) -> None:
    role = sandbox.world.add_role(sandbox.guild, "star")
    own = sandbox.guild.members[sandbox.world.bot.id]
    async with wire(sandbox) as client:
        await client.ready()
        sandbox.world.give_role(sandbox.ben, role)
        sandbox.world.give_role(own, role)
        heard = (await client.until("GUILD_MEMBER_UPDATE"))["d"]
        assert heard["user"]["id"] == own.id
