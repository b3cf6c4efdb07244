"""The composer: `/`, a form of options, and what arrives at the bot."""

from pathlib import Path
from typing import Any

import discord
import pytest
from selenium.webdriver.common.keys import Keys

from bot.sandbox import Sandbox
from tests.browser.chat_page import ChatPage
from tests.browser.conftest import asked
from tests.sandbox.lounge_bot import LoungeBot


def options(use: discord.Interaction) -> dict[str, Any]:
    """Read the options of a slash command as they came over the gateway."""
    data: Any = use.data
    return {option["name"]: option["value"] for option in data["options"]}


async def test_a_command_is_filled_in_by_keyboard_alone(bot: LoungeBot, page: ChatPage) -> None:
    await page.open()
    await page.tab_to("composer")
    await page.type("/")
    await page.sees("/job cancel", within="#suggestions")
    await page.type("vid")
    await page.until("document.querySelectorAll('#suggestions [role=option]').length === 1")
    await page.press(Keys.ENTER)
    await page.has_focus("prompt")
    await page.type("a red circle")
    await page.press(Keys.TAB, Keys.ENTER)
    await page.sees("seed", within="#suggestions")
    await page.press(Keys.ENTER)
    await page.has_focus("seed")
    await page.type("7 quality:")
    await page.has_focus("quality")
    await page.press(Keys.ARROW_DOWN, Keys.ENTER)
    assert await page.value("[data-option=quality]") == "Best"
    await page.press(Keys.ENTER)

    use = await bot.uses.get()
    assert options(use) == {"prompt": "a red circle", "seed": 7, "quality": "best"}


async def test_from_the_message_field_the_keyboard_leads_to_a_button(
    bot: LoungeBot, page: ChatPage
) -> None:
    await page.open()
    use = await asked(page, bot)
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Again", custom_id="again"))
    await use.response.send_message("Here it is.", view=view)
    await page.message_saying("Here it is.")
    await page.has_focus("composer")
    await page.tab_to("Again", backwards=True)
    await page.press(Keys.ENTER)
    pressed = await bot.uses.get()
    assert pressed.type is discord.InteractionType.component
    await pressed.response.edit_message(content="Once more.", view=view)
    await page.message_saying("Once more.")
    await page.has_focus("Again")


async def test_each_kind_of_option_has_its_field(
    bot: LoungeBot, page: ChatPage, clip: Path
) -> None:
    await page.open()
    await page.write("/video ")
    await page.type("a sea")
    for name in ("strength", "loop", "member", "image"):
        await page.click("[data-testid=more-options]")
        await page.choose(name)
        await page.has_focus(name)
        match name:
            case "strength":
                await page.type("0.5")
            case "loop":
                await page.choose("False")
            case "member":
                await page.type("@be")  # as a mention is typed
                await page.choose("ben")
            case _:
                await page.attach("[data-option=image]", str(clip))
                await page.sees(clip.name, within="[data-field=image]")
    await page.click("#send")

    use = await bot.uses.get()
    file: Any = use.namespace.image
    assert use.namespace.strength == 0.5
    assert use.namespace.loop is False
    assert use.namespace.member.name == "ben"
    assert file.filename == clip.name
    assert await file.read() == clip.read_bytes()


async def test_the_bot_proposes_values_and_the_keyboard_chooses(
    bot: LoungeBot, page: ChatPage
) -> None:
    await page.open()
    await page.write("/video ")
    await page.type("x model:")
    await page.has_focus("model")
    await page.type("sh")
    await page.until("document.querySelectorAll('#suggestions [role=option]').length === 2")
    assert await page.texts("#suggestions .suggestion-title") == ["Shapes", "Shore"]
    await page.press(Keys.ARROW_DOWN, Keys.ENTER, Keys.ENTER)
    assert options(await bot.uses.get()) == {"prompt": "x", "model": "shore"}


async def test_what_is_missing_or_out_of_range_is_said_and_nothing_is_sent(
    sandbox: Sandbox, bot: LoungeBot, page: ChatPage
) -> None:
    await page.open()
    await page.write("/video ")
    await page.press(Keys.ENTER)
    await page.sees("prompt is required.", within="#composer-error")
    assert await page.evaluate("document.activeElement.getAttribute('aria-invalid')") == "true"
    await page.type("x strength:")
    await page.has_focus("strength")
    await page.type("1.5")
    await page.press(Keys.ENTER)
    await page.sees("strength takes 0 to 1.", within="#composer-error")
    await page.press(Keys.BACKSPACE, Keys.BACKSPACE, Keys.BACKSPACE)
    await page.type("0.5 seed:")
    await page.has_focus("seed")
    await page.type("many")
    await page.press(Keys.ENTER)
    await page.sees("seed takes a number.", within="#composer-error")
    assert bot.uses.empty()
    assert not sandbox.world.interactions


async def test_a_whole_line_can_be_typed_or_pasted(bot: LoungeBot, page: ChatPage) -> None:
    line = "/video prompt: a red circle seed: 7"
    await page.open()
    await page.write(line)
    await page.press(Keys.ENTER)
    assert options(await bot.uses.get()) == {"prompt": "a red circle", "seed": 7}
    await page.click("#composer")
    await page.paste(line)
    await page.press(Keys.ENTER)
    assert options(await bot.uses.get()) == {"prompt": "a red circle", "seed": 7}


@pytest.mark.usefixtures("bot")
async def test_a_line_that_is_no_command_is_explained(page: ChatPage) -> None:
    await page.open()
    await page.write("/nothing like it")
    await page.press(Keys.ENTER)
    await page.sees("There is no such command.", within="#composer-error")
    assert await page.value("#composer") == "/nothing like it"


async def test_the_first_visit_invites_to_make_a_video(bot: LoungeBot, page: ChatPage) -> None:
    await page.open()
    await page.click("#try")
    assert "a red circle" in await page.value("[data-option=prompt]")
    await page.press(Keys.ENTER)
    assert "a red circle" in options(await bot.uses.get())["prompt"]
    await page.hides("#hint")


@pytest.mark.usefixtures("bot")
async def test_plain_text_is_an_ordinary_message(sandbox: Sandbox, page: ChatPage) -> None:
    await page.open()
    await page.write("hello")
    await page.press_together(Keys.SHIFT, Keys.ENTER)
    await page.type("there")
    await page.press(Keys.ENTER)
    message = await page.message_saying("hello there")
    assert await page.evaluate("document.querySelector(arguments[0]).dataset.author", message)
    (said,) = sandbox.channel.messages.values()
    assert said.content == "hello\nthere"
    assert said.author.name == "ana"
    assert await page.value("#composer") == ""


@pytest.mark.usefixtures("bot")
async def test_a_command_is_only_offered_to_those_who_may_use_it(page: ChatPage) -> None:
    await page.open()
    await page.write("/")
    await page.sees("/video", within="#suggestions")
    assert not await page.is_saying("/mod", within="#suggestions [role=option]")
    await page.press(Keys.ESCAPE)
    await page.become("max")
    await page.click("#slash")
    await page.sees("/mod", within="#suggestions")


async def test_a_bot_that_never_answers_is_said_to_have_failed(
    sandbox: Sandbox, bot: LoungeBot, page: ChatPage
) -> None:
    await page.open()
    await page.write("/video prompt: x")
    await page.press(Keys.ENTER)
    await bot.uses.get()
    sandbox.clock.advance(4)
    await page.sees("The application did not respond.", within="#log")
    await page.click_button("Dismiss", within="#log")
    await page.until("!document.querySelector('#log article')")
