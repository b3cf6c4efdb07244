"""A story that is played in the sandbox, and the pictures that are taken of it.

What people do is done by the real bot with a real engine; each script beside this one tells a
story of its own for one page of the documentation.
"""

import asyncio
import base64
import io
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from bot.demo import Playground, open_playground
from bot.sandbox import Member, Message
from tests.browser import chromium
from tests.browser.chat_page import ChatPage
from tests.browser.screenshots import FOLDER, VIDEO_S

SCALE = 1.25  # pixels of a picture for each of the page's
COLOURS = 128  # of a picture, so that it stays small
# What people see of the last messages that say something, without the empty space beside it.
BOX = """
  (([css, words, count]) => {
    const fitting = [...document.querySelectorAll(css)].filter((one) =>
      one.innerText.replace(/\\s+/g, ' ').includes(words)).slice(-count);
    if (fitting.length < count) return null;
    for (const more of document.querySelectorAll('.more')) more.style.visibility = 'hidden';
    const inner = fitting.flatMap((one) => [...one.querySelectorAll('*')]
      .filter((part) => !part.closest('.more') && !part.querySelector(':scope > div')))
      .filter((part) => part.innerText?.trim()).map((part) => part.getBoundingClientRect());
    const outer = fitting.map((one) => one.getBoundingClientRect());
    const [x, y] = [Math.min(...outer.map((b) => b.x)), Math.min(...outer.map((b) => b.y))];
    return {
      x, y, width: Math.max(...inner.map((b) => b.right)) - x + 24,
      height: Math.max(...outer.map((b) => b.bottom)) - y,
    };
  })(arguments)
"""
MESSAGES = "article[data-message]"


@dataclass(frozen=True)
class Story:
    """What happens in the sandbox, and what it looks like."""

    playground: Playground
    page: ChatPage

    async def use(self, member: Member, line: str) -> Message:
        """Use a command as a member, and return what the bot answers first."""
        sandbox = self.playground.sandbox
        interaction = await sandbox.slash(member, sandbox.channel, line)
        return await self.playground.while_alive(interaction.wait_answer())

    async def ask(self, member: Member, line: str, shows: str) -> None:
        """Ask for a video, and wait until its card shows some words."""
        card = await self.use(member, line)
        await self.until(lambda: shows in card.text)

    async def until(self, is_true: Callable[[], bool]) -> None:
        waiting = self.playground.sandbox.wait_for(is_true, VIDEO_S)
        await self.playground.while_alive(waiting)

    async def picture(self, member: Member, line: str, name: str) -> None:
        """Use a command, and take a picture of its answer."""
        await self.page.become(member.name)
        await self.use(member, line)
        command = (
            line.partition(" ")[0]
            + " "
            + " ".join(word for word in line.split()[1:] if ":" not in word)
        )
        await self.take(name, command)

    async def take(self, name: str, words: str, count: int = 1) -> None:
        """Write a picture of the last messages that say some words."""
        box = await self.page.until(BOX, MESSAGES, words, count)
        await self.write(name, box)

    async def write(self, name: str, box: Mapping[str, float]) -> None:
        """Write a picture of a part of the page."""
        order = {"format": "png", "clip": {**box, "scale": SCALE}}
        taken: dict[str, Any] = await asyncio.to_thread(
            self.page.driver.execute_cdp_cmd, "Page.captureScreenshot", order
        )
        await asyncio.to_thread(write_small, base64.b64decode(taken["data"]), FOLDER / name)


def write_small(content: bytes, path: Path) -> None:
    """Write a picture with few colours."""
    image = Image.open(io.BytesIO(content)).convert("RGB").quantize(COLOURS)
    image.save(path, optimize=True)


@asynccontextmanager
async def told(folder: Path, backend: Mapping[str, str]) -> AsyncGenerator[Story]:
    """Open the sandbox with the real bot, and a dark chat page on it, in a folder of its own."""
    async with open_playground(folder / "demo", backend=backend) as playground:
        await playground.ready()
        with chromium.started(folder) as driver:
            page = ChatPage(driver, playground.sandbox.http_url)
            await page.prefer("prefers-color-scheme", "dark")
            await page.resize(960, 1400)
            await page.open()
            yield Story(playground, page)
            await page.leave()
