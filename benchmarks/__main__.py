"""`python -m benchmarks`: measure one part after the other, and print one table.

Progress goes to stderr, the table to stdout. Whatever a part starts is ended with it, also
when it is interrupted, and all its files lie in a temporary folder.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from time import perf_counter

from benchmarks import acks, api, demo, disk, hosted, machine, policy, queue, turns, videos, waiting
from benchmarks.table import Row, table

Part = Callable[[Path], AsyncGenerator[Row]]

PARTS: dict[str, Part] = {
    "disk": disk.measure,
    "queue": queue.measure,
    "turns": turns.measure,
    "policy": policy.measure,
    "videos": videos.measure,
    "acks": acks.measure,
    "api": api.measure,
    "hosted": hosted.measure,
    "waiting": waiting.measure,
    "demo": demo.measure,
}


async def run(names: Sequence[str]) -> list[Row]:
    """Measure the named parts."""
    task = asyncio.current_task()
    if task is not None:  # SIGINT does the same already
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="flipbook-bench-") as folder:
        for name in names:
            rows += await _measure(name, Path(folder))
    return rows


async def _measure(name: str, folder: Path) -> list[Row]:
    rows: list[Row] = []
    started = perf_counter()
    async with aclosing(PARTS[name](folder)) as found:
        async for row in found:
            _tell(f"{name}: {row.what}: {row.measured}")
            rows.append(row)
    _tell(f"{name} took {perf_counter() - started:.0f} s")
    return rows


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Flipbook.")
    parser.add_argument(
        "--only", action="append", choices=list(PARTS), help="this part; may be given again"
    )
    names = parser.parse_args().only or list(PARTS)
    described = machine.describe()
    try:
        rows = asyncio.run(run(names))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("Interrupted.")
    print(f"{described}\n\n{table(rows)}")


if __name__ == "__main__":
    main()
