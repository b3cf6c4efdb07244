"""Takes pictures of policy, review, reports and appeals: `python -m tests.browser.safety_pictures`.

The real bot plays a small story with a real engine, which takes a minute; the ordinary tests do not
run it. Everything is done with the mouse and the keyboard, as members and moderators do it.
"""

import asyncio
import tempfile
from pathlib import Path

from tests.browser.story import Story, told

HIDDEN = '"our m\u0430scot, g\u200bore"'  # a letter of another alphabet, and an invisible one
FINE = "/video prompt:a red circle moving left on a blue background"


async def rule(story: Story) -> None:
    """Let a moderator say what prompts may not hold, and try it."""
    sandbox = story.playground.sandbox
    await story.use(sandbox.olga, "/settings log channel:#moderators")
    words = (
        '/mod policy add kind:word text:"gore, guts" action:refuse reason:"we are a family server"'
    )
    await story.use(sandbox.max, words)
    await story.use(sandbox.max, '/mod policy add kind:phrase text:"our mascot" action:hold')
    await story.page.become("max")
    await story.use(sandbox.max, f"/mod policy test prompt:{HIDDEN}")
    await story.take("mod-policy-test.png", "What fires")


async def review(story: Story) -> None:
    """Let a member ask for what a rule holds, and a moderator look at it."""
    sandbox, page = story.playground.sandbox, story.page
    await page.become("ana")
    await story.use(sandbox.ana, '/video prompt:"a red circle as our mascot"')
    await page.become("max")
    await page.open(sandbox.guild.channel("moderators").id)
    await page.message_saying("our mascot")
    await story.take("mod-review.png", "Approve")
    await page.click_button("Approve")
    await page.open(sandbox.channel.id)


async def report(story: Story) -> None:
    """Let a member report a video, and a moderator accept."""
    sandbox, page = story.playground.sandbox, story.page
    await story.ask(sandbox.ana, FINE, "Done")
    await page.become("ben")
    result = await page.message_saying("your video is ready")
    await page.click_button("Report", within=result)
    await page.shows("dialog[open]")
    await page.type("This is not what we want here.")
    await page.click_button("Submit", within="dialog[open]")
    await page.become("max")
    await page.open(sandbox.guild.channel("moderators").id)
    await page.message_saying("not what we want")
    await story.take("mod-report.png", "not what we want")


async def appeal(story: Story) -> None:
    """Let a member appeal a refused prompt, so that a moderator sees the card."""
    sandbox, page = story.playground.sandbox, story.page
    await page.open(sandbox.channel.id)
    await page.become("ana")
    await story.use(sandbox.ana, '/video prompt:"a red circle with guts"')
    refusal = await page.message_saying("not allowed here")
    await page.click_button("Appeal", within=refusal)
    await page.shows("dialog[open]")
    await page.type("It is about courage.")
    await page.click_button("Submit", within="dialog[open]")
    await page.message_saying("The moderators have it")
    await story.take("appeal.png", "", 2)
    await page.become("max")
    await page.open(sandbox.guild.channel("moderators").id)
    await page.message_saying("It is about courage")
    await story.take("mod-appeal.png", "It is about courage")


async def main() -> None:
    """Take the pictures in a folder of its own, with nothing of it left afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "demo").mkdir()
        async with told(folder, {}) as story:
            await rule(story)
            await review(story)
            await report(story)
            await appeal(story)


if __name__ == "__main__":
    asyncio.run(main())
