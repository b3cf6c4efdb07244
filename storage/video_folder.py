"""The files in the videos folder as those see them who delete: by the names that are ours.

A file whose name we would not have given is somebody else's, and stays.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from jobs.errors import StorageError
from storage.endurance import to_its_end

_VIDEO = re.compile(r"(?P<job>[A-Za-z0-9_-]{1,64})\.(?:mp4|gif)")
_OF_A_JOB = re.compile(r"(?P<job>[A-Za-z0-9_-]{1,64})\.(?:mp4|gif|(?:mp4|gif)\.part|fit\..+)")
_IMAGE = re.compile(r"(?P<image>[0-9a-f]{64})\.png")
_PART = re.compile(r".+\.part")


class SweptFolder:
    """The `VideoFolder` of a folder; the methods are told in `jobs.ports`."""

    def __init__(self, videos: Path) -> None:
        self._videos = videos
        self._inputs = videos / "inputs"

    async def remove(self, names: Iterable[str]) -> None:
        """Remove videos; what is not there is no error."""
        places = [self._videos / name for name in names if _VIDEO.fullmatch(name)]
        await _in_thread(lambda: _unlink(places))

    async def remove_image(self, image_id: str) -> None:
        """Remove an init image."""
        name = f"{image_id}.png"
        if _IMAGE.fullmatch(name):
            await _in_thread(lambda: _unlink([self._inputs / name]))

    async def read(self, name: str, *, max_bytes: int) -> bytes | None:
        """Return a video; None if it is not there, or larger."""
        if not _VIDEO.fullmatch(name):
            return None
        return await asyncio.to_thread(_content, self._videos / name, max_bytes)

    async def jobs(self, *, older_than: datetime) -> AbstractSet[str]:
        """Return the ids of jobs that have files which nobody wrote to since a time."""

        def look() -> AbstractSet[str]:
            found = (_OF_A_JOB.fullmatch(file.name) for file in _files(self._videos, older_than))
            return {match["job"] for match in found if match}

        return await asyncio.to_thread(look)

    async def images(self, *, older_than: datetime) -> AbstractSet[str]:
        """Return the init images that nobody uploaded since a time."""

        def look() -> AbstractSet[str]:
            found = (_IMAGE.fullmatch(file.name) for file in _files(self._inputs, older_than))
            return {match["image"] for match in found if match}

        return await asyncio.to_thread(look)

    async def remove_of(self, job_id: str) -> None:
        """Remove all files of a job."""

        def work() -> None:
            found = [one for one in self._videos.iterdir() if _OF_A_JOB.fullmatch(one.name)]
            _unlink(one for one in found if one.name.partition(".")[0] == job_id)

        await _in_thread(work)

    async def remove_parts(self, *, older_than: datetime) -> int:
        """Remove unfinished files that nobody wrote to since a time; return how many."""

        def work() -> int:
            folders = (self._videos, self._inputs)
            files = [one for folder in folders for one in _files(folder, older_than)]
            stale = [one for one in files if _PART.fullmatch(one.name)]
            _unlink(stale)
            return len(stale)

        return await asyncio.to_thread(work)


def _files(folder: Path, older_than: datetime) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        with suppress(FileNotFoundError):  # finished, or removed, meanwhile
            written = datetime.fromtimestamp(entry.stat().st_mtime, tz=UTC)
            if entry.is_file() and written < older_than:
                yield entry


def _unlink(places: Iterable[Path]) -> None:
    try:
        for place in places:
            place.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"The videos folder failed: {error}") from error


def _content(place: Path, max_bytes: int) -> bytes | None:
    try:
        return place.read_bytes() if place.stat().st_size <= max_bytes else None
    except OSError:
        return None


async def _in_thread(work: Callable[[], None]) -> None:
    await to_its_end(asyncio.to_thread(work))
