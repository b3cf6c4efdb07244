"""What a video costs: seconds of the engine, the way from its file to the channel, and memory."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from time import perf_counter

from benchmarks.playground import REST_S, Playground, open_playground
from benchmarks.processes import memory_of
from benchmarks.table import Row, spread_ms, spread_s
from jobs.model import Receipt
from storage.media.orders import PyAvMedia

CLIP = '/video prompt:"a red circle moving left on a blue background" frames:16 steps:12'
SHORT = '/video prompt:"a red circle" steps:2 frames:8'
CLIPS, SHORTS, FILES = 3, 5, 10
MEMORY_AIM = "<= 120 MB"
RECEIPT = Receipt(job_id="bench", seed=7, provider="local", model="shapes")


async def measure(folder: Path) -> AsyncGenerator[Row]:
    """Yield one row after the other from one bot."""
    async with open_playground(folder, "videos") as playground:
        bot = playground.bot_pid
        yield Row(what="bot's memory after start", measured=memory_of(bot).text(), aim=MEMORY_AIM)
        yield Row(
            what="clip of shapes, 16 frames 128 x 128, 12 steps: the first, worker started",
            measured=spread_s([await _clip(playground)]),
        )
        yield Row(
            what="clip of shapes, 16 frames 128 x 128, 12 steps",
            measured=spread_s([await _clip(playground) for _ in range(CLIPS)]),
        )
        yield Row(
            what="rendered to the post's arrival, upload not counted",
            measured=spread_ms([await _delivery(playground) for _ in range(SHORTS)]),
        )
        await asyncio.sleep(REST_S)
        yield Row(
            what=f"bot's memory after {1 + CLIPS + SHORTS} videos",
            measured=memory_of(bot).text(),
            aim=MEMORY_AIM,
        )
        for worker in playground.workers():
            yield Row(what="worker's memory, model loaded", measured=memory_of(worker).text())
        file = next(iter((playground.data / "videos").glob("*.mp4")))
        shutil.copyfile(file, folder / "clip.mp4")
    async for row in _media(folder / "clip.mp4"):
        yield row


async def _clip(playground: Playground) -> float:
    """Return how long the worker had a job of the usual size."""
    began, ended = playground.times(await playground.video(CLIP))
    return ended - began


async def _delivery(playground: Playground) -> float:
    """Return the seconds from the end of a render to the request that posts it.

    Both times are the wall clock of one machine.
    """
    job_id = await playground.video(SHORT)
    return playground.posted_at(job_id) - playground.times(job_id)[1]


async def _media(file: Path) -> AsyncGenerator[Row]:
    """Yield what the two media children of each video take, without any bot."""
    media = PyAvMedia()
    probes: list[float] = []
    tags: list[float] = []
    for _ in range(FILES):
        started = perf_counter()
        await media.probe(file)
        probed = perf_counter()
        await media.tag(file, RECEIPT)
        probes.append(probed - started)
        tags.append(perf_counter() - probed)
    yield Row(what="media child: probe, decoded to its end", measured=spread_ms(probes))
    yield Row(what="media child: tag, rewritten", measured=spread_ms(tags))
