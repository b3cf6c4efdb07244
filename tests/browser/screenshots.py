"""Takes the pictures of the chat page in the documentation: `python -m tests.browser.screenshots`.

The real bot makes a real video first, so it takes a minute; the ordinary tests do not run it.
"""

import asyncio
import tempfile
from pathlib import Path

from selenium.webdriver.common.keys import Keys

from bot.demo import Playground, open_playground
from tests.browser import chromium
from tests.browser.chat_page import ChatPage

FOLDER = Path(__file__).parents[2] / "docs" / "images"
PROMPT = "a red circle moving left on a blue background"
VIDEO_S = 300
IS_PLAYING = """
  ((v) => v && v.readyState >= 2 && !v.paused && v.currentTime > 0.5)
  (document.querySelector('video'))
"""

HAS_SETTLED = "performance.now() > 6000"  # ms since the page came; players hide their controls


async def make_video(page: ChatPage) -> None:
    """Ask for a video as a newcomer does, and wait until it plays."""
    await page.click("#try")
    await page.press(Keys.ENTER)
    await page.until(IS_PLAYING, timeout_s=VIDEO_S)
    await page.sees("Done", timeout_s=VIDEO_S)


async def take(page: ChatPage, name: str, *, width: int, height: int, is_phone: bool) -> None:
    """Write a picture of the page as it is when nobody points at anything."""
    await page.resize(width, height, is_phone=is_phone)
    await page.reload()
    await page.click("#place-name")
    await page.until(IS_PLAYING)
    await page.until(HAS_SETTLED)
    path = FOLDER / name
    await asyncio.to_thread(page.driver.save_screenshot, str(path))


async def photograph(playground: Playground, folder: Path) -> None:
    """Open the page on a sandbox with the bot in it and take all pictures."""
    await playground.ready()
    with chromium.started(folder) as driver:
        page = ChatPage(driver, playground.sandbox.http_url)
        await page.prefer("prefers-color-scheme", "dark")
        await page.resize(1280, 800)
        await page.open()
        await make_video(page)
        await take(page, "sandbox-desktop.png", width=1280, height=800, is_phone=False)
        await take(page, "sandbox-phone.png", width=390, height=844, is_phone=True)
        await page.leave()


async def main() -> None:
    """Take the pictures in a folder of its own, with nothing of it left afterwards."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with open_playground(folder / "demo") as playground:
            await photograph(playground, folder)


if __name__ == "__main__":
    asyncio.run(main())
