"""The chat page's server side: what each account sees, what it can do, and who may ask."""

import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
from discord import app_commands

from bot.sandbox import Channel, Member, Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

Entries = dict[str, Any]
Act = Callable[..., Awaitable[tuple[int, Any]]]


@pytest.fixture
async def session(sandbox: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sandbox.http_url) as opened:
        yield opened


@pytest.fixture
def act(session: aiohttp.ClientSession) -> Act:
    """Do something as a member; return status and answer."""

    async def send(member: Member, act: str, **asked: object) -> tuple[int, Any]:
        asked["account"] = member.id
        async with session.post(f"/page/{act}", json=asked) as response:
            return response.status, await response.json()

    return send


async def read_event(response: aiohttp.ClientResponse) -> Any:
    """Read one event of the stream, over the comments between events."""
    async for line in response.content:
        if line.startswith(b"data: "):
            return json.loads(line.removeprefix(b"data: "))
    return None


async def seen_by(session: aiohttp.ClientSession, member: Member) -> Entries:
    async with session.get("/page/events", params={"account": member.id}) as response:
        event = await read_event(response)
        return event["put"]


def of_kind(entries: Entries, kind: str) -> list[Any]:
    return [entry for key, entry in entries.items() if key.startswith(f"{kind}:")]


def names(entries: Entries, kind: str) -> list[str]:
    return [entry["name"] for entry in of_kind(entries, kind)]


async def answer(bot: LoungeBot, content: str, **options: Any) -> discord.Interaction:
    use = await bot.uses.get()
    await use.response.send_message(content, **options)
    return use


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


async def test_a_command_with_all_kinds_of_options_reaches_the_bot(
    sandbox: Sandbox, bot: LoungeBot, session: aiohttp.ClientSession, act: Act
) -> None:
    query = {"account": sandbox.ben.id, "channel": sandbox.channel.id, "name": "start.png"}
    headers = {"Content-Type": "application/octet-stream"}
    async with session.post(
        "/page/uploads", params=query, data=b"pixels", headers=headers
    ) as response:
        upload = (await response.json())["upload"]
    options = {
        "prompt": "a red circle",
        "seed": 7,
        "quality": "best",
        "strength": 0.5,
        "loop": True,
        "image": upload,
        "member": sandbox.ana.id,
    }
    asked = {"channel": sandbox.channel.id, "name": "video", "options": options}
    status, _ = await act(sandbox.ben, "command", **asked)
    use = await bot.uses.get()
    image = use.namespace.image
    assert status == 200
    assert (use.namespace.prompt, use.namespace.seed, use.namespace.loop) == (
        "a red circle",
        7,
        True,
    )
    assert (image.filename, image.size, use.namespace.member.name) == ("start.png", 6, "ana")
    assert (await act(sandbox.ben, "command", **asked))[0] == 400  # a file is sent once


async def test_a_whole_line_is_a_command(sandbox: Sandbox, bot: LoungeBot, act: Act) -> None:
    line = "/video prompt: a red circle seed: 7"
    assert (await act(sandbox.ben, "line", channel=sandbox.channel.id, line=line))[0] == 200
    use = await bot.uses.get()
    assert (use.namespace.prompt, use.namespace.seed) == ("a red circle", 7)


@pytest.mark.usefixtures("bot")
async def test_a_refusal_is_a_sentence(sandbox: Sandbox, act: Act) -> None:
    place = {"channel": sandbox.channel.id}
    status, refused = await act(sandbox.ben, "line", **place, line="/nothing")
    assert (status, "no command" in refused["error"]) == (400, True)
    status, refused = await act(sandbox.ben, "command", **place, name="video", options={})
    assert (status, refused["error"]) == (400, "prompt is required.")
    _, refused = await act(sandbox.ben, "line", **place, line="/video prompt:x strength:7")
    assert refused["error"] == "strength takes 0.0 to 1.0, not 7.0."


async def test_why_a_message_is_refused_is_said_in_words(sandbox: Sandbox, act: Act) -> None:
    slow = sandbox.world.guild("Cinema Club").channel("slow-cinema")
    slow.guild.blocked_words = {"spoiler"}
    answers = [
        (await act(slow.guild.member("ana"), "say", channel=slow.id, text=text))[1]
        for text in ("", "x" * 2001, "a spoiler", "hello", "hello again")
    ]
    assert [answer.get("error") for answer in answers] == [
        "There is nothing to send yet.",
        "A message takes up to 2,000 characters.",
        "AutoMod stopped this message: this server blocks a word in it.",
        None,
        "Slow mode: you can write here again in 30 s.",
    ]


async def test_a_command_for_people_is_used_on_a_member(
    sandbox: Sandbox, bot: LoungeBot, act: Act
) -> None:
    async def greet(_: discord.Interaction, __: discord.Member) -> None:
        pass

    bot.tree.add_command(app_commands.ContextMenu(name="Greet", callback=greet))
    await bot.tree.sync()
    place = {"channel": sandbox.channel.id, "name": "Greet"}
    assert (await act(sandbox.ana, "context-person", **place, person=sandbox.ben.id))[0] == 200
    used = await bot.uses.get()
    assert (used.data or {}).get("target_id") == sandbox.ben.id
    status, refused = await act(sandbox.ana, "context-person", **place, person="1")
    assert (status, refused["error"]) == (400, "They are not in this server any more.")


@pytest.mark.usefixtures("bot")
async def test_an_option_completes_itself(sandbox: Sandbox, act: Act) -> None:
    asked = {"channel": sandbox.channel.id, "name": "video", "focused": "model", "value": "sh"}
    _, answered = await act(sandbox.ben, "autocomplete", **asked, options={"prompt": "x"})
    assert [choice["value"] for choice in answered["choices"]] == ["shapes", "shore"]


async def test_a_file_over_the_servers_limit_is_refused(
    sandbox: Sandbox, session: aiohttp.ClientSession
) -> None:
    sandbox.guild.upload_limit = 4
    query = {"account": sandbox.ben.id, "channel": sandbox.channel.id, "name": "big.png"}
    headers = {"Content-Type": "application/octet-stream"}
    async with session.post(
        "/page/uploads", params=query, data=b"large", headers=headers
    ) as response:
        assert response.status == 400
        assert "big.png is too large" in (await response.json())["error"]


async def test_a_form_opens_for_who_asked_and_is_sent_once(
    sandbox: Sandbox, bot: LoungeBot, session: aiohttp.ClientSession, act: Act
) -> None:
    form = discord.ui.Modal(title="Report", custom_id="report")
    reason = discord.ui.TextInput[discord.ui.Modal](custom_id="reason", label="Why?")
    form.add_item(reason)
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    use = await bot.uses.get()
    await use.response.send_modal(form)
    (modal,) = of_kind(await seen_by(session, sandbox.ben), "modal")
    assert (modal["title"], modal["has_failed"]) == ("Report", False)
    assert not of_kind(await seen_by(session, sandbox.ana), "modal")
    asked = {"interaction": modal["id"], "values": {"reason": "noise"}}
    assert (await act(sandbox.ana, "modal", **asked))[0] == 400
    assert (await act(sandbox.ben, "modal", **asked))[0] == 200
    submitted = await answer(bot, "thanks")
    assert "noise" in json.dumps(submitted.data)
    assert not of_kind(await seen_by(session, sandbox.ben), "modal")


async def test_buttons_are_pressed_by_those_who_see_them(
    sandbox: Sandbox, bot: LoungeBot, act: Act
) -> None:
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Go", custom_id="go"))
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    use = await answer(bot, "press", view=view, ephemeral=True)
    message = await use.original_response()
    asked = {"message": str(message.id), "custom_id": "go"}
    assert (await act(sandbox.ana, "press", **asked))[0] == 400
    assert (await act(sandbox.ben, "press", **asked))[0] == 200
    pressed = await bot.uses.get()
    assert pressed.type is discord.InteractionType.component


async def test_members_write_where_they_may_and_delete_what_is_theirs(
    sandbox: Sandbox, act: Act
) -> None:
    channel = sandbox.channel
    _, said = await act(sandbox.ana, "say", channel=channel.id, text="hello")
    message = sandbox.world.messages[said["message"]]
    assert (message.author, message.content) == (sandbox.ana.user, "hello")
    assert (await act(sandbox.ben, "delete", message=message.id))[0] == 400
    assert (await act(sandbox.max, "delete", message=message.id))[0] == 200
    hidden: Channel = sandbox.guild.channel("moderators")
    status, refused = await act(sandbox.ana, "say", channel=hidden.id, text="hello")
    assert (status, refused["error"]) == (400, "There is no such channel.")
    channel.deny("send_messages", to=sandbox.ana)
    assert (await act(sandbox.ana, "say", channel=channel.id, text="hello"))[0] == 400


async def test_the_drawer_makes_trouble(
    sandbox: Sandbox, bot: LoungeBot, rest: Rest, act: Act
) -> None:
    route, message = f"/channels/{sandbox.channel.id}/messages", {"content": "said"}
    await act(sandbox.ana, "sandbox/fault", place="post", fault="502-after")
    assert (await rest("POST", route, message))[0] == 502
    await act(sandbox.ana, "sandbox/fault", place="post", fault="429")
    assert (await rest("POST", route, message))[0] == 429
    assert [said.content for said in sandbox.channel.messages.values()] == ["said"]
    await act(sandbox.ana, "sandbox/drop")
    await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    await answer(bot, "still here")
    assert bot.resumed == 1
    assert (await act(sandbox.ana, "sandbox/advance", seconds=-1))[0] == 400


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
