"""Takes the pictures of docs/moderation.md: `python -m tests.browser.moderation_pictures`.

The real bot plays a small story with a real engine and a made-up Novita, which takes a minute; the
ordinary tests do not run it.
"""

import asyncio
import base64
import io
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from bot.demo import Playground, open_playground
from bot.sandbox import Member, Message
from jobs.request import ProviderName
from tests.browser import chromium
from tests.browser.chat_page import ChatPage
from tests.browser.screenshots import FOLDER, VIDEO_S
from tests.e2e.hosted.services import KEY, ServiceProcess, started

PRICES = 'currency = "USD"\n[novita."*"]\nper_video = 0.80\n'
LOCAL = '/video prompt:"a red circle moving left" steps:50 frames:128'
NOVITA = '/video prompt:"a comet over a lake" provider:novita'
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
    novita: ServiceProcess
    page: ChatPage

    async def use(self, member: Member, line: str) -> Message:
        """Use a command as a member, and return what the bot answers first."""
        sandbox = self.playground.sandbox
        interaction = await sandbox.slash(member, sandbox.channel, line)
        return await self.playground.while_alive(interaction.wait_answer())

    async def ask(self, member: Member, line: str, shows: str) -> None:
        """Ask for a video, and wait until its card shows some words."""
        card = await self.use(member, line)
        await self._wait(lambda: shows in card.text)

    async def _wait(self, is_true: Callable[[], bool]) -> None:
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


async def set_up(story: Story) -> None:
    """Let a manager and a moderator prepare a server."""
    sandbox = story.playground.sandbox
    olga, max_ = sandbox.olga, sandbox.max
    patrons = sandbox.world.add_role(sandbox.guild, "Patrons")
    sandbox.world.give_role(sandbox.ana, patrons)
    await story.use(olga, "/settings log channel:#moderators")
    await story.use(olga, "/settings channels add channel:#videos")
    await story.use(olga, '/settings budget limit:"money per month" amount:4')
    await story.use(max_, '/mod quota set limit:"videos per day" amount:3')
    await story.use(max_, "/mod quota set limit:waiting amount:2")
    await story.use(max_, '/mod quota set limit:"longest video" amount:20s role:Patrons')


async def spend(story: Story) -> None:
    """Let members use up what they have, until one answer is lost and the budget runs low."""
    ana, ben = story.playground.sandbox.ana, story.playground.sandbox.ben
    await story.novita.control(sends_webhooks=False)
    for _ in range(2):
        await story.ask(ana, NOVITA, "Done")
    await story.ask(ben, NOVITA, "Done")
    await story.novita.script("submit", "drop_after")
    await story.ask(ana, NOVITA, "Waiting for the provider")
    for seed in (1, 2):
        await story.use(ben, f"{LOCAL} seed:{seed}")
    await story.use(ana, LOCAL)


async def tell(story: Story) -> None:
    """Play the story, and take the pictures as it goes on."""
    sandbox = story.playground.sandbox
    olga, max_, ana, page = sandbox.olga, sandbox.max, sandbox.ana, story.page
    await set_up(story)
    await picture_of_form(story, "mod-quota-set.png")
    grant = '/mod quota grant member:@ana what:videos amount:5 expires:7d reason:"won the contest"'
    await story.use(max_, grant)
    await spend(story)
    await story.picture(olga, "/settings show", "mod-settings.png")
    await story.picture(ana, "/quota show", "mod-quota-show.png")
    await story.picture(max_, "/mod quota explain member:@ben", "mod-quota-explain.png")
    await story.picture(max_, "/mod jobs list", "mod-jobs-list.png")
    await story.use(max_, '/mod block add member:@ben reason:"flooding the queue" expires:2h')
    await story.use(max_, "/mod jobs cancel member:@ben running:true reason:flood")
    await story.picture(max_, "/mod audit", "mod-audit.png")
    await page.open(sandbox.guild.channel("moderators").id)
    await page.message_saying("cancelled videos")
    await story.take("mod-log.png", "", 5)


async def picture_of_form(story: Story, name: str) -> None:
    """Fill `/mod quota set` in on the page, take a picture of that, and send it."""
    page = story.page
    await page.become("max")
    await page.write("/mod quota set ")
    await page.has_focus("limit")
    await page.choose("videos per day")
    await page.has_focus("amount")
    await page.type("10 role:")
    await page.has_focus("role")
    await page.choose("Patrons")
    form = "document.getElementById('composer-form').getBoundingClientRect()"
    box: dict[str, float] = await page.evaluate(
        f"(({{x, y, width, height}}) => ({{x, y, width, height: height - 22}}))({form})"
    )
    await story.write(name, box)
    await page.click("#send")
    await page.message_saying("is now 10 videos")


async def main() -> None:
    """Take the pictures in a folder of its own, with nothing of it left afterwards."""
    with tempfile.TemporaryDirectory() as name, started(ProviderName.NOVITA) as novita:
        folder = Path(name)
        demo = folder / "demo"
        demo.mkdir()
        (demo / "prices.toml").write_text(PRICES)
        backend = {
            "FLIPBOOK_DEFAULT_PROVIDER": "local",
            "LOCAL_ENABLED": "on",
            "NOVITA_API_KEY": KEY,
            "NOVITA_BASE_URL": novita.url,
            "NOVITA_SUBMITS_PER_MINUTE": "1000",
        }
        async with open_playground(demo, backend=backend) as playground:
            await playground.ready()
            with chromium.started(folder) as driver:
                page = ChatPage(driver, playground.sandbox.http_url)
                await page.prefer("prefers-color-scheme", "dark")
                await page.resize(960, 1400)
                await page.open()
                await tell(Story(playground, novita, page))
                await page.leave()


if __name__ == "__main__":
    asyncio.run(main())
