"""Messages: how they look, how they change while one looks, and who sees them."""

import io
from pathlib import Path

import discord
import pytest
from selenium.webdriver.common.keys import Keys

from bot.sandbox import Sandbox
from tests.browser.chat_page import ChatPage
from tests.browser.conftest import asked
from tests.sandbox.lounge_bot import LoungeBot

PLAYS = """
  ((v) => v && v.readyState >= 2 && v.videoWidth > 0 && !v.paused && v.currentTime > 0)
  (document.querySelector('video'))
"""
MARKDOWN = """\
# Head
**bold** *italic* __under__ ~~gone~~ `code`
> quoted
- one
- two
-# small
```
<b>block</b>
```
[words](https://example.org/a) and https://example.org/b"""


async def test_markdown_is_shown_as_discord_shows_it(
    channel: discord.TextChannel, page: ChatPage
) -> None:
    await page.open()
    await channel.send(MARKDOWN)
    message = await page.message_saying("Head")
    marks = ["h3", "strong", "em", "u", "s", "code", "blockquote p", "ul li", "small.small"]
    words = [await page.text(f"{message} .md {mark}") for mark in marks]
    assert words == ["Head", "bold", "italic", "under", "gone", "code", "quoted", "one", "small"]
    assert await page.text(f"{message} pre") == "<b>block</b>"


async def test_text_never_becomes_html(
    sandbox: Sandbox, channel: discord.TextChannel, page: ChatPage
) -> None:
    wicked = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"
    sandbox.world.add_channel(sandbox.guild, wicked[:50])
    await page.open()
    await channel.send(f"{wicked} `{wicked}` [{wicked}](https://example.org/)")
    embed = discord.Embed(title=wicked, description=wicked).add_field(name=wicked, value=wicked)
    sent = await channel.send(embed=embed)
    message = await page.message_saying(wicked)
    await sent.edit(content=f"edited {wicked}")
    await page.message_saying(f"edited {wicked}")
    assert await page.count("#log img, #log script, #channels img") == 0
    assert "taken" not in await page.evaluate("document.title")
    assert await page.text(f"{message} .embed-title") == wicked


async def test_links_lead_out_in_a_tab_of_their_own_and_scripts_are_no_links(
    channel: discord.TextChannel, page: ChatPage
) -> None:
    await page.open()
    await channel.send("[out](https://example.org/a) [bad](javascript:alert(1)) <https://b.org/x>")
    message = await page.message_saying("out")
    hrefs = "[...document.querySelectorAll(arguments[0])].map((a) => [a.href, a.target, a.rel])"
    out = ["_blank", "noreferrer noopener"]
    assert await page.evaluate(hrefs, f"{message} .md a") == [
        ["https://example.org/a", *out],
        ["https://b.org/x", *out],
    ]


async def test_an_embed_shows_all_its_parts(channel: discord.TextChannel, page: ChatPage) -> None:
    await page.open()
    embed = discord.Embed(title="A title", description="some **words**", colour=0xFF0000)
    embed.set_author(name="The author").set_footer(text="The foot")
    embed.add_field(name="Steps", value="12").set_image(url="https://example.org/a.png")
    await channel.send(embed=embed)
    message = await page.message_saying("A title")
    assert await page.text(f"{message} .embed strong") == "words"
    shown = await page.text(f"{message} .embed")
    for words in ("The author", "Steps", "12", "The foot", "https://example.org/a.png"):
        assert words in shown


async def test_messages_change_and_go_while_one_looks(
    channel: discord.TextChannel, page: ChatPage
) -> None:
    await page.open()
    sent = await channel.send("first")
    message = await page.message_saying("first")
    await sent.edit(content="second")
    assert await page.message_saying("second (edited)") == message
    await sent.delete()
    await page.until("!document.querySelector(arguments[0])", message)


async def test_a_video_goes_on_playing_while_its_message_changes(
    bot: LoungeBot, page: ChatPage, clip: Path
) -> None:
    await page.open()
    use = await asked(page, bot)
    file = discord.File(io.BytesIO(clip.read_bytes()), clip.name)
    await use.response.send_message("rendering", file=file)
    await page.until(PLAYS)
    await page.keep("video")
    await use.edit_original_response(content="done")
    await page.message_saying("done")
    assert await page.is_kept("video")
    assert await page.until(PLAYS)


async def test_what_one_writes_and_where_one_is_stay_while_messages_come(
    channel: discord.TextChannel, page: ChatPage
) -> None:
    await page.open()
    await page.write("half a sen")
    await channel.send("meanwhile")
    await page.message_saying("meanwhile")
    await page.has_focus("composer")
    await page.type("tence")
    assert await page.value("#composer") == "half a sentence"


async def test_the_log_follows_what_is_new_unless_one_reads_further_up(
    channel: discord.TextChannel, page: ChatPage
) -> None:
    scroller = "document.querySelector('#scroller')"
    distance = f"((s) => s.scrollHeight - s.clientHeight - s.scrollTop)({scroller})"
    await page.open()
    for number in range(4):
        await channel.send("\n".join(f"line {number}.{line}" for line in range(12)))
    await page.message_saying("line 3.11")
    await page.until(f"{distance} < 2")
    await page.evaluate(f"{scroller}.scrollTo(0, 0)")
    await page.shows("#to-end")
    await channel.send("below")
    await page.message_saying("below")
    assert await page.evaluate(f"{scroller}.scrollTop") == 0
    await page.click("#to-end")
    await page.until(f"{distance} < 2")


async def test_an_ephemeral_message_is_seen_by_its_owner_only_and_can_be_dismissed(
    bot: LoungeBot, page: ChatPage
) -> None:
    await page.open()
    use = await asked(page, bot)
    await use.response.send_message("a secret", ephemeral=True)
    message = await page.message_saying("a secret")
    assert await page.count(f"{message}[data-ephemeral=true]") == 1
    assert "Only you can see this" in await page.text(message)
    await page.become("ben")
    await page.until("!document.querySelector('#log article')")
    await page.become("ana")
    await page.message_saying("a secret")
    await page.click_button("Dismiss message", within=message)
    await page.until("!document.querySelector(arguments[0])", message)


async def test_a_ping_stands_out_for_the_one_who_is_pinged_only(
    sandbox: Sandbox, channel: discord.TextChannel, page: ChatPage
) -> None:
    await page.open()
    everyone = discord.AllowedMentions(users=True)
    await channel.send(f"<@{sandbox.ana.id}>, it is done", allowed_mentions=everyone)
    message = await page.message_saying("@ana, it is done")
    assert await page.count(f"{message}[data-ping=true]") == 1
    await page.become("ben")
    await page.message_saying("@ana, it is done")
    assert await page.count(f"{message}[data-ping]") == 0


async def test_a_reply_shows_what_it_answers_and_leads_there(
    channel: discord.TextChannel, page: ChatPage
) -> None:
    await page.open()
    first = await channel.send("the question")
    question = await page.message_saying("the question")
    await first.reply("the answer")
    answer = await page.message_saying("the answer")
    assert "the question" in await page.text(f"{answer} .above")
    await page.click(f"{answer} .above")
    await page.until("document.activeElement.matches(arguments[0])", question)
    await first.delete()
    await page.sees("The message it replied to is gone", within=answer)


@pytest.mark.parametrize("is_several", [False, True])
async def test_a_select_is_opened_and_chosen_by_keyboard(
    bot: LoungeBot, page: ChatPage, *, is_several: bool
) -> None:
    await page.open()
    use = await asked(page, bot)
    select = discord.ui.Select(
        custom_id="model",
        placeholder="Which model?",
        max_values=2 if is_several else 1,
        options=[
            discord.SelectOption(label=name.title(), value=name) for name in ("toon", "shore")
        ],
    )
    await use.response.send_message("Choose.", view=discord.ui.View(timeout=None).add_item(select))
    await page.message_saying("Choose.")
    await page.tab_to("Which model?", backwards=True)
    await page.press(Keys.ENTER)
    if is_several:
        await page.press(Keys.SPACE, Keys.ARROW_DOWN, Keys.SPACE, Keys.ESCAPE)
    else:
        await page.press(Keys.ARROW_DOWN, Keys.ENTER)
    chosen = await bot.uses.get()
    assert chosen.data is not None
    assert chosen.data.get("values") == (["toon", "shore"] if is_several else ["shore"])
    await chosen.response.edit_message(content="Chosen.", view=None)
    await page.message_saying("Chosen.")


@pytest.mark.usefixtures("bot")
async def test_ones_own_message_can_be_deleted(
    sandbox: Sandbox, channel: discord.TextChannel, page: ChatPage
) -> None:
    await page.open()
    await channel.send("the bot's")
    theirs = await page.message_saying("the bot's")
    await page.write("my own")
    await page.press(Keys.ENTER)
    own = await page.message_saying("my own")
    await page.open_menu(theirs)
    await page.sees("Copy message ID", within=".popup")
    assert not await page.is_saying("Delete message", within=".popup [role=menuitem]")
    await page.press(Keys.ESCAPE)
    await page.open_menu(own)
    await page.click_button("Delete message")
    await page.until("!document.querySelector(arguments[0])", own)
    assert [message.content for message in sandbox.channel.messages.values()] == ["the bot's"]
