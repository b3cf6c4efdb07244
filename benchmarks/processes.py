"""Processes that were started for a measurement: what they weigh, and that none is left behind.

Source: proc(5), pidfd_open(2).
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A process's memory in MiB; `pss` counts shared pages in shares."""

    rss: float
    pss: float

    def text(self) -> str:
        """Write both numbers."""
        return f"RSS {self.rss:.0f} MiB, PSS {self.pss:.0f} MiB"


@asynccontextmanager
async def started(
    words: Sequence[str], *, env: Mapping[str, str], folder: Path, log: Path
) -> AsyncGenerator[Process]:
    """Start a process in `folder`, and at the end kill it with all that it started.

    It gets a session of its own, so Ctrl-C reaches only us, and no `.env` of the developer.
    """
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *words,
            env={**env, "PYTHONPATH": str(ROOT)},
            cwd=folder,
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        await asyncio.shield(_end(process))


def memory_of(pid: int) -> Memory:
    """Weigh a process as it is now."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return Memory(rss=kib["Rss"] / 1024, pss=kib["Pss"] / 1024)


def cpu_s_of(pid: int) -> float:
    """Return the processor time of a process and its threads so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # utime and stime


def children_of(pid: int) -> list[int]:
    """List the processes that a process has started and that still run."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # that thread has just ended
            found += [int(word) for word in path.read_text().split()]
    return found


def descendants_of(pid: int) -> list[int]:
    """List the children, their children and so on; parents come first."""
    found: list[int] = []
    for child in children_of(pid):
        found += [child, *descendants_of(child)]
    return found


async def _end(process: Process) -> None:
    others = descendants_of(process.pid) if process.returncode is None else []
    with suppress(ProcessLookupError):
        process.kill()
    for pid in others:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    await process.wait()
    for pid in others:
        await _gone(pid)


async def _gone(pid: int) -> None:
    """Wait for the end of a process that is not our child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
