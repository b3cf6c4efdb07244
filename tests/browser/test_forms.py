"""Modals: how they are filled in, and what the bot gets."""

from pathlib import Path
from typing import Any

import discord
from discord import ui
from selenium.webdriver.common.keys import Keys

from bot.sandbox import Sandbox
from tests.browser.chat_page import ChatPage
from tests.browser.conftest import asked
from tests.sandbox.lounge_bot import LoungeBot


class Report(ui.Modal, title="Report a video"):
    """One of each kind of field that a bot may ask for at once."""

    why = ui.Label[Any](
        text="Why",
        description="In a few words",
        component=ui.TextInput[Any](custom_id="why", min_length=3, max_length=40),
    )
    story = ui.Label[Any](
        text="Story",
        component=ui.TextInput[Any](
            custom_id="story", style=discord.TextStyle.paragraph, required=False
        ),
    )
    model = ui.Label[Any](
        text="Model",
        component=ui.Select[Any](
            custom_id="model",
            options=[discord.SelectOption(label=name.title(), value=name) for name in "ab"],
        ),
    )
    speed = ui.Label[Any](
        text="Speed",
        component=ui.RadioGroup[Any](
            custom_id="speed",
            options=[discord.RadioGroupOption(label=name, value=name) for name in ("fast", "slow")],
        ),
    )
    still = ui.Label[Any](
        text="Still", component=ui.FileUpload[Any](custom_id="still", required=False)
    )


async def test_a_form_is_filled_in_and_arrives_as_it_was(
    bot: LoungeBot, page: ChatPage, clip: Path
) -> None:
    await page.open()
    use = await asked(page, bot)
    form = Report()
    await use.response.send_modal(form)
    await page.shows("dialog#modal[open]")
    assert await page.text("#modal-title") == "Report a video"
    await page.has_focus("modal-why")
    await page.type("It is red")
    await page.press(Keys.TAB)
    await page.type("line one")
    await page.press(Keys.ENTER)
    await page.type("line two")
    await page.press(Keys.TAB)
    await page.type("B")
    await page.press(Keys.TAB, Keys.SPACE, Keys.ARROW_DOWN)
    await page.attach("[name=still]", str(clip))
    await page.click("#modal-submit")

    sent = await bot.uses.get()
    assert sent.type is discord.InteractionType.modal_submit
    values: list[Any] = [label.component for label in form.children if isinstance(label, ui.Label)]
    why, story, model, speed, still = values
    assert why.value == "It is red"
    assert story.value == "line one\nline two"
    assert model.values == ["b"]
    assert speed.value == "slow"
    assert [file.filename for file in still.values] == [clip.name]
    await sent.response.send_message("Thank you.", ephemeral=True)
    await page.message_saying("Thank you.")
    await page.hides("dialog#modal")


async def test_a_form_says_what_is_missing_and_keeps_the_rest(
    bot: LoungeBot, page: ChatPage
) -> None:
    await page.open()
    use = await asked(page, bot)
    await use.response.send_modal(Report())
    await page.has_focus("modal-why")
    await page.type("It is red")
    await page.click("#modal-submit")
    assert await page.evaluate("document.querySelector('#modal select:invalid').name") == "model"
    await page.click("[name=model]")
    await page.type("A")
    await page.press(Keys.ENTER)
    await page.click("#modal-submit")
    await page.sees("Speed: choose one.", within="#modal-error")
    assert await page.value("[name=why]") == "It is red"
    assert bot.uses.empty()


async def test_escape_closes_a_form_and_nothing_is_sent(bot: LoungeBot, page: ChatPage) -> None:
    await page.open()
    use = await asked(page, bot)
    await use.response.send_modal(Report())
    await page.has_focus("modal-why")
    await page.type("half")
    await page.press(Keys.ESCAPE)
    await page.hides("dialog#modal")
    await page.has_focus("composer")
    await page.reload()
    await page.hides("dialog#modal")
    assert bot.uses.empty()


async def test_the_focus_stays_inside_a_form(bot: LoungeBot, page: ChatPage) -> None:
    await page.open()
    use = await asked(page, bot)
    await use.response.send_modal(Report())
    await page.has_focus("modal-why")
    for _ in range(14):
        await page.press(Keys.TAB)
        is_inside = (
            "document.activeElement === document.body || document.activeElement.closest('#modal')"
        )
        assert await page.evaluate(f"Boolean({is_inside})")


async def test_everything_in_a_form_has_a_name(bot: LoungeBot, page: ChatPage) -> None:
    await page.open()
    use = await asked(page, bot)
    await use.response.send_modal(Report())
    await page.has_focus("modal-why")
    assert await page.nameless() == []


async def test_a_form_that_the_bot_does_not_answer_can_be_sent_again(
    sandbox: Sandbox, bot: LoungeBot, page: ChatPage
) -> None:
    class Short(ui.Modal, title="Short"):
        name: ui.TextInput[Any] = ui.TextInput(label="Name", custom_id="name")

    await page.open()
    use = await asked(page, bot)
    await use.response.send_modal(Short())
    await page.has_focus("modal-name")
    await page.type("Red")
    await page.press(Keys.ENTER)
    await bot.uses.get()
    await page.hides("dialog#modal")
    sandbox.clock.advance(4)
    await page.sees("did not answer", within="#modal-error")
    assert await page.value("[name=name]") == "Red"
    await page.click("#modal-submit")
    again = await bot.uses.get()
    await again.response.send_message("Got it.")
    await page.message_saying("Got it.")
