"""Takes the picture of `/mod usage` in docs/moderation.md: `python -m tests.browser.usage_picture`.

The real bot makes one video; copies of it, made up from a seed, are a month of a busy server. The
ordinary tests do not run it.
"""

import asyncio
import base64
import random
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.demo import open_playground
from bot.sandbox import Sandbox
from tests.browser import chromium
from tests.browser.chat_page import ChatPage
from tests.browser.screenshots import FOLDER, VIDEO_S
from tests.browser.story import BOX, MESSAGES, SCALE, write_small

ASK = '/video prompt:"a red circle" steps:2 frames:16'
DAYS = 30
IS_THERE = "[...document.images].some((one) => one.naturalWidth === 1080)"
SECOND, DAY = 1_000_000, 86_400_000_000  # in microseconds, as the database counts
PRICES = {"novita": 50_000, "modelslab": 30_000, "local": None}

COPY = """
INSERT INTO job (id, origin, origin_key, guild_id, user_id, party, backend, state, created_at,
    started_at, rendered_at, ended_at, cost, address, asked, request, warnings, artifact, failure,
    price_micros, currency, card_is_shown)
SELECT :id, origin, :id, guild_id, :user_id, party, :backend, :state, created_at - :back,
    created_at - :back + :waited, created_at - :back + :waited, created_at - :back + :waited,
    cost, address, asked, request, warnings, artifact, :failure, :price, :currency, 1
FROM job WHERE number = 1
"""


def month_of(sandbox: Sandbox) -> Iterator[Mapping[str, object]]:
    """Yield a month of jobs: more at weekends, and now and then one that fails."""
    chance = random.Random(3)  # noqa: S311 - a picture, no secret
    people = [sandbox.ana] * 3 + [sandbox.ben] * 2 + [sandbox.olga]
    for back in range(1, DAYS):
        for number in range(max(0, round(chance.gauss(9, 3) + (5 if back % 7 < 2 else 0)))):
            backend = chance.choice(list(PRICES))
            code = chance.choice(["refused", "refused", "render_failed", "unavailable"])
            fails, price = chance.random() < 0.06, PRICES[backend]
            yield {
                "id": f"past{back:02d}{number:02d}",
                "user_id": int(chance.choice(people).id),
                "backend": backend,
                "state": "failed" if fails else "done",
                "back": back * DAY,
                "waited": round(chance.expovariate(1 / 30) * SECOND),
                "failure": f'{{"code": "{code}", "message": "", "is_ours": true}}'
                if fails
                else None,
                "price": price,
                "currency": "" if price is None else "USD",
            }


def remember(file: Path, sandbox: Sandbox) -> None:
    """Write a month of jobs beside the one that was made."""
    connection = sqlite3.connect(file, timeout=30)
    try:
        with connection:
            connection.executemany(COPY, month_of(sandbox))
    finally:
        connection.close()


async def main() -> None:
    """Take the picture in a folder of its own, with nothing of it left afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        backend = {"FLIPBOOK_DEFAULT_PROVIDER": "local", "LOCAL_ENABLED": "on"}
        async with open_playground(folder / "demo", backend=backend) as playground:
            await playground.ready()
            with chromium.started(folder) as driver:
                page = ChatPage(driver, playground.sandbox.http_url)
                await page.prefer("prefers-color-scheme", "dark")
                await page.resize(960, 1400)
                await page.open()
                sandbox = playground.sandbox
                await sandbox.slash(sandbox.ben, sandbox.channel, ASK)
                await page.sees("Done", timeout_s=VIDEO_S)
                (file,) = await asyncio.to_thread(lambda: list(folder.rglob("flipbook.db")))
                await asyncio.to_thread(remember, file, sandbox)
                await page.become("max")
                usage = await sandbox.slash(sandbox.max, sandbox.channel, "/mod usage")
                await playground.while_alive(usage.wait_answer(60))
                await take(page)
                await page.leave()


async def take(page: ChatPage) -> None:
    """Write a picture of the answer, once the one in it is there."""
    await page.until(IS_THERE)
    box: dict[str, float] = await page.until(BOX, MESSAGES, "/mod usage", 1)
    order = {"format": "png", "clip": {**box, "scale": SCALE}}
    taken: dict[str, Any] = await asyncio.to_thread(
        page.driver.execute_cdp_cmd, "Page.captureScreenshot", order
    )
    await asyncio.to_thread(write_small, base64.b64decode(taken["data"]), FOLDER / "mod-usage.png")


if __name__ == "__main__":
    asyncio.run(main())
