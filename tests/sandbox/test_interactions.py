"""What Discord allows and refuses when a bot answers an interaction."""

import io

import discord
import pytest

from bot.sandbox import CommandLineError, Interaction, Sandbox, SandboxTimeoutError
from tests.sandbox.conftest import Rest
from tests.sandbox.lounge_bot import LoungeBot

LINE = '/video prompt:"a red circle" seed:7'


async def use(sandbox: Sandbox, bot: LoungeBot) -> tuple[Interaction, discord.Interaction]:
    """Have ben use a command; both ends of the interaction."""
    sent = await sandbox.slash(sandbox.ben, sandbox.channel, LINE)
    return sent, await bot.uses.get()


def callback_path(sent: Interaction) -> str:
    return f"/interactions/{sent.id}/{sent.token}/callback?with_response=true"


def webhook_path(sandbox: Sandbox, sent: Interaction, rest: str = "") -> str:
    return f"/webhooks/{sandbox.world.bot.id}/{sent.token}{rest}"


async def test_an_interaction_says_who_where_and_what(sandbox: Sandbox, bot: LoungeBot) -> None:
    sandbox.guild.upload_limit = 20 * 1024 * 1024
    _, received = await use(sandbox, bot)
    assert (str(received.user.id), received.user.name) == (sandbox.ben.id, "ben")
    assert received.channel is bot.get_channel(int(sandbox.channel.id))
    assert received.guild is bot.get_guild(int(sandbox.guild.id))
    assert received.filesize_limit == 20 * 1024 * 1024
    assert received.app_permissions.attach_files
    assert not received.permissions.manage_guild
    assert received.namespace.prompt == "a red circle"
    assert received.namespace.seed == 7


async def test_a_deferral_is_acknowledged_and_filled_by_an_edit(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sent, received = await use(sandbox, bot)
    ack = await received.response.defer(thinking=True)
    assert ack is not None
    assert sent.message is not None
    assert str(ack.message_id) == sent.message.id
    assert sent.message.is_loading
    file = discord.File(io.BytesIO(b"video"), "a b.mp4", description="a red circle")
    edited = await received.edit_original_response(content="done", attachments=[file])
    answer = await sent.wait_answer()
    assert (answer.text, answer.is_loading) == ("done", False)
    assert answer.attachments[0].filename == "a_b.mp4"
    assert answer.attachments[0].description == "a red circle"
    assert edited.attachments[0].content_type == "video/mp4"
    assert await edited.attachments[0].read() == b"video"


async def test_an_acknowledgement_after_three_seconds_is_unknown(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sent, received = await use(sandbox, bot)
    sandbox.clock.advance(3.1)
    with pytest.raises(discord.NotFound) as late:
        await received.response.defer()
    assert late.value.code == 10062
    assert sent.acked_at is None


async def test_an_unacknowledged_token_is_of_no_use(sandbox: Sandbox, bot: LoungeBot) -> None:
    _, received = await use(sandbox, bot)
    with pytest.raises(discord.NotFound) as early:
        await received.followup.send("too early")
    assert early.value.code == 10015


async def test_a_redelivered_interaction_cannot_be_acknowledged_twice(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sent, received = await use(sandbox, bot)
    await received.response.defer()
    await sandbox.redeliver(sent)
    again = await bot.uses.get()
    assert (again.id, again.token) == (received.id, received.token)
    with pytest.raises(discord.HTTPException) as twice:
        await again.response.defer()
    assert (twice.value.status, twice.value.code) == (400, 40060)


async def test_after_fifteen_minutes_only_the_bot_token_edits(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sent, received = await use(sandbox, bot)
    await received.response.send_message("queued")
    sandbox.clock.advance(15 * 60 + 1)
    with pytest.raises(discord.HTTPException) as expired:
        await received.edit_original_response(content="late")
    assert (expired.value.status, expired.value.code) == (401, 50027)
    answer = await sent.wait_answer()
    channel = bot.get_partial_messageable(int(sandbox.channel.id))
    await channel.get_partial_message(int(answer.id)).edit(content="late")
    assert (answer.text, answer.edits) == ("late", ["queued"])


async def test_an_ephemeral_answer_is_closed_to_the_bot_token(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sent, received = await use(sandbox, bot)
    await received.response.defer(thinking=True, ephemeral=True)
    await received.edit_original_response(content="for you only")
    answer = await sent.wait_answer()
    assert sent.ephemeral
    assert answer.ephemeral_to is sandbox.ben
    channel = bot.get_partial_messageable(int(sandbox.channel.id))
    with pytest.raises(discord.NotFound) as hidden:
        await channel.get_partial_message(int(answer.id)).edit(content="x")
    assert hidden.value.code == 10008
    assert sandbox.channel.messages == {}


async def test_a_deferral_takes_no_flag_but_ephemeral(
    sandbox: Sandbox, bot: LoungeBot, rest: Rest
) -> None:
    sent, _ = await use(sandbox, bot)
    deferral = {"type": 5, "data": {"flags": 1 << 15}}
    status, body = await rest("POST", callback_path(sent), deferral)
    assert (status, body["code"]) == (400, 50035)
    assert sent.acked_at is None


async def test_a_follow_up_right_after_a_deferral_fills_the_original(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sent, received = await use(sandbox, bot)
    await received.response.defer(thinking=True)
    await received.followup.send("first", ephemeral=True)
    await received.followup.send("second", ephemeral=True)
    assert sent.message is not None
    assert (sent.message.text, sent.message.is_ephemeral) == ("first", False)
    assert [(m.text, m.is_ephemeral) for m in sent.followups] == [("second", True)]


async def test_a_follow_up_after_the_original_was_deleted_may_be_ephemeral(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sent, received = await use(sandbox, bot)
    await received.response.defer(thinking=True)
    await received.delete_original_response()
    await received.followup.send("only you see why", ephemeral=True)
    answer = await sent.wait_answer()
    assert answer in sent.followups
    assert answer.ephemeral_to is sandbox.ben
    with pytest.raises(discord.NotFound) as gone:
        await received.edit_original_response(content="x")
    assert gone.value.code == 10008


async def test_a_follow_up_is_read_edited_and_deleted_by_its_id(
    sandbox: Sandbox, bot: LoungeBot, rest: Rest
) -> None:
    sent, received = await use(sandbox, bot)
    await received.response.send_message("first")
    second = await received.followup.send("second", wait=True)
    await second.edit(content="changed")
    path = webhook_path(sandbox, sent, f"/messages/{second.id}")
    status, body = await rest("GET", path)
    assert (status, body["content"]) == (200, "changed")
    await second.delete()
    assert sent.followups[0].is_deleted
    foreign = sandbox.world.say(sandbox.ana, sandbox.channel, "hello")
    path = webhook_path(sandbox, sent, f"/messages/{foreign.id}")
    status, body = await rest("PATCH", path, {"content": "x"})
    assert (status, body["code"]) == (404, 10008)


async def test_a_percent_encoded_original_is_the_original(
    sandbox: Sandbox, bot: LoungeBot, rest: Rest
) -> None:
    sent, received = await use(sandbox, bot)
    await received.response.send_message("first")
    status, body = await rest("GET", webhook_path(sandbox, sent, "/messages/%40original"))
    assert (status, body["content"]) == (200, "first")


async def test_a_button_brings_its_message_and_can_change_it(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sent, received = await use(sandbox, bot)
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Again", custom_id="job:again:1"))
    await received.response.send_message("done", view=view)
    card = await sent.wait_answer()
    assert [(b.custom_id, b.label) for b in card.buttons] == [("job:again:1", "Again")]
    pressed = await sandbox.press(sandbox.ana, card, "job:again:1")
    press = await bot.uses.get()
    assert press.message is not None
    assert str(press.message.id) == card.id
    assert press.data is not None
    assert press.data.get("custom_id") == "job:again:1"
    await press.response.edit_message(content="again", view=None)
    assert await pressed.wait_answer() is card
    assert (card.text, card.buttons) == ("again", [])
    with pytest.raises(CommandLineError):
        await sandbox.press(sandbox.ana, card, "job:again:1")


async def test_a_deferred_update_leaves_the_message_until_it_is_edited(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    sent, received = await use(sandbox, bot)
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Cancel", custom_id="job:cancel:1"))
    await received.response.send_message("queued", view=view)
    card = await sent.wait_answer()
    pressed = await sandbox.press(sandbox.ben, card, "job:cancel:1")
    press = await bot.uses.get()
    await press.response.defer()
    await pressed.wait_acked()
    assert (card.text, pressed.answer) == ("queued", None)
    await press.edit_original_response(content="cancelled", view=None)
    assert await pressed.wait_answer() is card
    follow_up = await press.followup.send("refunded", ephemeral=True, wait=True)
    assert pressed.followups[0].id == str(follow_up.id)


async def test_a_modal_is_filled_in_and_sent(sandbox: Sandbox, bot: LoungeBot) -> None:
    sent, received = await use(sandbox, bot)
    modal = discord.ui.Modal(title="Report", custom_id="report:1")
    field = discord.ui.TextInput[discord.ui.Modal](custom_id="why", label="Why?")
    modal.add_item(field)
    await received.response.send_modal(modal)
    await sent.wait_acked()
    submitted = await sandbox.submit(sent, {"why": "too red"})
    filled = await bot.uses.get()
    assert field.value == "too red"
    await filled.response.send_message("thank you", ephemeral=True)
    assert (await submitted.wait_answer()).text == "thank you"


async def test_an_option_completes_itself(sandbox: Sandbox, bot: LoungeBot) -> None:
    assert bot.is_ready()
    choices = await sandbox.autocomplete(
        sandbox.ben, sandbox.channel, "/video prompt:x", focused="model", value="sh"
    )
    assert [choice["value"] for choice in choices] == ["shapes", "shore"]


async def test_more_than_25_choices_are_refused(
    sandbox: Sandbox, bot: LoungeBot, rest: Rest
) -> None:
    sent, _ = await use(sandbox, bot)
    choices = [{"name": str(n), "value": str(n)} for n in range(26)]
    reply = {"type": 8, "data": {"choices": choices}}
    status, body = await rest("POST", callback_path(sent), reply)
    assert (status, body["code"]) == (400, 50035)


async def test_an_uploaded_option_is_read_from_the_cdn(sandbox: Sandbox, bot: LoungeBot) -> None:
    await sandbox.slash(
        sandbox.ben, sandbox.channel, "/video prompt:x", files={"image": ("in.png", b"pixels")}
    )
    received = await bot.uses.get()
    image = received.namespace.image
    assert isinstance(image, discord.Attachment)
    assert (image.filename, await image.read()) == ("in.png", b"pixels")


async def test_a_hostile_client_sends_what_it_likes(sandbox: Sandbox, bot: LoungeBot) -> None:
    with pytest.raises(CommandLineError):
        await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x seed:-5")
    options = {"prompt": "x" * 5000, "seed": -5, "quality": "none such"}
    await sandbox.invoke(sandbox.ben, sandbox.channel, "video", options)
    received = await bot.uses.get()
    assert received.namespace.seed == -5
    assert received.namespace.quality == "none such"


async def test_waiting_in_vain_tells_what_happened(sandbox: Sandbox, bot: LoungeBot) -> None:
    sent, received = await use(sandbox, bot)
    await received.response.defer(thinking=True)
    with pytest.raises(SandboxTimeoutError, match=r"(?s)DEFERRED_MESSAGE.*thinking.*callback"):
        await sent.wait_answer(timeout_s=0.1)
