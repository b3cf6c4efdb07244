"""How long the disk takes to make a small write durable: what every commit has to wait for."""

import os
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from time import perf_counter

from benchmarks.table import Row, tail_ms

SYNCS = 300
FRAME = b"\0" * 4120  # one page of SQLite with its header in the WAL


async def measure(folder: Path) -> AsyncGenerator[Row]:
    """Yield the latency of `fdatasync` after an append and after an overwrite."""
    for what, is_append in (("appended", True), ("overwritten", False)):
        took = syncs(folder, is_append=is_append)
        yield Row(what=f"fdatasync, 4 KiB {what}", measured=tail_ms(took))


def syncs(folder: Path, *, is_append: bool) -> list[float]:
    """Time a series of writes in a file of its own."""
    with tempfile.TemporaryFile(dir=folder) as file:
        return _syncs(file.fileno(), is_append=is_append)


def _syncs(descriptor: int, *, is_append: bool) -> list[float]:
    """Write and sync again and again; a WAL overwrites itself once it was full."""
    took: list[float] = []
    for index in range(SYNCS):
        os.pwrite(descriptor, FRAME, len(FRAME) * index if is_append else 0)
        started = perf_counter()
        os.fdatasync(descriptor)
        took.append(perf_counter() - started)
    return took
