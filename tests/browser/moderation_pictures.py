"""Takes the pictures of docs/moderation.md: `python -m tests.browser.moderation_pictures`.

The real bot plays a small story with a real engine and a made-up Novita, which takes a minute; the
ordinary tests do not run it.
"""

import asyncio
import tempfile
from pathlib import Path

from jobs.request import ProviderName
from tests.browser.story import Story, told
from tests.e2e.hosted.services import KEY, ServiceProcess, started

PRICES = 'currency = "USD"\n[novita."*"]\nper_video = 0.80\n'
LOCAL = '/video prompt:"a red circle moving left" steps:50 frames:128'
NOVITA = '/video prompt:"a comet over a lake" provider:novita'


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


async def spend(story: Story, novita: ServiceProcess) -> None:
    """Let members use up what they have, until one answer is lost and the budget runs low."""
    ana, ben = story.playground.sandbox.ana, story.playground.sandbox.ben
    await novita.control(sends_webhooks=False)
    for _ in range(2):
        await story.ask(ana, NOVITA, "Done")
    await story.ask(ben, NOVITA, "Done")
    await novita.script("submit", "drop_after")
    await story.ask(ana, NOVITA, "Waiting for the provider")
    for seed in (1, 2):
        await story.use(ben, f"{LOCAL} seed:{seed}")
    await story.use(ana, LOCAL)


async def tell(story: Story, novita: ServiceProcess) -> None:
    """Play the story, and take the pictures as it goes on."""
    sandbox = story.playground.sandbox
    olga, max_, ana, page = sandbox.olga, sandbox.max, sandbox.ana, story.page
    await set_up(story)
    await picture_of_form(story, "mod-quota-set.png")
    grant = '/mod quota grant member:@ana what:videos amount:5 expires:7d reason:"won the contest"'
    await story.use(max_, grant)
    await spend(story, novita)
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
        async with told(folder, backend) as story:
            await tell(story, novita)


if __name__ == "__main__":
    asyncio.run(main())
