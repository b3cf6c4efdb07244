"""Opens the chat page on a sandbox in which a small bot is connected, and the test acts for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
from selenium.webdriver.common.keys import Keys

from bot.sandbox import RateLimits, Sandbox
from tests.browser.chat_page import ChatPage
from tests.referee.referee import Referee
from tests.sandbox.conftest import connected
from tests.sandbox.lounge_bot import LoungeBot
from tests.storage.samples import write_mp4


@pytest.fixture
async def sandbox(tmp_path: Path, referee: Referee) -> AsyncIterator[Sandbox]:
    folder, observers = tmp_path / "sandbox", (referee.observe,)
    limits = RateLimits.observed(identify_pause_s=0)
    async with Sandbox.open(folder, rate_limits=limits, observers=observers) as opened:
        yield opened


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[LoungeBot]:
    async with connected(sandbox) as client:
        yield client


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small video that a browser plays."""
    return write_mp4(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=32)


@pytest.fixture
def channel(sandbox: Sandbox, bot: LoungeBot) -> discord.TextChannel:
    """Return the bot's own view of the channel that the page shows."""
    found = bot.get_channel(int(sandbox.channel.id))
    assert isinstance(found, discord.TextChannel)
    return found


async def asked(page: ChatPage, bot: LoungeBot) -> discord.Interaction:
    """Use a command on the page; return it as the bot got it, to be answered."""
    await page.write("/video prompt: x")
    await page.press(Keys.ENTER)
    return await bot.uses.get()


def is_in_view(id_: str) -> str:
    """Write the question whether a thing lies within the window, in JavaScript."""
    box = f"document.getElementById('{id_}').getBoundingClientRect()"
    return f"((box) => box.right > 0 && box.width > 0)({box})"
