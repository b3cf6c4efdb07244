"""The chat page: what it is told, what it can do, and who may ask."""

import aiohttp

from bot.sandbox import Sandbox
from tests.sandbox.lounge_bot import LoungeBot


async def test_the_page_shows_channels_messages_and_commands(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    asked = {"member": sandbox.ben.id, "channel": sandbox.channel.id, "line": "/video prompt:x"}
    async with aiohttp.ClientSession(sandbox.http_url) as session:
        async with session.get("/") as response:
            assert "nonce-" in response.headers["Content-Security-Policy"]
            assert "{{nonce}}" not in await response.text()
        async with session.post("/page/command", json=asked) as response:
            assert response.status == 200
        received = await bot.uses.get()
        await received.response.send_message("only for ben", ephemeral=True)
        await sandbox.wait_for(lambda: sandbox.requests[-1].status)
        states = {}
        for member in (sandbox.ana, sandbox.ben):
            query = {"seen": "-1", "member": member.id}
            async with session.get("/page/state", params=query) as response:
                states[member.name] = await response.json()
    assert [member["name"] for member in states["ana"]["members"]] == ["olga", "max", "ana", "ben"]
    assert states["ana"]["channels"][0]["messages"] == []
    assert states["ben"]["channels"][0]["messages"][0]["content"] == "only for ben"
    assert "/job info id:" in states["ben"]["commands"]


async def test_the_page_tells_why_a_line_is_no_command(sandbox: Sandbox) -> None:
    asked = {"member": sandbox.ben.id, "channel": sandbox.channel.id, "line": "/nothing"}
    async with (
        aiohttp.ClientSession(sandbox.http_url) as session,
        session.post("/page/command", json=asked) as response,
    ):
        assert response.status == 400
        assert "no command" in (await response.json())["error"]


async def test_the_page_is_for_this_machine_only(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession(sandbox.http_url) as session:
        async with session.get("/", headers={"Host": "evil.example"}) as response:
            assert response.status == 403
        async with session.post("/page/command", data="{}") as response:
            assert response.status == 415
