import asyncio
import hashlib
import resource
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from jobs.errors import MediaError, RequestError, StorageError, StorageFullError
from jobs.model import Artifact, JobId, MediaInfo
from jobs.request import VideoFormat
from storage.artifacts import FolderArtifactStore
from tests.factories import make_artifact, make_job, make_request

INFO = MediaInfo(width=64, height=48, frames=8, duration_s=1.0, codec="h264")


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    return tmp_path / "videos"


@pytest.fixture
def artifacts(videos: Path) -> FolderArtifactStore:
    return FolderArtifactStore(videos, max_bytes=100_000)


async def chunks(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


@contextmanager
def disk_of(size: int) -> Generator[None]:
    """Let no file of this process grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_a_received_file_is_kept_under_the_job_s_name(
    artifacts: FolderArtifactStore, videos: Path
) -> None:
    job = make_job(id=JobId("abc"))
    part = await artifacts.receive(job, chunks(b"one ", b"", b"two"))
    assert names(videos) == ["abc.mp4.part"]
    kept = await artifacts.keep(job, part, INFO)
    assert kept == Artifact(
        name="abc.mp4",
        sha256=hashlib.sha256(b"one two").hexdigest(),
        size=7,
        width=64,
        height=48,
        frames=8,
        duration_s=1.0,
    )
    assert artifacts.path(kept).read_bytes() == b"one two"
    assert names(videos) == ["abc.mp4"]


async def test_a_second_attempt_takes_the_place_of_the_first(
    artifacts: FolderArtifactStore,
) -> None:
    job = make_job(request=make_request(format=VideoFormat.GIF))
    for content in (b"a long first one", b"second"):
        await artifacts.receive(job, chunks(b"left over from a crash"))
        kept = await artifacts.keep(job, await artifacts.receive(job, chunks(content)), INFO)
    assert kept.name.endswith(".gif")
    assert artifacts.path(kept).read_bytes() == b"second"


async def test_a_file_over_the_cap_is_refused_and_leaves_nothing(
    artifacts: FolderArtifactStore, videos: Path
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 40_000

    with pytest.raises(MediaError, match="larger"):
        await artifacts.receive(make_job(), endless())
    assert names(videos) == []


async def test_a_full_disk_is_told_and_the_part_is_removed(
    artifacts: FolderArtifactStore, videos: Path
) -> None:
    with disk_of(5000), pytest.raises(StorageFullError):
        await artifacts.receive(make_job(), chunks(b"x" * 4000, b"x" * 4000))
    assert names(videos) == []
    with disk_of(5000), pytest.raises(StorageFullError):
        await artifacts.keep_image(b"x" * 8000)
    assert names(videos) == []
    await artifacts.receive(make_job(), chunks(b"x" * 8000))


async def test_a_download_that_breaks_leaves_nothing(
    artifacts: FolderArtifactStore, videos: Path
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise MediaError("gone")

    with pytest.raises(MediaError, match="gone"):
        await artifacts.receive(make_job(), broken())
    assert names(videos) == []


async def test_a_cancelled_download_leaves_nothing(
    artifacts: FolderArtifactStore, videos: Path
) -> None:
    started = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield b"half"
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(artifacts.receive(make_job(), stuck()))
    await started.wait()
    assert len(names(videos)) == 1
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert names(videos) == []


async def test_a_folder_that_fails_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "videos").write_text("a file")
    with pytest.raises(StorageError):
        await FolderArtifactStore(tmp_path / "videos").receive(make_job(), chunks(b"x"))


async def test_discarding_removes_what_is_unfinished_and_nothing_else(
    artifacts: FolderArtifactStore, videos: Path
) -> None:
    job = make_job(id=JobId("abc"))
    kept = await artifacts.keep(job, await artifacts.receive(job, chunks(b"video")), INFO)
    other = await artifacts.receive(make_job(id=JobId("abcd")), chunks(b"other"))
    for name in ("abc.mp4.part", "abc.mp4.part.tag.part", "abc.fit.mp4", "abc.fit.part.stats"):
        (videos / name).write_text("left over")
    await artifacts.discard(job)
    await artifacts.discard(job)
    assert names(videos) == sorted([kept.name, other.name])


async def test_an_image_is_kept_once_under_its_digest(
    artifacts: FolderArtifactStore, videos: Path
) -> None:
    image_id = await artifacts.keep_image(b"pixels")
    assert await artifacts.keep_image(b"pixels") == image_id
    assert image_id == hashlib.sha256(b"pixels").hexdigest()
    assert artifacts.image_path(image_id) == videos / "inputs" / f"{image_id}.png"
    assert artifacts.image_path(image_id).read_bytes() == b"pixels"
    assert names(videos) == [f"{image_id}.png"]


async def test_the_same_image_can_be_kept_by_many_at_once(
    artifacts: FolderArtifactStore, videos: Path
) -> None:
    content = b"pixels" * 500_000
    ids = await asyncio.gather(*(artifacts.keep_image(content) for _ in range(20)))
    assert names(videos) == [f"{ids[0]}.png"]
    assert artifacts.image_path(ids[0]).read_bytes() == content


@pytest.mark.parametrize("image_id", ["../../etc/passwd", "", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_no_digest_is_no_image(artifacts: FolderArtifactStore, image_id: str) -> None:
    with pytest.raises(RequestError) as caught:
        artifacts.image_path(image_id)
    assert caught.value.field == "image"


@pytest.mark.parametrize("job_id", ["../escape", "a/b", "", "a*", "a\n", "."])
async def test_what_is_no_job_id_makes_no_path(
    artifacts: FolderArtifactStore, tmp_path: Path, job_id: str
) -> None:
    job = make_job(id=JobId(job_id))
    with pytest.raises(StorageError):
        await artifacts.receive(job, chunks(b"x"))
    with pytest.raises(StorageError):
        await artifacts.discard(job)
    assert names(tmp_path) == []


def test_a_stored_name_never_leads_out_of_the_folder(
    artifacts: FolderArtifactStore, videos: Path
) -> None:
    odd = make_artifact(make_job(), name="../../secret.mp4")
    assert artifacts.path(odd) == videos / "secret.mp4"
