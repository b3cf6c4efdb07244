"""The small API that end-to-end tests are written with: a person, what she does and sees."""

import asyncio
import io
from collections.abc import Awaitable, Callable

import discord
import pytest

from bot.sandbox import CommandLineError, Sandbox, SandboxError, Use
from tests.sandbox.lounge_bot import LoungeBot

Answer = Callable[[discord.Interaction], Awaitable[object]]


async def used(bot: LoungeBot, using: Awaitable[Use], answer: Answer) -> Use:
    """Let the bot answer what somebody uses."""
    use = asyncio.ensure_future(using)
    await answer(await bot.uses.get())
    return await use


async def test_a_person_uses_a_command_and_sees_what_comes_of_it(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    async def make_video(interaction: discord.Interaction) -> None:
        assert interaction.namespace.seed == 7
        await interaction.response.send_message("in a moment")
        file = discord.File(io.BytesIO(b"video"), "red.mp4")
        mentions = discord.AllowedMentions(users=True)
        text = f"{interaction.user.mention} here it is"
        await interaction.followup.send(text, file=file, allowed_mentions=mentions)

    ana, ben = sandbox.member("ana"), sandbox.member("ben")
    use = await used(bot, ana.slash("video", prompt="a red circle", seed=7), make_video)
    video = await ana.sees(lambda message: message.attachments)
    assert use.answer.text == "in a moment"
    assert use.messages == [use.answer, video] == ana.messages == ben.messages
    assert (ana.pings, ben.pings) == ([video], [])


async def test_what_is_ephemeral_or_hidden_is_seen_only_by_those_concerned(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    async def whisper(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("a secret", ephemeral=True)

    ana, ben, mod = sandbox.member("ana"), sandbox.member("ben"), sandbox.member("max")
    use = await used(bot, ana.type("/video prompt: x"), whisper)
    assert [message.text for message in ana.messages] == ["a secret"]
    assert ben.messages == []
    assert not any(use.answer in person.messages for person in (ben, mod))
    said = mod.at("moderators").say("between us")
    assert mod.at("moderators").messages == [said]
    assert ben.at("moderators").messages == []


async def test_a_person_presses_buttons_by_label_and_fills_modals(
    sandbox: Sandbox, bot: LoungeBot
) -> None:
    async def show_button(interaction: discord.Interaction) -> None:
        view = discord.ui.View()
        view.add_item(discord.ui.Button(label="Edit", custom_id="edit:1"))
        await interaction.response.send_message("a card", view=view)

    async def ask(interaction: discord.Interaction) -> None:
        modal = discord.ui.Modal(title="New prompt", custom_id="prompt")
        modal.add_item(discord.ui.TextInput(label="Prompt", custom_id="text"))
        await interaction.response.send_modal(modal)

    async def thank(interaction: discord.Interaction) -> None:
        assert interaction.type is discord.InteractionType.modal_submit
        await interaction.response.send_message("thanks")

    ana = sandbox.member("ana")
    card = await used(bot, ana.slash("video", prompt="x"), show_button)
    with pytest.raises(CommandLineError, match="edit:1"):
        await ana.press(card.answer, "Delete")
    opened = await used(bot, ana.press(card.answer, "Edit"), ask)
    with pytest.raises(CommandLineError, match="no message"):
        _ = opened.answer
    assert opened.messages == []
    thanked = await used(bot, opened.fill({"text": "a blue square"}), thank)
    assert thanked.answer.text == "thanks"


async def test_who_or_what_is_not_there_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match=r"'eve'.*'ana'"):
        sandbox.member("eve")
    with pytest.raises(SandboxError, match=r"'Nowhere'.*'Cinema Club'"):
        sandbox.member("ana", server="Nowhere")
    assert sandbox.member("ana", server="Cinema Club").channel.name == "premieres"
    with pytest.raises(SandboxError, match=r"'attic'.*'videos'"):
        sandbox.member("ana").at("attic")
    with pytest.raises(SandboxError, match=r"ana sees in #videos"):
        await sandbox.member("ana").sees("nothing", timeout_s=0.01)
