"""The ports: files under signed links, the proxy's refusals, the plain HTTP door."""

import asyncio
import io
import ssl
from pathlib import Path

import aiohttp
import discord
import pytest
from yarl import URL

from bot.sandbox import Fault, Sandbox
from tests.referee.referee import Referee
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot


async def posted_url(sandbox: Sandbox, bot: LoungeBot) -> str:
    file = discord.File(io.BytesIO(b"0123456789"), "video.mp4")
    channel = bot.get_partial_messageable(int(sandbox.channel.id))
    return (await channel.send(file=file)).attachments[0].url


async def test_a_link_works_for_a_day_and_only_as_signed(sandbox: Sandbox, bot: LoungeBot) -> None:
    url = await posted_url(sandbox, bot)
    async with aiohttp.ClientSession(connector=sandbox.connector()) as session:
        async with session.get(url) as response:
            assert (response.status, await response.read()) == (200, b"0123456789")
            assert response.content_type == "video/mp4"
        async with session.get(url, headers={"Range": "bytes=2-4"}) as response:
            assert (response.status, await response.read()) == (206, b"234")
            assert response.headers["Content-Range"] == "bytes 2-4/10"
        for range_ in ("bytes=10-", "bytes=4-4, 6-7", "pages=1"):
            async with session.get(url, headers={"Range": range_}) as response:
                assert response.status == (416 if range_ == "bytes=10-" else 200)
        for wrong in (url.split("?")[0], f"{url.split('hm=')[0]}hm=é"):
            async with session.get(wrong) as response:
                assert response.status == 404
        sandbox.clock.advance(24 * 3600 + 1)
        async with session.get(url) as response:
            assert response.status == 404


async def test_the_proxy_leads_to_discord_and_nowhere_else(sandbox: Sandbox) -> None:
    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        url = "https://discord.com/api/v10/gateway"
        async with session.get(url, proxy=sandbox.proxy_url) as response:
            assert (await response.json())["url"] == "wss://gateway.discord.gg"
        for url in ("https://example.org/", "https://discord.com:8443/"):
            with pytest.raises(aiohttp.ClientHttpProxyError) as refused:
                await session.get(url, proxy=sandbox.proxy_url)
            assert refused.value.status == 403
    assert sandbox.refused_hosts == ["example.org:443", "discord.com:8443"]


async def test_the_proxy_refuses_what_is_no_request(sandbox: Sandbox) -> None:
    port = int(sandbox.proxy_url.split(":")[-1])
    status = {
        b"": 400,
        b"nonsense": 400,
        b"CONNECT discord.com:443": 400,
        b"CONNECT \x00:443 HTTP/1.1": 400,
        b"CONNECT a b HTTP/1.1": 400,
        b"GET http://example.org/ HTTP/1.1": 403,
        b"CONNECT discord.com HTTP/1.1": 403,
    }
    for line, expected in status.items():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(line + b"\r\n\r\n")
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 %d " % expected), line
        writer.close()
        await writer.wait_closed()
    assert sandbox.refused_hosts == ["http://example.org/", "discord.com"]


async def test_a_file_never_runs_as_a_page_of_the_plain_doors_origin(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    file = discord.File(io.BytesIO(b"<script>alert(1)</script>"), "page.html")
    await bot.get_partial_messageable(int(sandbox.channel.id)).send(file=file)
    (attachment,) = sandbox.world.files.values()
    link = URL(attachment.url, encoded=True).relative()
    async with (
        aiohttp.ClientSession(sandbox.http_url) as session,
        session.get(link) as response,
    ):
        assert (response.status, response.content_type) == (200, "text/html")
        assert response.headers["Content-Security-Policy"].startswith("sandbox;")
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_plain_door_serves_clients_that_take_a_base_url(sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bot {sandbox.token}"}
    async with aiohttp.ClientSession(sandbox.http_url, headers=headers) as session:
        async with session.get("/healthz") as response:
            assert response.status == 200
        async with session.get("/api/v10/gateway/bot") as response:
            gateway = (await response.json())["url"]
        socket = await session.ws_connect(gateway)
        assert (await socket.receive_json())["op"] == 10
        await socket.close()


async def test_only_the_callback_has_no_rate_limit_headers(sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bot {sandbox.token}"}
    async with aiohttp.ClientSession(sandbox.http_url, headers=headers) as session:
        async with session.get("/api/v10/users/@me") as response:
            assert response.headers["X-RateLimit-Remaining"] == "49"
        async with session.post("/api/v10/interactions/1/x/callback", json={}) as response:
            assert "X-RateLimit-Bucket" not in response.headers


async def test_a_sandbox_closes_at_once_whatever_is_still_open(
    tmp_path: Path, referee: Referee
) -> None:
    loop = asyncio.get_running_loop()
    async with Sandbox.open(tmp_path, observers=(referee.observe,)) as sandbox:
        token = {"Authorization": f"Bot {sandbox.token}"}
        session = aiohttp.ClientSession(connector=sandbox.connector(), headers=token)
        socket = await session.ws_connect("https://gateway.discord.gg/?v=10&encoding=json")
        await socket.receive_json()
        proxied = await asyncio.open_connection("127.0.0.1", int(sandbox.proxy_url.split(":")[-1]))
        proxied[1].write(b"CONNECT discord.com:443 HTTP/1.1\r\n\r\n")
        await proxied[0].readuntil(b"\r\n\r\n")
        sandbox.faults.add("GET", "/users/@me", Fault.hold())
        held = asyncio.create_task(session.get("https://discord.com/api/v10/users/@me"))
        await sandbox.wait_for(lambda: sandbox.requests, 5)
        began = loop.time()
    assert loop.time() - began < 3
    await asyncio.gather(held, return_exceptions=True)
    proxied[1].close()
    await session.close()


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
