"""The real bot with one fault: it kills itself, as `kill -9` would, at a named point.

`python -m tests.e2e.hosted.dying_bot POINT run`. Nothing of Flipbook is replaced: a commit is met
at the connection of SQLite, the rest just before or after a call that goes through.
"""

import importlib
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from typing_extensions import override

from jobs.model import Artifact, Job, MediaInfo, Receipt
from jobs.states import JobState
from storage.artifacts import FolderArtifactStore
from storage.media.orders import PyAvMedia

MOVES = {
    "enqueue": JobState.QUEUED,
    "claim": JobState.SUBMITTING,
    "running": JobState.RUNNING,
    "fetching": JobState.FETCHING,
    "ready": JobState.READY,
    "delivering": JobState.DELIVERING,
    "done": JobState.DONE,
}
MID_DOWNLOAD, TAGGED, KEPT = "mid-download", "tagged", "kept"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingConnection(sqlite3.Connection):
    """Ends the process before or after the commit that brings a job into a state."""

    moment = ""
    state = JobState.QUEUED

    @override
    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        is_it = sql == "COMMIT" and self._brings_it()
        if is_it and self.moment == "before":
            die()
        result = super().execute(sql, parameters)
        if is_it:
            die()
        return result

    def _brings_it(self) -> bool:
        """Say whether the newest move is the one; it is new, for the first one is the last."""
        newest = "SELECT from_state, to_state FROM job_event ORDER BY number DESC LIMIT 1"
        row = super().execute(newest).fetchone()
        return row is not None and row["to_state"] == self.state != row["from_state"]


class MidDownload(FolderArtifactStore):
    """Ends the process when a part of the video is on the disk."""

    @override
    async def receive(self, job: Job, chunks: AsyncIterator[bytes]) -> Path:
        return await super().receive(job, first_of(chunks))


async def first_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield await anext(chunks)
    die()


class Tagged(PyAvMedia):
    """Ends the process when the receipt is in the file and the file has no name yet."""

    @override
    async def tag(self, path: Path, receipt: Receipt) -> None:
        await super().tag(path, receipt)
        die()


class Kept(FolderArtifactStore):
    """Ends the process when the file has its name and nothing is written of it."""

    @override
    async def keep(self, job: Job, part: Path, info: MediaInfo) -> Artifact:
        await super().keep(job, part, info)
        return await self._never()

    async def _never(self) -> Artifact:
        die()
        raise AssertionError("it is dead")


def around_commit(moment: str, state: JobState) -> None:
    DyingConnection.moment, DyingConnection.state = moment, state
    replace("sqlite3", "connect", partial(sqlite3.connect, factory=DyingConnection))


def replace(module: str, name: str, value: object) -> None:
    setattr(importlib.import_module(module), name, value)


def arm(point: str) -> None:
    """Build the fault in."""
    classes: dict[str, tuple[str, type]] = {
        MID_DOWNLOAD: ("FolderArtifactStore", MidDownload),
        TAGGED: ("PyAvMedia", Tagged),
        KEPT: ("FolderArtifactStore", Kept),
    }
    if point in classes:
        replace("bot.app", *classes[point])  # where the parts are put together
        return
    moment, _, move = point.partition("-")
    around_commit(moment, MOVES[move])


def main(words: Sequence[str], run: Callable[[], None]) -> None:
    """Take the point away from the command line, and run the rest of it as the bot does."""
    program, point, *rest = words
    arm(point)
    sys.argv = [program, *rest]
    run()


if __name__ == "__main__":
    from bot.__main__ import main as run_the_bot

    main(sys.argv, run_the_bot)
