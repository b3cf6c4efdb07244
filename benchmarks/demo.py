"""How long a newcomer waits for the first video: `python -m bot demo`, from start to exit."""

import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from time import perf_counter

from benchmarks.processes import started
from benchmarks.table import Row, spread_s
from bot.settings import child_environment


async def measure(folder: Path) -> AsyncGenerator[Row]:
    """Yield the run that makes its data folder and the one that finds it."""
    for what in ("in a new folder", "once more"):
        yield Row(what=f"demo, {what}", measured=spread_s([await _show(folder)]), aim="<= 30 s")


async def _show(folder: Path) -> float:
    own, log = folder / "demo", folder / "demo" / "demo.log"
    own.mkdir(exist_ok=True)
    env = child_environment({"FLIPBOOK_DATA_DIR": str(own / "data")})
    began = perf_counter()
    words = (sys.executable, "-m", "bot", "demo")
    async with started(words, env=env, folder=own, log=log) as process:
        code = await process.wait()
        took = perf_counter() - began
    if code != 0:
        raise RuntimeError(f"the demo ended with {code}: {log.read_text()[-2000:]}")
    return took
