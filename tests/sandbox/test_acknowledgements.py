"""Which acknowledgements Discord takes, of what, when, and what it answers."""

import io
from typing import Any

import discord
import pytest
from discord import ui

from bot.sandbox import Interaction, Sandbox
from bot.sandbox.world.entities import Message
from bot.sandbox.world.message_kinds import MessageFlags
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

TEXT = {"type": 3, "name": "text", "description": "x", "autocomplete": True}
ASK = {"name": "ask", "description": "x", "options": [TEXT]}
BUTTON = {"type": 2, "style": 1, "label": "Again", "custom_id": "again"}
CARD = {"content": "a card", "components": [{"type": 1, "components": [BUTTON]}]}
INPUT = {"type": 4, "custom_id": "t", "style": 1, "required": False}
LABEL = {"type": 18, "label": "Why?", "component": INPUT}

REPLIES: dict[int, dict[str, Any]] = {
    4: {"content": "hello"},
    5: {},
    6: {},
    7: {"content": "changed"},
    8: {"choices": []},
    9: {"title": "Report", "custom_id": "m", "components": [LABEL]},
}


def callback(sent: Interaction, query: str = "") -> str:
    return f"/interactions/{sent.id}/{sent.token}/callback{query}"


def webhook(sandbox: Sandbox, sent: Interaction, rest: str = "") -> str:
    return f"/webhooks/{sandbox.world.bot.id}/{sent.token}{rest}"


async def command(sandbox: Sandbox) -> Interaction:
    return await sandbox.invoke(sandbox.ben, sandbox.channel, "ask", {"text": "x"})


async def card(sandbox: Sandbox, rest: Rest) -> Message:
    """Post a message with a button, or take the one that was posted before."""
    for message in sandbox.channel.messages.values():
        if message.buttons:
            return message
    _, body = await rest("POST", f"/channels/{sandbox.channel.id}/messages", CARD)
    return sandbox.world.messages[body["id"]]


async def some(sandbox: Sandbox, rest: Rest, kind: str) -> Interaction:
    """Make an interaction of one kind."""
    await rest("PUT", f"/applications/{sandbox.world.bot.id}/commands", [ASK])
    ben, channel = sandbox.ben, sandbox.channel
    match kind:
        case "component":
            return await sandbox.press(ben, await card(sandbox, rest), "again")
        case "autocomplete":
            return await sandbox.ask_choices(ben, channel, "ask", {"text": "x"}, focused="text")
        case "modal of a component":
            opener = await some(sandbox, rest, "component")
        case "modal of a command":
            opener = await command(sandbox)
        case _:
            return await command(sandbox)
    await rest("POST", callback(opener), {"type": 9, "data": REPLIES[9]})
    return await sandbox.submit(opener, {})


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        ("command", {4, 5, 9}),
        ("component", {4, 5, 6, 7, 9}),
        ("autocomplete", {8}),
        ("modal of a component", {4, 5, 6, 7}),
        ("modal of a command", {4, 5, 6}),
    ],
)
async def test_each_kind_of_interaction_takes_its_own_answers(
    sandbox: Sandbox, rest: Rest, kind: str, allowed: set[int]
) -> None:
    taken: set[int] = set()
    for type_, data in REPLIES.items():
        sent = await some(sandbox, rest, kind)
        status, body = await rest("POST", callback(sent), {"type": type_, "data": data})
        taken |= {type_} if status == 204 else set()
        assert status == 204 or body["code"] == 50035
        assert (sent.acked_at is not None) == (status == 204)
    assert taken == allowed


@pytest.mark.parametrize(("type_", "why"), [(1, "PING"), (10, "monetization"), (12, "Activities")])
async def test_answers_that_the_sandbox_has_not_are_refused_with_the_reason(
    sandbox: Sandbox, rest: Rest, type_: int, why: str
) -> None:
    status, body = await rest("POST", callback(await command(sandbox)), {"type": type_})
    assert (status, body["code"]) == (400, 50035)
    assert why in body["errors"]["type"]["_errors"][0]["message"]


async def test_an_interaction_is_known_by_its_id_and_token(sandbox: Sandbox, rest: Rest) -> None:
    sent, other = await command(sandbox), await command(sandbox)
    for path in (f"{sent.id}/{other.token}", f"1/{sent.token}", f"{sent.id}/x"):
        status, body = await rest("POST", f"/interactions/{path}/callback", {"type": 5})
        assert (status, body["code"]) == (404, 10062)
    assert (await rest("POST", callback(sent), {"type": 5}))[0] == 204


async def test_three_seconds_are_the_deadline_and_kill_the_token(
    sandbox: Sandbox, rest: Rest
) -> None:
    in_time = await command(sandbox)
    sandbox.clock.advance(2)
    assert (await rest("POST", callback(in_time), {"type": 5}))[0] == 204
    late = await command(sandbox)
    assert not late.failed(sandbox.clock.now())
    sandbox.clock.advance(3.1)
    assert late.failed(sandbox.clock.now())
    assert not in_time.failed(sandbox.clock.now())
    status, body = await rest("POST", callback(late), {"type": 5})
    assert (status, body["code"]) == (404, 10062)
    for method, path in (("POST", ""), ("PATCH", "/messages/@original")):
        status, body = await rest(method, webhook(sandbox, late, path), {"content": "x"})
        assert (status, body["code"]) == (404, 10015)


async def test_the_token_lives_for_fifteen_minutes_whatever_it_is_used_for(
    sandbox: Sandbox, rest: Rest
) -> None:
    sent = await command(sandbox)
    await rest("POST", callback(sent), {"type": 4, "data": {"content": "x"}})
    sandbox.clock.advance(15 * 60 - 5)
    original = webhook(sandbox, sent, "/messages/@original")
    assert (await rest("PATCH", original, {"content": "y"}))[0] == 200
    sandbox.clock.advance(6)
    for method, path in (
        ("POST", webhook(sandbox, sent)),
        ("GET", original),
        ("PATCH", original),
        ("DELETE", original),
    ):
        body = None if method in {"GET", "DELETE"} else {"content": "z"}
        status, answer = await rest(method, path, body)
        assert (status, answer["code"]) == (401, 50027)
    assert not sent.failed(sandbox.clock.now())  # it was answered
    assert (await sent.wait_answer()).text == "y"


async def test_a_deferral_that_is_never_filled_fails_with_its_token(
    sandbox: Sandbox, rest: Rest
) -> None:
    sent = await command(sandbox)
    await rest("POST", callback(sent), {"type": 5})
    sandbox.clock.advance(15 * 60 - 5)
    assert not sent.failed(sandbox.clock.now())
    sandbox.clock.advance(6)
    assert sent.failed(sandbox.clock.now())


async def test_a_deferral_filled_with_the_bots_token_is_an_answer(
    sandbox: Sandbox, rest: Rest
) -> None:
    sent = await command(sandbox)
    await rest("POST", callback(sent), {"type": 5})
    assert sent.message is not None
    path = f"/channels/{sandbox.channel.id}/messages/{sent.message.id}"
    sandbox.clock.advance(20 * 60)
    assert (await rest("PATCH", path, {"content": "late"}))[0] == 200
    assert (await sent.wait_answer()).text == "late"
    assert not sent.failed(sandbox.clock.now())


async def test_the_answer_says_what_became_of_the_acknowledgement(
    sandbox: Sandbox, rest: Rest
) -> None:
    sent = await some(sandbox, rest, "command")
    reply = {"type": 5, "data": {"flags": 64}}
    status, body = await rest("POST", callback(sent, "?with_response=true"), reply)
    about = body["interaction"]
    assert (status, about["id"], about["type"]) == (200, sent.id, 2)
    assert sent.message is not None
    assert about["response_message_id"] == sent.message.id
    assert about["response_message_loading"]
    assert about["response_message_ephemeral"]
    assert "resource" not in body
    sent = await some(sandbox, rest, "component")
    reply = {"type": 7, "data": REPLIES[7]}
    _, body = await rest("POST", callback(sent, "?with_response=1"), reply)
    assert body["resource"]["type"] == 7
    assert body["resource"]["message"]["content"] == "changed"
    sent = await some(sandbox, rest, "command")
    reply = {"type": 4, "data": REPLIES[4]}
    _, body = await rest("POST", callback(sent, "?with_response=1"), reply)
    assert body["resource"]["message"]["content"] == "hello"
    assert not body["interaction"]["response_message_loading"]


async def test_whether_an_answer_is_ephemeral_is_fixed_by_the_acknowledgement(
    sandbox: Sandbox, rest: Rest
) -> None:
    for at_first, later in ((64, 0), (0, 64)):
        sent = await command(sandbox)
        await rest("POST", callback(sent), {"type": 5, "data": {"flags": at_first}})
        original = webhook(sandbox, sent, "/messages/@original")
        status, body = await rest("PATCH", original, {"content": "x", "flags": later})
        assert (status, body["flags"] & 64) == (200, at_first)
        _, body = await rest("POST", webhook(sandbox, sent), {"content": "y", "flags": later})
        assert body["flags"] & 64 == later  # a follow-up has its own


async def test_the_bots_token_does_not_reach_what_is_ephemeral(
    sandbox: Sandbox, rest: Rest
) -> None:
    sent = await command(sandbox)
    data = {"content": "psst", "flags": 64}
    await rest("POST", callback(sent), {"type": 4, "data": data})
    message = await sent.wait_answer()
    place = f"/channels/{sandbox.channel.id}/messages"
    for method, body in (("GET", None), ("PATCH", {"content": "x"}), ("DELETE", None)):
        status, answer = await rest(method, f"{place}/{message.id}", body)
        assert (status, answer["code"]) == (404, 10008)
    reply = {"content": "x", "message_reference": {"message_id": message.id}}
    status, answer = await rest("POST", place, reply)
    assert (status, answer["code"]) == (400, 50035)
    assert message.id not in [entry["id"] for entry in (await rest("GET", place))[1]]
    assert (await rest("DELETE", webhook(sandbox, sent, "/messages/@original")))[0] == 204
    assert message.is_deleted


async def test_components_v2_come_with_the_edit_of_a_deferral(sandbox: Sandbox, rest: Rest) -> None:
    sent = await command(sandbox)
    await rest("POST", callback(sent), {"type": 5})
    text = {"type": 10, "content": "a card"}
    body = {"flags": 1 << 15, "components": [text]}
    status, _ = await rest("PATCH", webhook(sandbox, sent, "/messages/@original"), body)
    assert status == 200
    message = await sent.wait_answer()
    assert (message.uses_components_v2, message.text) == (True, "a card")


async def test_an_answer_pings_people_and_nobody_else_unless_it_says_so(
    sandbox: Sandbox, rest: Rest
) -> None:
    sandbox.channel.allow("mention_everyone")
    sent = await command(sandbox)
    data = {"content": f"@everyone {sandbox.ana.mention}"}
    await rest("POST", callback(sent), {"type": 4, "data": data})
    assert (await sent.wait_answer()).pings == {sandbox.ana.id}
    silent = data | {"allowed_mentions": {"parse": []}}
    _, body = await rest("POST", webhook(sandbox, sent), silent)
    assert sandbox.world.messages[body["id"]].pings == set()


async def test_an_acknowledgement_carries_files(sandbox: Sandbox, bot: LoungeBot) -> None:
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    file = discord.File(io.BytesIO(b"video"), "red.mp4")
    await received.response.send_message("at once", file=file, silent=True)
    answer = await sent.wait_answer()
    assert [file.content for file in answer.attachments] == [b"video"]
    assert MessageFlags.SUPPRESS_NOTIFICATIONS in answer.flags


async def test_an_answer_to_a_button_refers_to_its_message(
    sandbox: Sandbox, bot: LoungeBot, rest: Rest
) -> None:
    pressed = await sandbox.press(sandbox.ben, await card(sandbox, rest), "again")
    received = await bot.uses.get()
    await received.response.send_message("a reply")
    answer, reply = await pressed.wait_answer(), await received.original_response()
    assert answer.reference is pressed.target
    assert (reply.type, reply.id) == (discord.MessageType.reply, int(answer.id))
    assert reply.interaction_metadata is not None
    assert reply.interaction_metadata.interacted_message_id == (received.message or reply).id
    follow_up = await received.followup.send("more", wait=True)
    assert follow_up.interaction_metadata is not None
    assert follow_up.interaction_metadata.original_response_message_id == reply.id


async def test_the_original_of_an_update_is_the_message_of_the_button(
    sandbox: Sandbox, rest: Rest
) -> None:
    for reply in ({"type": 6}, {"type": 7, "data": REPLIES[7]}):
        pressed = await some(sandbox, rest, "component")
        await rest("POST", callback(pressed), reply)
        original = webhook(sandbox, pressed, "/messages/@original")
        assert pressed.target is not None
        assert (await rest("GET", original))[1]["id"] == pressed.target.id
        assert (await rest("PATCH", original, {"content": "again"}))[0] == 200
        assert pressed.target.text == "again"
        assert (await rest("DELETE", original))[0] == 204
        assert pressed.target.is_deleted


async def test_a_modal_has_no_original_until_it_is_sent(sandbox: Sandbox, rest: Rest) -> None:
    sent = await command(sandbox)
    await rest("POST", callback(sent), {"type": 9, "data": REPLIES[9]})
    status, body = await rest("GET", webhook(sandbox, sent, "/messages/@original"))
    assert (status, body["code"]) == (404, 10008)


async def test_an_answer_with_a_view_is_pressed_and_answers_again(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
    received = await bot.uses.get()
    await received.response.defer(thinking=True)
    view = ui.View(timeout=None)
    view.add_item(ui.Button(label="Again", custom_id="again"))
    await received.edit_original_response(content="done", view=view)
    pressed = await sandbox.press(sandbox.ana, await sent.wait_answer(), "again")
    press = await bot.uses.get()
    await press.response.defer(thinking=True, ephemeral=True)
    await press.edit_original_response(content="only ana reads this")
    assert (await pressed.wait_answer()).ephemeral_to is sandbox.ana
