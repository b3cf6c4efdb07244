"""The chat page's server side: what each account sees, and who may ask."""

import io
from pathlib import Path

import aiohttp
import discord
import pytest

from bot.sandbox import Sandbox
from tests.sandbox.lounge_bot import LoungeBot
from tests.sandbox.page_view import Act, answer, names, of_kind, read_event, seen_by

# What is seen


async def test_an_account_sees_its_servers_and_the_channels_that_it_may_view(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    ana, ben, max_ = [await seen_by(session, m) for m in (sandbox.ana, sandbox.ben, sandbox.max)]
    assert names(ana, "guild") == ["Flipbook Lounge", "Cinema Club"]
    assert names(ben, "guild") == ["Flipbook Lounge"]
    assert "moderators" in names(max_, "channel")
    assert "moderators" not in names(ana, "channel")
    after_dark = next(c for c in of_kind(ana, "channel") if c["name"] == "after-dark")
    midnight = next(c for c in of_kind(ana, "channel") if c["name"] == "midnight")
    assert midnight["parent"] == after_dark["id"]
    assert midnight["nsfw"]


async def test_every_account_has_a_role_in_its_servers(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    accounts = of_kind(await seen_by(session, sandbox.ben), "account")
    roles = {account["name"]: account["roles"].get(sandbox.guild.id) for account in accounts}
    assert roles == {"olga": "owner", "max": "moderator", "ana": "member", "ben": "member"}


async def test_a_page_that_knows_no_account_starts_as_an_ordinary_member(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    async with session.get("/page/events", params={"account": "of another sandbox"}) as response:
        event = await read_event(response)
    assert event["put"]["status"]["me"] == sandbox.ana.id


@pytest.mark.usefixtures("bot")
async def test_commands_are_listed_for_those_who_may_use_them(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    key = f"commands:{sandbox.guild.id}"
    moderators, everyones = [
        {command["name"] for command in (await seen_by(session, member))[key]["list"]}
        for member in (sandbox.max, sandbox.ben)
    ]
    assert everyones == {"video", "job"}
    assert moderators == everyones | {"mod"}


async def test_an_ephemeral_answer_is_seen_by_its_owner_until_it_is_dismissed(
    sandbox: Sandbox, bot: LoungeBot, session: aiohttp.ClientSession, act: Act
) -> None:
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    await answer(bot, "only for ben", ephemeral=True)
    assert not of_kind(await seen_by(session, sandbox.ana), "message")
    (message,) = of_kind(await seen_by(session, sandbox.ben), "message")
    assert (message["content"], message["ephemeral"]) == ("only for ben", True)
    assert message["used"] == {"name": "ben", "command": "video"}
    status, refused = await act(sandbox.ana, "put-away", id=message["id"])
    assert (status, refused["error"]) == (400, "Only you can put away what only you see.")
    assert (await act(sandbox.ben, "put-away", id=message["id"]))[0] == 200
    assert not of_kind(await seen_by(session, sandbox.ben), "message")


async def test_a_ping_is_marked_for_whom_it_is_meant(
    sandbox: Sandbox, bot: LoungeBot, session: aiohttp.ClientSession
) -> None:
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    allowed = discord.AllowedMentions(users=True)
    await answer(bot, sandbox.ana.mention, allowed_mentions=allowed)
    (for_ana,) = of_kind(await seen_by(session, sandbox.ana), "message")
    (for_ben,) = of_kind(await seen_by(session, sandbox.ben), "message")
    assert (for_ana["ping"], for_ben["ping"]) == (True, False)


@pytest.mark.usefixtures("bot")
async def test_a_command_waits_and_fails_when_three_seconds_pass(
    sandbox: Sandbox, session: aiohttp.ClientSession, act: Act
) -> None:
    asked = {"channel": sandbox.channel.id, "name": "video", "options": {"prompt": "x"}}
    await act(sandbox.ben, "command", **asked)
    (use,) = of_kind(await seen_by(session, sandbox.ben), "use")
    assert (use["command"], use["has_failed"]) == ("video", False)
    await act(sandbox.ben, "sandbox/advance", seconds=60)
    seen = await seen_by(session, sandbox.ben)
    (use,) = of_kind(seen, "use")
    assert use["has_failed"]
    assert seen["status"]["clock_offset_s"] == 60
    assert not of_kind(await seen_by(session, sandbox.ana), "use")


async def test_a_file_is_served_with_its_ranges_and_never_as_a_page(
    sandbox: Sandbox, bot: LoungeBot, session: aiohttp.ClientSession
) -> None:
    file = discord.File(io.BytesIO(b"<script>alert(1)</script>"), "page.html")
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    await answer(bot, "here", file=file)
    (message,) = of_kind(await seen_by(session, sandbox.ana), "message")
    (shown,) = message["files"]
    async with session.get(shown["src"], headers={"Range": "bytes=1-6"}) as response:
        assert (response.status, await response.read()) == (206, b"script")
        assert "sandbox" in response.headers["Content-Security-Policy"]


async def test_a_suppressed_embed_is_not_shown(
    sandbox: Sandbox, bot: LoungeBot, session: aiohttp.ClientSession
) -> None:
    channel = bot.get_partial_messageable(int(sandbox.channel.id))
    posted = await channel.send("look:", embed=discord.Embed(title="a picture"))
    (message,) = of_kind(await seen_by(session, sandbox.ana), "message")
    assert [embed["title"] for embed in message["embeds"]] == ["a picture"]
    await posted.edit(suppress=True)
    (message,) = of_kind(await seen_by(session, sandbox.ana), "message")
    assert (message["content"], message["embeds"]) == ("look:", [])


async def test_components_say_where_their_files_are(
    sandbox: Sandbox, bot: LoungeBot, session: aiohttp.ClientSession
) -> None:
    file = discord.File(io.BytesIO(b"no video"), "circle.mp4")
    view = discord.ui.LayoutView()
    view.add_item(discord.ui.MediaGallery(discord.MediaGalleryItem("attachment://circle.mp4")))
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    use = await bot.uses.get()
    await use.response.send_message(view=view, file=file)
    (message,) = of_kind(await seen_by(session, sandbox.ana), "message")
    media = message["components"][0]["items"][0]["media"]
    assert media["src"].endswith("/circle.mp4")
    assert message["files"] == []


# Live updates


async def test_a_stream_tells_only_what_has_changed(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    first = sandbox.world.say(sandbox.ana, sandbox.channel, "first")
    async with session.get("/page/events", params={"account": sandbox.ben.id}) as response:
        assert f"message:{first.id}" in (await read_event(response))["put"]
        second = sandbox.world.say(sandbox.ana, sandbox.channel, "second")
        assert list((await read_event(response))["put"]) == [f"message:{second.id}"]
        sandbox.world.delete_message(first)
        assert await read_event(response) == {"put": {}, "gone": [f"message:{first.id}"]}


async def test_a_stream_ends_at_once_when_the_sandbox_closes(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as session:
        async with Sandbox.open(tmp_path) as sandbox:
            response = await session.get(f"{sandbox.http_url}/page/events")
            await read_event(response)
        assert b"event: end" in await response.read()


# What is done


# Who may ask


async def test_the_page_lets_nothing_in_but_its_own_files(session: aiohttp.ClientSession) -> None:
    async with session.get("/") as response:
        policy = response.headers["Content-Security-Policy"]
        source = await response.text()
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "style=" not in source
    assert "<style" not in source
    for name, type_ in (("main.js", "text/javascript"), ("base.css", "text/css")):
        async with session.get(f"/page/static/{name}") as response:
            assert response.content_type == type_
    async with session.get("/page/static/..%2Fpage.py") as response:
        assert response.status == 404


async def test_the_page_is_for_this_machine_only(session: aiohttp.ClientSession) -> None:
    evil = {"Host": "evil.example"}
    for path in ("/", "/page/events", "/page/static/main.js"):
        async with session.get(path, headers=evil) as response:
            assert response.status == 403
    async with session.post("/page/say", json={}, headers=evil) as response:
        assert response.status == 403
    async with session.post("/page/say", data="{}") as response:
        assert response.status == 415
    form = aiohttp.FormData({"name": "a form of another site"})
    async with session.post("/page/uploads", data=form) as response:
        assert response.status == 415
