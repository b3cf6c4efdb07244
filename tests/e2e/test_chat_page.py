"""The real bot as people meet it first: on the chat page, in a browser."""

import pytest
from selenium.webdriver.common.keys import Keys

from bot.sandbox import Sandbox
from tests.browser.chat_page import ChatPage
from tests.e2e.conftest import VIDEO_S, BotProcess, cards, running, videos

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PLAYS = """
  ((v) => v && v.readyState >= 2 && v.videoWidth === 128 && !v.paused && v.currentTime > 0)
  (document.querySelector('article[data-message] video'))
"""


async def test_a_newcomer_makes_a_video_and_watches_it(
    sandbox: Sandbox, bot: BotProcess, page: ChatPage
) -> None:
    async with running(bot):
        await page.open()
        await page.click("#composer")
        await page.type("/vid")
        await page.sees("/video", within="#suggestions [role=option]")
        await page.press(Keys.ENTER)
        await page.has_focus("prompt")
        await page.type("a red circle seed:")
        await page.has_focus("seed")
        await page.type("7 steps:")
        await page.has_focus("steps")
        await page.type("2 frames:")
        await page.has_focus("frames")
        await page.type("8")
        await page.press(Keys.ENTER)

        card = await page.message_saying("a red circle")
        assert "used\n/video" in await page.text(card)
        await page.keep(card)
        await page.until(PLAYS, timeout_s=VIDEO_S)
        await page.sees("Done", within=card, timeout_s=VIDEO_S)
        assert await page.is_kept(card), "the card changed where it stood"
        result = await page.message_saying("@ana, your video is ready.")
        assert "seed 7" in await page.text(result)
        assert await page.count(f"{result}[data-ping=true] video") == 1

        await page.become("ben")
        await page.until(PLAYS)
        assert await page.count(f"{result}:not([data-ping])") == 1
    assert [message.pings for message in videos(sandbox.channel)] == [{sandbox.ana.id}]


# In this order: what /help says lists the models, too.
ASKED = (("/models", "shapes · local"), ("/help", "Flipbook turns words"))


async def test_what_one_only_wants_to_know_is_told_to_oneself(
    bot: BotProcess, page: ChatPage
) -> None:
    async with running(bot):
        await page.open()
        for line, words in ASKED:
            await page.write(line)
            await page.press(Keys.ENTER, Keys.ENTER)
            answer = await page.message_saying(words)
            assert f"used\n{line}" in await page.text(answer)
            assert "Only you can see this" in await page.text(answer)


async def test_only_the_one_who_asked_cancels_a_render(
    sandbox: Sandbox, bot: BotProcess, page: ChatPage
) -> None:
    async with running(bot):
        await page.open()
        await page.write("/video prompt: long steps: 50 frames: 128")
        await page.press(Keys.ENTER)
        card = await page.message_saying("Rendering", timeout_s=VIDEO_S)
        await page.become("ben")
        await page.click_button("Cancel", within=card)
        refusal = await page.message_saying("Only you can see this")
        assert refusal != card
        await page.become("ana")
        await page.message_saying("Rendering")
        assert not await page.is_saying("Only you can see this")
        await page.click_button("Cancel", within=card)
        await page.sees("Cancelled", within=card)
    assert bot.states() == ["cancelled"]
    assert [c.text for c in cards(sandbox.channel) if "Cancelled" in c.text]
