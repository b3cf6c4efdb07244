"""What Discord's client sees to by itself: adults' channels, drafts, the way back, several tabs."""

import discord
import pytest
from discord import app_commands, ui
from selenium.webdriver.common.keys import Keys

from bot.sandbox import Sandbox
from tests.browser import chromium
from tests.browser.chat_page import ChatPage
from tests.browser.conftest import asked
from tests.sandbox.lounge_bot import LoungeBot

MORE_TABS_THAN_CONNECTIONS = 7  # a browser holds six to one server


class Short(ui.Modal, title="Short"):
    """A form with one field."""

    name: ui.TextInput["Short"] = ui.TextInput(label="Name", custom_id="name")


@pytest.mark.usefixtures("bot")
async def test_an_adults_channel_opens_once_one_says_that_one_is_an_adult(
    sandbox: Sandbox, page: ChatPage
) -> None:
    sandbox.world.say(sandbox.ben, sandbox.guild.channel("after-dark"), "a late show")
    await page.open()
    await page.click("[data-testid=channel-after-dark]")
    await page.shows("#gate")
    assert not await page.is_saying("a late show")
    await page.hides("#composer")
    await page.shows("[data-testid=channel-after-dark] .dot")  # it has not been read
    await page.click("#gate-back")
    await page.sees("videos", within="#place-name")
    await page.click("[data-testid=channel-after-dark]")
    await page.click("#gate-go")
    await page.message_saying("a late show")
    await page.has_focus("composer")
    await page.reload()
    await page.message_saying("a late show")
    await page.become("ben")
    await page.shows("#gate")


@pytest.mark.usefixtures("bot")
async def test_what_was_not_sent_waits_in_its_channel(page: ChatPage) -> None:
    await page.open()
    await page.write("half a sen")
    await page.click("[data-testid=channel-general]")
    await page.sees("general", within="#place-name")
    assert await page.value("#composer") == ""
    await page.click("[data-testid=channel-videos]")
    await page.sees("videos", within="#place-name")
    assert await page.value("#composer") == "half a sen"


@pytest.mark.usefixtures("bot")
async def test_the_browsers_way_back_leads_to_the_channel_before(page: ChatPage) -> None:
    await page.open()
    await page.click("[data-testid=channel-general]")
    await page.click("[data-testid=server-Cinema-Club]")
    await page.sees("premieres", within="#place-name")
    await page.evaluate("history.back()")
    await page.sees("general", within="#place-name")
    await page.evaluate("history.back()")
    await page.sees("videos", within="#place-name")
    await page.evaluate("history.forward()")
    await page.sees("general", within="#place-name")


@pytest.mark.usefixtures("bot")
async def test_a_refusal_is_said_below_what_was_written(sandbox: Sandbox, page: ChatPage) -> None:
    page.forgiven.append("/page/say")
    sandbox.guild.blocked_words = {"naughty"}
    await page.open()
    await page.write("a naughty word")
    await page.press(Keys.ENTER)
    await page.sees("AutoMod stopped this message", within="#composer-error")
    assert await page.value("#composer") == "a naughty word"


@pytest.mark.usefixtures("bot")
async def test_a_letter_opens_the_option_that_begins_with_it(
    page: ChatPage, bot: LoungeBot
) -> None:
    @bot.tree.command(description="All is optional")
    async def count(interaction: discord.Interaction, number: int | None = None) -> None:
        await interaction.response.send_message(f"counted to {number}")

    await bot.tree.sync()
    await page.open()
    await page.write("/count number: 7")
    await page.press(Keys.ENTER)
    await page.message_saying("counted to 7")


async def test_a_command_for_people_is_in_the_menu_of_a_name(
    sandbox: Sandbox, bot: LoungeBot, page: ChatPage
) -> None:
    async def greet(interaction: discord.Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(f"Good evening, {member.name}.")

    bot.tree.add_command(app_commands.ContextMenu(name="Greet", callback=greet))
    await bot.tree.sync()
    sandbox.world.say(sandbox.ben, sandbox.channel, "hello")
    await page.open()
    said = await page.message_saying("hello")
    await page.click(f"{said} .name")
    await page.click_button("Greet", within=".popup")
    await page.message_saying("Good evening, ben.")


async def test_a_form_opens_in_the_tab_that_asked_for_it(
    sandbox: Sandbox, bot: LoungeBot, page: ChatPage
) -> None:
    await page.open()
    use = await sandbox.slash(sandbox.ana, sandbox.channel, "/video prompt:elsewhere")
    elsewhere = await bot.uses.get()
    await elsewhere.response.send_modal(Short())
    assert use.modal is not None
    await (await asked(page, bot)).response.send_message("here")
    await page.message_saying("here")  # so the page knows of the form by now
    await page.hides("dialog#modal")


@pytest.mark.usefixtures("bot")
async def test_as_many_tabs_as_one_likes_can_be_open(page: ChatPage) -> None:
    await page.open()
    await open_tabs(page, MORE_TABS_THAN_CONNECTIONS - 1)


async def open_tabs(page: ChatPage, count: int) -> None:
    """Open one tab in another, and write in the last."""
    if count:
        with chromium.new_tab(page.driver):
            await page.open()
            await open_tabs(page, count - 1)
    else:
        await page.write("from the last tab")
        await page.press(Keys.ENTER)
        await page.message_saying("from the last tab")
