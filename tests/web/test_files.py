"""What a signed link opens, until when, and what nothing else opens."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.web.files import SECRET, Files
from bot.web.server import Bounds, open_front_door
from jobs.model import Job, JobId
from jobs.states import JobState
from storage.artifacts import FolderArtifactStore
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.values import SqliteValueStore
from tests.factories import NOW, make_artifact, make_job, make_request
from tests.fakes.clock import FakeClock
from tests.fakes.quick_database import open_quickly

VIDEO = bytes(range(256)) * 8
TTL_S = 3600


@dataclass
class Shelf:
    """A door with one finished MP4 and one finished GIF behind it."""

    database: Database
    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    port: int = 0

    async def build(self) -> None:
        self.store = SqliteJobStore(self.database)
        self.artifacts = FolderArtifactStore(self.folder)
        self.values = SqliteValueStore(self.database)
        self.files = await self.open()
        self.mp4 = await self.finished("mp4")
        self.gif = await self.finished("gif")

    async def open(self) -> Files:
        return await Files.open(
            self.values, jobs=self.store, artifacts=self.artifacts, clock=self.clock
        )

    async def finished(self, kind: str) -> Job:
        job = make_job(request=make_request(format=kind), state=JobState.DONE, ended_at=NOW)
        job, _ = await self.store.enqueue(job.evolve(artifact=make_artifact(job)))
        assert job.artifact is not None
        self.artifacts.path(job.artifact).write_bytes(VIDEO)
        return job

    def path_of(self, job: Job) -> Path:
        assert job.artifact is not None
        return self.artifacts.path(job.artifact)

    def url(self, job: Job | None = None, *, ttl_s: int = TTL_S) -> str:
        base = f"http://127.0.0.1:{self.port}"
        return self.files.url_of(job or self.mp4, base=base, ttl_s=ttl_s)

    async def ask(
        self, url: str | None = None, *, method: str = "GET", **headers: str
    ) -> tuple[int, bytes, Any]:
        wire = {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url or self.url(), headers=wire) as answer,
        ):
            return answer.status, await answer.read(), answer.headers

    async def status(self, url: str, *, method: str = "GET") -> int:
        return (await self.ask(url, method=method))[0]


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncGenerator[Shelf]:
    videos = tmp_path / "videos"
    videos.mkdir()
    async with open_quickly(tmp_path / "flipbook.db") as database:
        shelf = Shelf(database=database, folder=videos)
        await shelf.build()
        async with open_front_door("127.0.0.1", 0, shelf.files.routes()) as shelf.port:
            yield shelf


async def test_a_link_opens_the_file_with_its_type_and_name(shelf: Shelf) -> None:
    status, body, headers = await shelf.ask()
    assert (status, body) == (200, VIDEO)
    assert headers["Content-Type"] == "video/mp4"
    assert headers["Content-Length"] == str(len(VIDEO))
    assert headers["Content-Disposition"] == f'inline; filename="flipbook-{shelf.mp4.id}.mp4"'
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "private, max-age=3600"


async def test_a_gif_is_a_gif(shelf: Shelf) -> None:
    url = shelf.url(shelf.gif)
    assert url.endswith(".gif")
    status, body, headers = await shelf.ask(url)
    assert (status, body, headers["Content-Type"]) == (200, VIDEO, "image/gif")


async def test_head_tells_the_same_without_the_file(shelf: Shelf) -> None:
    status, body, headers = await shelf.ask(method="HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(VIDEO)))
    assert headers["Content-Type"] == "video/mp4"


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, 2048),
        ("bytes=-10", 2038, 2048),
        ("bytes=2000-999999", 2000, 2048),
        ("bytes=-999999", 0, 2048),
    ],
)
async def test_a_range_is_answered_with_that_range(
    shelf: Shelf, asked: str, start: int, end: int
) -> None:
    status, body, headers = await shelf.ask(Range=asked)
    assert (status, body) == (206, VIDEO[start:end])
    assert headers["Content-Range"] == f"bytes {start}-{end - 1}/2048"
    assert headers["Content-Type"] == "video/mp4"


@pytest.mark.parametrize("asked", ["bytes=2048-", "bytes=9-5", "bytes=x", "bytes=99999-"])
async def test_a_range_beyond_the_file_is_refused(shelf: Shelf, asked: str) -> None:
    status, _, headers = await shelf.ask(Range=asked)
    assert (status, headers["Content-Range"]) == (416, "bytes */2048")


async def test_what_has_not_changed_is_not_sent_again(shelf: Shelf) -> None:
    _, _, headers = await shelf.ask()
    status, body, _ = await shelf.ask(If_None_Match=headers["ETag"])
    assert (status, body) == (304, b"")


async def test_a_link_works_until_its_last_second_and_no_longer(shelf: Shelf) -> None:
    url = shelf.url(ttl_s=60)
    shelf.clock.advance(59)
    assert await shelf.status(url) == 200
    shelf.clock.advance(1)
    status, body, _ = await shelf.ask(url)
    assert (status, body) == (410, b"This link has expired.")


async def test_no_letter_of_a_link_can_be_changed(shelf: Shelf) -> None:
    url = shelf.url()
    name = url.rpartition("/")[2].removesuffix(".mp4")
    start = url.index(name)
    for place, letter in enumerate(name):
        other = "1" if letter == "0" else "0"
        tampered = url[: start + place] + other + url[start + place + 1 :]
        assert await shelf.status(tampered) == 404, tampered


async def test_a_link_cannot_be_prolonged_or_turned_to_another_file(shelf: Shelf) -> None:
    url, other = shelf.url(), shelf.url(shelf.gif)
    expires = re.findall(r"-(\d+)-", url)[0]
    assert await shelf.status(url.replace(expires, str(int(expires) + 1))) == 404
    assert await shelf.status(url.replace(expires, f"0{expires}")) == 404
    assert await shelf.status(url.replace(shelf.mp4.id, shelf.gif.id)) == 404
    assert await shelf.status(url.replace(".mp4", ".gif")) == 404
    assert await shelf.status(other.replace(".gif", ".mp4")) == 404


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/flipbook.db",
        "/..%2f..%2fflipbook.db",
        "/%2e%2e/flipbook.db",
        "/j0000001.mp4",
        "/j0000001-99999999999-.mp4",
        "/j0000001-99999999999-" + "0" * 64 + ".mp4",
        "/..-99999999999-" + "0" * 64 + ".mp4",
        "/a-9999999999999-" + "0" * 64 + ".mp4",
        "/a-99999999999-" + "0" * 64 + ".exe",
        "/%00-99999999999-" + "0" * 64 + ".mp4",
        "/a-" + "٣" * 5 + "-" + "0" * 64 + ".mp4",
    ],
)
async def test_nothing_else_is_there(shelf: Shelf, path: str) -> None:
    assert await shelf.status(f"http://127.0.0.1:{shelf.port}/files{path}") == 404


async def test_a_file_that_was_removed_is_gone(shelf: Shelf) -> None:
    shelf.path_of(shelf.mp4).unlink()
    assert await shelf.status(shelf.url()) == 404
    assert await shelf.status(shelf.url(shelf.gif)) == 200


async def test_a_job_without_a_file_or_none_at_all_has_none_to_fetch(shelf: Shelf) -> None:
    waiting, _ = await shelf.store.enqueue(make_job())
    assert await shelf.status(shelf.url(waiting)) == 404
    assert await shelf.status(shelf.url(make_job(id=JobId("nobody22")))) == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_files_are_only_read(shelf: Shelf, method: str) -> None:
    assert await shelf.status(shelf.url(), method=method) == 405


async def test_links_outlive_a_restart_and_are_another_installations_nonsense(
    shelf: Shelf,
) -> None:
    url = shelf.url()
    assert (await shelf.open()).url_of(shelf.mp4, base="", ttl_s=TTL_S) in url
    await shelf.values.set_value(SECRET, "00" * 32)
    assert (await shelf.open()).url_of(shelf.mp4, base="", ttl_s=TTL_S) not in url


async def test_the_base_may_have_a_path_and_a_slash(shelf: Shelf) -> None:
    url = shelf.files.url_of(shelf.mp4, base="https://gpu.example/flipbook/", ttl_s=TTL_S)
    assert url.startswith(f"https://gpu.example/flipbook/files/{shelf.mp4.id}-")


async def test_a_database_that_is_closed_is_no_reason_to_tell_more(shelf: Shelf) -> None:
    await shelf.database.close()
    status, body, _ = await shelf.ask()
    assert status == 503
    assert b"Traceback" not in body


async def test_who_reads_too_slowly_is_cut_off(shelf: Shelf) -> None:
    size = 64 * 2**20  # more than the sockets between the two can hold
    shelf.path_of(shelf.mp4).write_bytes(bytes(size))
    slow = Files(
        secret=bytes(32), jobs=shelf.store, artifacts=shelf.artifacts, clock=shelf.clock, send_s=0.2
    )
    url = slow.url_of(shelf.mp4, base="", ttl_s=TTL_S)
    only_one = Bounds(connections=1)
    async with open_front_door("127.0.0.1", 0, slow.routes(), bounds=only_one) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert await first_answer(shelf, f"http://127.0.0.1:{port}{url}") == 200
        received = 0
        with suppress(ConnectionError):
            while piece := await reader.read(2**20):
                received += len(piece)
        assert received < size
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def first_answer(shelf: Shelf, url: str) -> int:
    """Return the first answer after the other one, who holds the only connection, is cut off."""
    while True:
        try:
            return await shelf.status(url, method="HEAD")
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0)
