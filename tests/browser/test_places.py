"""Where one is and who: servers, channels, members, and how one sees that something is new."""

import pytest
from selenium.webdriver.common.keys import Keys

from bot.sandbox import Sandbox
from tests.browser.chat_page import ChatPage
from tests.browser.conftest import asked, is_in_view
from tests.sandbox.lounge_bot import LoungeBot

TOO_WIDE = """
  document.documentElement.scrollWidth <= document.documentElement.clientWidth ? [] :
    [...document.querySelectorAll('body *')]
      .filter((node) => node.getBoundingClientRect().right > innerWidth)
      .map((node) => node.outerHTML.slice(0, 99))
"""


def addressed(sandbox: Sandbox, place: str) -> str:
    return sandbox.guild.channel(place).id


@pytest.mark.usefixtures("bot")
async def test_each_member_sees_her_own_servers_and_channels(page: ChatPage) -> None:
    await page.open()
    await page.shows("[data-testid=channel-general]")
    assert await page.count("[data-testid=channel-moderators]") == 0
    assert await page.count("[data-testid=server-Cinema-Club]") == 1
    await page.become("ben")
    await page.until("!document.querySelector('[data-testid=server-Cinema-Club]')")
    await page.become("max")
    await page.shows("[data-testid=channel-moderators]")
    await page.sees("moderator", within="#account")
    await page.click("[data-testid=server-Cinema-Club]")
    await page.sees("premieres", within="#place-name")
    await page.sees("owner", within="#account")


@pytest.mark.usefixtures("bot")
async def test_one_who_is_thrown_out_of_a_channel_is_led_elsewhere(page: ChatPage) -> None:
    await page.open()
    await page.become("max")
    await page.click("[data-testid=channel-moderators]")
    await page.sees("moderators", within="#place-name")
    await page.become("ana")
    await page.sees("videos", within="#place-name")


@pytest.mark.usefixtures("bot")
async def test_a_reload_keeps_the_member_and_the_channel(page: ChatPage) -> None:
    await page.open()
    await page.become("ben")
    await page.click("[data-testid=channel-general]")
    await page.sees("general", within="#place-name")
    await page.reload()
    await page.sees("ben", within="#account")
    await page.sees("general", within="#place-name")


@pytest.mark.usefixtures("bot")
async def test_an_address_leads_to_a_channel_and_back_leads_back(
    sandbox: Sandbox, page: ChatPage
) -> None:
    await page.open(addressed(sandbox, "storyboards"))
    await page.sees("storyboards", within="#place-name")
    await page.sees("thread in #videos", within="#place-note")
    await page.click("[data-testid=channel-general]")
    await page.sees("general", within="#place-name")
    await page.evaluate("history.back()")
    await page.sees("storyboards", within="#place-name")


@pytest.mark.usefixtures("bot")
async def test_what_is_new_elsewhere_is_marked_until_it_is_read(
    sandbox: Sandbox, page: ChatPage
) -> None:
    general, ben = sandbox.guild.channel("general"), sandbox.member("ben").at("general")
    entry = "[data-testid=channel-general]"
    await page.open()
    ben.say("anybody?")
    await page.shows(f"{entry} .dot")
    ben.say(f"<@{sandbox.ana.id}>?")
    await page.sees("1", within=f"{entry} .badge")
    assert (await page.evaluate("document.title")).startswith("(1)")
    await page.click(entry)
    await page.message_saying("@ana?")
    await page.until("!document.querySelector(arguments[0])", f"{entry} .badge")
    await page.reload()
    await page.message_saying("@ana?")
    assert await page.count(f"{entry} .badge, {entry} .dot") == 0
    assert general.messages


@pytest.mark.usefixtures("bot")
async def test_a_channel_that_comes_or_goes_is_seen_at_once(
    sandbox: Sandbox, page: ChatPage
) -> None:
    await page.open()
    added = sandbox.world.add_channel(sandbox.guild, "new-one")
    await page.click("[data-testid=channel-new-one]")
    await page.sees("new-one", within="#place-name")
    sandbox.world.delete_channel(added)
    await page.sees("videos", within="#place-name")
    assert await page.count("[data-testid=channel-new-one]") == 0


async def test_on_a_phone_the_places_slide_in_and_the_composer_stays(
    bot: LoungeBot, page: ChatPage
) -> None:
    await page.resize(390, 844, is_phone=True)
    await page.open()
    composer = "document.getElementById('composer').getBoundingClientRect()"
    assert 740 < await page.evaluate(f"{composer}.bottom") <= 844
    assert not await page.evaluate(is_in_view("account"))
    await page.click("#open-places")
    await page.until(is_in_view("account"))
    await page.click("[data-testid=channel-general]")
    await page.sees("general", within="#place-name")
    await page.until(f"!{is_in_view('account')}")
    await page.click("#open-places")
    await page.until(is_in_view("account"))
    await page.press(Keys.ESCAPE)
    await page.until(f"!{is_in_view('account')}")
    await page.has_focus("open-places")
    use = await asked(page, bot)
    await use.response.send_message("It fits.")
    await page.message_saying("It fits.")
    assert await page.evaluate(TOO_WIDE) == []


@pytest.mark.usefixtures("bot")
async def test_what_is_slid_out_is_not_in_the_way_of_the_keyboard(page: ChatPage) -> None:
    await page.resize(390, 844, is_phone=True)
    await page.open()
    await page.click("#composer")
    for _ in range(12):
        await page.press(Keys.TAB)
        inside = "document.activeElement.closest('#places, #sandbox-drawer')"
        assert await page.evaluate(f"!{inside}"), "the focus went where nothing is seen"


@pytest.mark.parametrize("width", [320, 360, 390, 600, 768, 1024, 1280])
@pytest.mark.usefixtures("bot")
async def test_nothing_is_wider_than_the_window(
    sandbox: Sandbox, page: ChatPage, width: int
) -> None:
    await page.resize(width, 800)
    await page.open()
    long = "w" * 300
    channel = sandbox.world.add_channel(sandbox.guild, "c" * 90)
    sandbox.member("ana").say(f"{long} `{long}`\n```\n{long}\n```\nhttps://example.org/{long}")
    await page.message_saying(long)
    assert await page.evaluate(TOO_WIDE) == []
    await page.write("/video ")
    for name in ("member", "image", "strength"):
        await page.click("[data-testid=more-options]")
        await page.choose(name)
    assert await page.evaluate(TOO_WIDE) == []
    await page.open(channel.id)
    assert await page.evaluate(TOO_WIDE) == []
