"""Videos and init images on our disk: streamed to a `.part`, fsynced, then renamed into place.

A name in the videos folder is made of a job's id and its format, or of a digest; nothing that
somebody typed or a backend sent becomes part of a path.
"""

import asyncio
import errno
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import ParamSpec, TypeVar

from jobs.errors import MediaError, RequestError, StorageError, StorageFullError
from jobs.model import Artifact, Job, JobId, MediaInfo
from storage.endurance import to_its_end

MAX_VIDEO_BYTES = 512 * 1024**2

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_HASH_BLOCK = 1024**2

Given = ParamSpec("Given")
Result = TypeVar("Result")


class FolderArtifactStore:
    """The `ArtifactStore` of a folder.

    Args:
        videos: The folder; `inputs/` in it holds init images.
        max_bytes: The most that a backend's file may have.
    """

    def __init__(self, videos: Path, *, max_bytes: int = MAX_VIDEO_BYTES) -> None:
        self._videos = videos
        self._inputs = videos / "inputs"
        self._max_bytes = max_bytes

    async def receive(self, job: Job, chunks: AsyncIterator[bytes]) -> Path:
        """Stream a backend's file to a `.part` beside its place, under a byte cap.

        Raises:
            MediaError: It is larger than any video of ours can be.
            StorageFullError: The disk is full; the part is removed.
        """
        part = self._part(job)
        try:
            with _told_as_ours():
                await self._stream(part, chunks)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
        return part

    async def keep(self, job: Job, part: Path, info: MediaInfo) -> Artifact:
        """Hash, fsync and rename a finished `.part`.

        Raises:
            StorageFullError: The disk is full.
        """
        place = self._videos / f"{_checked(job.id)}.{job.request.format}"
        with _told_as_ours():
            sha256, size = await _in_thread(_settle_file, part, place)
        return Artifact(
            name=place.name,
            sha256=sha256,
            size=size,
            width=info.width,
            height=info.height,
            frames=info.frames,
            duration_s=info.duration_s,
        )

    def path(self, artifact: Artifact) -> Path:
        """Return where a kept video lies."""
        return self._videos / Path(artifact.name).name

    async def keep_image(self, content: bytes) -> str:
        """Store a checked init image and return its id, the sha256 of its bytes.

        Raises:
            StorageFullError: The disk is full.
        """
        image_id = hashlib.sha256(content).hexdigest()
        with _told_as_ours():
            await _in_thread(_write_image, self.image_path(image_id), content)
        return image_id

    def image_path(self, image_id: str) -> Path:
        """Return where a kept init image lies.

        Raises:
            RequestError: It is no id of an image.
        """
        if not _SHA256.fullmatch(image_id):
            raise RequestError("`image` is not the id of a stored image.", field="image")
        return self._inputs / f"{image_id}.png"

    async def discard(self, job: Job) -> None:
        """Remove a job's unfinished parts and shrunk copies, if there are any."""
        with _told_as_ours():
            await _in_thread(_remove_parts, self._videos, _checked(job.id))

    async def remove(self, job: Job) -> None:
        """Remove a job's video and all that was made of it; to do it twice changes nothing."""
        with _told_as_ours():
            await _in_thread(_remove_parts, self._videos, _checked(job.id))
            if job.artifact is not None:
                await _in_thread(_remove_video, self.path(job.artifact))

    async def _stream(self, part: Path, chunks: AsyncIterator[bytes]) -> None:
        self._videos.mkdir(parents=True, exist_ok=True)
        size = 0
        with part.open("wb", buffering=0) as file:
            async for chunk in chunks:
                size += len(chunk)
                if size > self._max_bytes:
                    raise MediaError(
                        f"The backend's file is larger than {self._max_bytes // 1024**2} MiB."
                    )
                await _in_thread(_write_whole, file, chunk)

    def _part(self, job: Job) -> Path:
        return self._videos / f"{_checked(job.id)}.{job.request.format}.part"


def _checked(job_id: JobId) -> str:
    if not _JOB_ID.fullmatch(job_id):
        raise StorageError(f"{job_id!r} is no id of a job.")
    return job_id


def _write_whole(file: FileIO, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[file.write(left) :]


def _write_image(place: Path, content: bytes) -> None:
    with suppress(FileNotFoundError):
        os.utime(place)  # so that nobody takes it for one that nobody uses
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{place.name}.{secrets.token_hex(8)}.part")  # others may write it too
    try:
        part.write_bytes(content)
        _settle_file(part, place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _settle_file(part: Path, place: Path) -> tuple[str, int]:
    """Make a file durable under its name; return its sha256 and its size."""
    digest = hashlib.sha256()
    with part.open("rb") as file:
        while block := file.read(_HASH_BLOCK):
            digest.update(block)
        size = file.tell()
        os.fsync(file.fileno())
    part.replace(place)
    _sync_folder(place.parent)
    return digest.hexdigest(), size


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_parts(videos: Path, job_id: str) -> None:
    for pattern in (f"{job_id}.*.part", f"{job_id}.fit.*"):
        for part in videos.glob(pattern):
            part.unlink(missing_ok=True)


def _remove_video(place: Path) -> None:
    place.unlink(missing_ok=True)
    if place.parent.is_dir():
        _sync_folder(place.parent)


async def _in_thread(
    function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
) -> Result:
    return await to_its_end(asyncio.to_thread(function, *args, **kwargs))


@contextmanager
def _told_as_ours() -> Generator[None]:
    """Turn the file system's errors into ours."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFullError(f"No room for a video: {error}") from error
        raise StorageError(f"The videos folder failed: {error}") from error
