"""What the page says when something is away, and the drawer that brings trouble about."""

import asyncio
from pathlib import Path

import discord
import pytest
from selenium.webdriver.common.keys import Keys

from bot.sandbox import Sandbox
from tests.browser.chat_page import ChatPage
from tests.browser.conftest import asked
from tests.sandbox.conftest import connected
from tests.sandbox.lounge_bot import LoungeBot


async def test_a_bot_that_is_away_is_said_to_be_away(sandbox: Sandbox, page: ChatPage) -> None:
    await page.open()
    await page.sees("The bot is not connected.", within="#banner")
    await page.write("/")
    await page.sees("No commands yet", within="#suggestions")
    async with connected(sandbox):
        await page.hides("#banner")
        await page.until("document.body.dataset.connected === 'true'")
        await page.sees("/video", within="#suggestions")
    await page.sees("The bot is not connected.", within="#banner")
    await page.until("document.body.dataset.connected === 'false'")


async def test_a_sandbox_that_has_ended_is_said_to_have_ended(
    tmp_path: Path, page: ChatPage
) -> None:
    page.forgiven += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING"]
    async with Sandbox.open(tmp_path / "other") as other:
        page.url = other.http_url
        await page.open()
        await page.sees("The bot is not connected.", within="#banner")
    await page.sees("The sandbox has ended.", within="#banner")


async def test_a_page_finds_its_way_into_another_sandbox_at_the_same_address(
    tmp_path: Path, page: ChatPage
) -> None:
    page.forgiven += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING"]
    async with Sandbox.open(tmp_path / "first") as first:
        page.url, port = first.http_url, int(first.http_url.rsplit(":", 1)[1])
        await page.open()
        first.member("ben").say("of the first")
        await page.message_saying("of the first")
    await page.sees("The sandbox has ended.", within="#banner")
    async with Sandbox.open(tmp_path / "second", http_port=port) as second:
        second.member("ben").say("of the second")
        await page.message_saying("of the second")
        assert not await page.is_saying("of the first")
        await page.leave()


@pytest.mark.usefixtures("bot")
async def test_the_drawer_lets_time_pass_and_shows_what_the_bot_asked(
    sandbox: Sandbox, page: ChatPage
) -> None:
    before = sandbox.clock.now()
    await page.open()
    await page.tab_to("open-drawer")
    await page.press(Keys.ENTER)
    await page.shows("#sandbox-drawer")
    await page.sees("PUT", within="#requests li")
    await page.click("[data-advance='900']")
    await page.sees("15 min ahead", within="#clock-note")
    assert (sandbox.clock.now() - before).total_seconds() > 900
    await page.press(Keys.ESCAPE)
    await page.hides("#sandbox-drawer")
    await page.has_focus("open-drawer")


async def test_the_drawer_cuts_the_gateway_and_the_bot_comes_back(
    bot: LoungeBot, page: ChatPage
) -> None:
    await page.open()
    await page.click("#open-drawer")
    resumed = asyncio.create_task(bot.wait_for("resumed", timeout=30))
    await page.click("#drop")
    await page.sees("The connection was cut", within="#drawer-said")
    await resumed
    await page.until("document.body.dataset.connected === 'true'")


async def test_the_drawer_lets_a_request_fail(bot: LoungeBot, page: ChatPage) -> None:
    await page.open()
    use = await asked(page, bot)
    await use.response.send_message("first")
    await page.click("#open-drawer")
    await page.click("[data-fault='429']")
    await page.sees("answered with 429", within="#drawer-said")
    edit = use.edit_original_response(content="second")
    assert isinstance(await edit, discord.InteractionMessage)
    await page.message_saying("second")
    await page.sees("429", within="#requests li")
