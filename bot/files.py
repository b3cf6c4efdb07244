"""Delivery without Discord: to a file, or held until the door of the job is open again."""

import asyncio
import errno
import shutil
from datetime import timedelta
from pathlib import Path

from jobs.errors import NotAllowedError
from jobs.model import Delivered, Gone, Job, Later, Outcome, Progress, Standing
from jobs.ports import Clock


class FileDelivery:
    """Writes to the job's path in one piece (the `Delivery` port)."""

    async def show(
        self, job: Job, *, progress: Progress | None = None, standing: Standing | None = None
    ) -> None:
        """Do nothing: the command that waits for the job prints its progress."""

    async def deliver(self, job: Job, file: Path) -> Outcome:
        """Copy the video to its place; a copy that is there already is written again."""
        if job.address.path is None:
            return Gone(reason="The job has no path to write to.")
        try:
            await asyncio.to_thread(_copy, file, Path(job.address.path))
        except OSError as error:
            return Gone(reason=f"{job.address.path} cannot be written: {error.strerror}.")
        return Delivered(message_id=0)


class HeldDelivery:
    """Keeps results of other doors for the process that has those doors (the `Delivery` port)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def show(
        self, job: Job, *, progress: Progress | None = None, standing: Standing | None = None
    ) -> None:
        """Show nothing.

        Raises:
            NotAllowedError: Always, so that nobody takes the card for shown.
        """
        raise NotAllowedError("This process cannot reach the door of that job.")

    async def deliver(self, job: Job, file: Path) -> Outcome:
        """Answer "later": the job stays where it is and is resumed by the bot."""
        return Later(at=self._clock.now() + timedelta(hours=1), reason="not this process's door")


def _copy(source: Path, target: Path) -> None:
    if target.exists() and not target.is_file():
        raise OSError(errno.EEXIST, "it is no plain file")
    part = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(source, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
