"""The page for everyone: by name, by keyboard, in the dark and in the light.

Contrast is that of WCAG 2.2, success criterion 1.4.3: at least 4.5 to 1 for ordinary text.
"""

import io
from pathlib import Path

import discord
import pytest
from discord import ui
from selenium.webdriver.common.keys import Keys

from bot.sandbox import Sandbox
from tests.browser.chat_page import ChatPage
from tests.browser.conftest import asked
from tests.sandbox.lounge_bot import LoungeBot

ENOUGH = 4.5
# For each text that is seen: its words, and the contrast with what is behind it.
CONTRASTS = """(() => {
  const brush = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const paint = (layers) => {
    brush.clearRect(0, 0, 1, 1);
    for (const layer of layers) { brush.fillStyle = layer; brush.fillRect(0, 0, 1, 1); }
    return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    const layers = [];
    for (let one = node; one; one = one.parentElement)
      layers.unshift(getComputedStyle(one).backgroundColor);
    return ['canvas', ...layers];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    const node = text.parentElement;
    const isShown = node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const isMeant = !node.closest('[disabled], [aria-hidden=true], .skip, .spoiler');
    const words = text.data.trim().slice(0, 40);
    if (!words || !isShown || !isMeant) continue;
    const layers = behind(node);
    const ground = light(paint(layers));
    const ink = light(paint([...layers, getComputedStyle(node).color]));
    const [less, more] = [ink, ground].sort((a, b) => a - b);
    found.push([words, (more + 0.05) / (less + 0.05)]);
  }
  return found;
})()"""


async def fill(sandbox: Sandbox, bot: LoungeBot, page: ChatPage) -> None:
    """Bring onto the page one of nearly everything that it can show."""
    sandbox.member("ben").say("plain, `code`, [a link](https://example.org/), <#1> and ||hidden||")
    use = await asked(page, bot)
    view = ui.View(timeout=None)
    for number, style in enumerate(list(discord.ButtonStyle)[:4]):
        view.add_item(ui.Button(label=f"{style.name} button", style=style, custom_id=str(number)))
    view.add_item(ui.Button(label="Out", url="https://example.org/"))
    view.add_item(ui.UserSelect(placeholder="Who?", custom_id="who"))
    embed = discord.Embed(title="Title", description="words -# small").set_footer(text="the foot")
    await use.response.send_message(f"<@{sandbox.ana.id}>", embed=embed, view=view)
    await use.followup.send("for you alone", ephemeral=True)
    layout = ui.LayoutView(timeout=None)
    words = ui.TextDisplay("## A card\n-# small print")
    thumbnail = ui.Button[ui.LayoutView](label="More", custom_id="more")
    layout.add_item(ui.Container(ui.Section(words, accessory=thumbnail), accent_colour=0x5865F2))
    await use.followup.send(view=layout)
    await page.message_saying("small print")


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_every_text_stands_out_from_what_is_behind_it(
    sandbox: Sandbox, bot: LoungeBot, page: ChatPage, scheme: str
) -> None:
    await page.prefer("prefers-color-scheme", scheme)
    await page.open()
    await fill(sandbox, bot, page)
    await page.write("/vid")
    await page.sees("/video", within="#suggestions")
    await page.click("#open-drawer")
    contrasts = await page.evaluate(CONTRASTS)
    assert len(contrasts) > 40
    assert [one for one in contrasts if one[1] < ENOUGH] == []
    (ground,) = await page.evaluate(
        "[getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]]"
    )
    assert (int(ground) < 128) == (scheme == "dark")


async def test_everything_that_can_be_used_has_a_name(
    sandbox: Sandbox, bot: LoungeBot, page: ChatPage
) -> None:
    await page.open()
    await fill(sandbox, bot, page)
    assert await page.count("img:not([alt])") == 0
    await page.click("#open-drawer")
    assert await page.nameless() == []
    await page.click("#close-drawer")
    await page.click("#account")
    assert await page.nameless() == []
    await page.press(Keys.ESCAPE)
    await page.write("/video ")
    for name in ("member", "image", "quality"):
        await page.click("[data-testid=more-options]")
        await page.choose(name)
    assert await page.nameless() == []


@pytest.mark.usefixtures("bot")
async def test_one_can_skip_to_the_message_field(page: ChatPage) -> None:
    await page.open()
    await page.tab_to("Skip to the message field")
    await page.press(Keys.ENTER)
    await page.has_focus("composer")
    assert await page.text("#place-name") == "videos"


async def test_who_wants_less_motion_gets_no_film_that_starts_by_itself(
    bot: LoungeBot, page: ChatPage, clip: Path
) -> None:
    await page.prefer("prefers-reduced-motion", "reduce")
    await page.open()
    use = await asked(page, bot)
    file = discord.File(io.BytesIO(clip.read_bytes()), clip.name)
    await use.response.send_message("done", file=file)
    await page.until("document.querySelector('video')?.readyState >= 1")
    assert await page.evaluate("document.querySelector('video').paused")
