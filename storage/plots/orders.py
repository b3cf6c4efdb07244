"""The way to the plot child: matplotlib draws outside the bot, which never loads it.

What the child is given are numbers and words of ours; nothing that a member wrote goes there.
"""

import asyncio
import base64
import json
import logging
import tempfile
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import PlotError
from jobs.prices import MICROS, SIGNS
from jobs.request import ProviderName
from jobs.usage.days import HALF, NINE_OF_TEN, Usage, wait_at
from storage.children import open_child

logger = logging.getLogger(__name__)

MAX_FAILURES = 4  # lines of the chart; the rest is one line more
MISSING = (
    "There is no picture, because matplotlib is not installed where Flipbook runs; its operator "
    "can add it with `pip install 'flipbook[plots]'`."
)
FAILED = "There is no picture: it could not be drawn this time."


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotLimits:
    """What one child may take."""

    memory_bytes: int = 1024**3
    cpu_s: int = 30
    wall_s: float = 60.0
    children: int = 1  # at once


class MatplotlibPlotter:
    """The `Plotter` of matplotlib, each picture in a child process of its own."""

    def __init__(self, *, limits: PlotLimits | None = None) -> None:
        self._limits = limits or PlotLimits()
        self._places = asyncio.Semaphore(self._limits.children)

    async def draw(self, usage: Usage) -> bytes:
        """Return a PNG of 1080 pixels' width.

        Raises:
            PlotError: matplotlib is not installed, or took more than it may.
        """
        limits = {"memory_bytes": self._limits.memory_bytes, "cpu_s": self._limits.cpu_s}
        order = json.dumps({**limits, "sheet": sheet_of(usage)}).encode()
        # matplotlib keeps a list of fonts; one that nobody else wrote or reads goes with the child.
        with tempfile.TemporaryDirectory(prefix="flipbook-plot-") as folder:
            async with self._places, _child(Path(folder)) as child:
                try:
                    async with asyncio.timeout(self._limits.wall_s):
                        output, _ = await child.communicate(order)
                except TimeoutError as error:
                    raise PlotError(FAILED) from error
        return picture_of(output, child.returncode)


def _child(folder: Path) -> AbstractAsyncContextManager[Process]:
    return open_child(
        "storage.plots.child",
        MPLCONFIGDIR=str(folder),
        MPLBACKEND="agg",
        OPENBLAS_NUM_THREADS="1",  # each thread reserves memory, of which there is little
    )


def sheet_of(usage: Usage) -> Mapping[str, object]:
    """Return what is drawn, as JSON.

    Money is drawn in one currency, the one that was used last; amounts of others are only told.
    """
    currency = next(iter(usage.currencies), "")
    waits = [one.waits for one in usage.days]
    return {
        "days": [one.day.isoformat() for one in usage.days],
        "videos": [one.videos for one in usage.days],
        "seconds": [one.video_ms / 1000 for one in usage.days],
        "currency": SIGNS.get(currency, currency),
        "money": [
            {
                "id": provider,
                "name": ProviderName(provider).label,
                "amounts": [one.money.get((provider, currency), 0) / MICROS for one in usage.days],
            }
            for provider in sorted({name for name, used in usage.money if used == currency})
        ],
        "half": [wait_at(HALF, one) for one in waits],
        "most": [wait_at(NINE_OF_TEN, one) for one in waits],
        "failures": _failures(usage),
    }


def _failures(usage: Usage) -> list[tuple[str, int]]:
    kinds = list(usage.failures.items())
    rest = sum(count for _, count in kinds[MAX_FAILURES:])
    return [*kinds[:MAX_FAILURES], *([("other", rest)] if rest else [])]


def picture_of(output: bytes, code: int | None) -> bytes:
    """Read a child's answer.

    Raises:
        PlotError: It is no picture.
    """
    try:
        answer: dict[str, str] = json.loads(output)
    except ValueError:
        answer = {"error": f"the child ended with {code} and no answer"}
    if "picture" in answer:
        return base64.b64decode(answer["picture"])
    logger.info("Plot child failed: %s", answer["error"], extra={"action": "plot_child_failed"})
    raise PlotError(MISSING if answer["error"] == "missing" else FAILED)
