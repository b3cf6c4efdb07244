"""The chat page's server side: what each account can do, and what it is told."""

import json

import aiohttp
import discord
import pytest
from discord import app_commands

from bot.sandbox import Channel, Sandbox
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot
from tests.sandbox.page_view import Act, answer, of_kind, seen_by


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
