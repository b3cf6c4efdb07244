"""`python -m bot serve` as a process of its own, with a real worker and the real model."""

import asyncio
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.settings import child_environment
from bot.web.server import open_front_door
from tests.e2e.conftest import ONE_THREAD, SOURCE, gone, processes_naming

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

START_S = 60
VIDEO_S = 120
LISTENS = re.compile(rb"Serving at (http://127\.0\.0\.1:\d+)")
ORDER = {
    "model_name": "shapes",
    "width": 256,
    "height": 256,
    "steps": 4,
    "seed": 7,
    "prompts": [{"prompt": "a red circle moving left", "frames": 8}],
}


@dataclass
class Server:
    """One Flipbook without Discord, started, killed and started again over one data folder."""

    data_dir: Path
    process: asyncio.subprocess.Process | None = None
    url: str = ""
    said: bytearray = field(default_factory=bytearray)
    listening: asyncio.Task[None] | None = None

    async def _spawn(self, *words: str, **options: Any) -> asyncio.subprocess.Process:
        environment = {
            "FLIPBOOK_DATA_DIR": str(self.data_dir),
            "FLIPBOOK_HTTP_PORT": "0",
            "FLIPBOOK_WEBHOOK_ALLOW": "127.0.0.1",
            "LOCAL_ENABLED": "on",
            "LOCAL_DEVICES": "cpu",
            "PYTHONPATH": str(SOURCE),
            **ONE_THREAD,
        }
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *words,
            env=child_environment(environment),
            cwd=self.data_dir,  # no `.env` with real keys lies there
            stdin=asyncio.subprocess.DEVNULL,
            **options,
        )

    async def start(self, *program: str) -> None:
        """Start it and wait until it says where it listens."""
        pipe = asyncio.subprocess.PIPE
        self.process = await self._spawn(*(program or ("bot",)), "serve", stderr=pipe)
        assert self.process.stderr is not None
        self.said.clear()
        async with asyncio.timeout(START_S):
            while not (found := LISTENS.search(self.said)):
                line = await self.process.stderr.readline()
                assert line, self.said.decode()
                self.said += line
        self.url = found[1].decode()
        self.listening = asyncio.create_task(self._listen(self.process.stderr), name="said")

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self.said += line

    async def end(self, number: signal.Signals) -> int:
        """Send a signal, unless it is gone, and return how it ended."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(30):
            code = await self.process.wait()
            if self.listening is not None:
                await self.listening
        for pid in processes_naming(self.data_dir):
            await gone(pid)
        return code

    async def keys(self, *words: str) -> str:
        """Run `python -m bot keys` beside it and return what it prints."""
        process = await self._spawn("bot", "keys", *words, stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(60):
            printed, _ = await process.communicate()
        assert process.returncode == 0
        return printed.decode().strip()

    def jobs(self) -> Sequence[tuple[str, str]]:
        """Return ids and states of all jobs as they stand in the file, oldest first."""
        connection = sqlite3.connect(self.data_dir / "flipbook.db")
        try:
            return connection.execute("SELECT id, state FROM job ORDER BY number").fetchall()
        finally:
            connection.close()


@dataclass
class Caller:
    """A client of the Novita protocol, with an address that takes its webhooks."""

    session: aiohttp.ClientSession
    server: Server
    key: str
    webhook: str
    told: asyncio.Queue[dict[str, Any]]

    async def submit(self, **headers: str) -> tuple[int, dict[str, Any]]:
        return await self.send(
            self.key, {**ORDER, "extra": {"webhook": {"url": self.webhook}}}, headers
        )

    async def send(
        self, key: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        async with self.session.post(
            f"{self.server.url}/v3/async/txt2video",
            json=body,
            headers={"Authorization": f"Bearer {key}", **(headers or {})},
        ) as answer:
            return answer.status, await answer.json()

    async def result(self, task_id: str) -> dict[str, Any]:
        async with self.session.get(
            f"{self.server.url}/v3/async/task-result",
            params={"task_id": task_id},
            headers={"Authorization": f"Bearer {self.key}"},
        ) as answer:
            assert answer.status == 200
            return await answer.json()

    async def until_told(self) -> dict[str, Any]:
        async with asyncio.timeout(VIDEO_S):
            return await self.told.get()

    async def video_of(self, task_id: str) -> bytes:
        """Fetch a finished video as the protocol tells where it is."""
        (video,) = (await self.result(task_id))["videos"]
        async with self.session.get(video["video_url"]) as answer:
            assert (answer.status, answer.content_type) == (200, "video/mp4")
            return await answer.read()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncGenerator[Server]:
    """Return the server, not started; at the end nothing of it may be left."""
    folder = tmp_path / "data"
    folder.mkdir()
    server = Server(folder)
    try:
        yield server
    finally:
        if server.process is not None:
            await server.end(signal.SIGKILL)


@asynccontextmanager
async def calling(server: Server) -> AsyncGenerator[Caller]:
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        told.put_nowait(await request.json())
        return web.Response()

    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        door = open_front_door("127.0.0.1", 0, [web.post("/told", take)])
        port = await stack.enter_async_context(door)
        yield Caller(
            session=session,
            server=server,
            key=await server.keys("create", "ana"),
            webhook=f"http://127.0.0.1:{port}/told",
            told=told,
        )


async def test_a_video_is_ordered_told_of_and_fetched_without_discord(server: Server) -> None:
    await server.start()
    async with calling(server) as caller:
        status, answer = await caller.submit()
        assert status == 200, answer
        told = await caller.until_told()
        assert told["payload"]["task"] == {
            **told["payload"]["task"],
            "task_id": answer["task_id"],
            "status": "TASK_STATUS_SUCCEED",
        }
        assert (await caller.video_of(answer["task_id"]))[4:8] == b"ftyp"
        async with caller.session.get(f"{server.url}/healthz") as health:
            assert (health.status, (await health.json())["status"]) == (200, "ok")
        for path, kind in (("/docs", "text/html"), ("/openapi.json", "application/json")):
            async with caller.session.get(f"{server.url}{path}") as page:
                assert (page.status, page.content_type) == (200, kind)
    assert await server.end(signal.SIGTERM) == 0, server.said.decode()
    assert server.jobs() == [(answer["task_id"], "done")]
    assert "Traceback" not in server.said.decode()


async def test_kill_9_between_accept_and_answer_and_the_retry_gets_the_same_job(
    server: Server,
) -> None:
    await server.start("tests.e2e.hosted.dying_bot", "after-enqueue")
    async with calling(server) as caller:
        with pytest.raises(aiohttp.ClientError):
            await caller.submit(**{"Idempotency-Key": "order-1"})
        assert await server.end(signal.SIGKILL) == -signal.SIGKILL
        ((job_id, state),) = server.jobs()
        assert state == "queued"
        await server.start()
        retries = await asyncio.gather(
            *(caller.submit(**{"Idempotency-Key": "order-1"}) for _ in range(3))
        )
        assert retries == [(200, {"task_id": job_id})] * 3
        await caller.until_told()
        assert (await caller.video_of(job_id))[4:8] == b"ftyp"
    assert await server.end(signal.SIGTERM) == 0, server.said.decode()
    assert server.jobs() == [(job_id, "done")]


async def test_a_stop_keeps_what_waits_and_the_next_start_makes_it(server: Server) -> None:
    await server.start()
    async with calling(server) as caller:
        orders = [await caller.submit() for _ in range(3)]
        assert await server.end(signal.SIGTERM) == 0, server.said.decode()
        assert {state for _, state in server.jobs()} <= {"queued", "done"}
        await server.start()
        for _ in orders:
            await caller.until_told()
    assert [state for _, state in server.jobs()] == ["done"] * 3


async def test_keys_are_made_limited_and_revoked_beside_it(server: Server) -> None:
    await server.start()
    async with calling(server) as caller:
        limited = await server.keys("create", "ben", "--limit", "waiting=none")
        status, answer = await caller.send(limited, ORDER)
        assert (status, answer["reason"]) == (429, "RATE_LIMIT_EXCEEDED"), answer
        await server.keys("revoke", "ana")
        status, answer = await caller.send(caller.key, ORDER)
        assert (status, answer["reason"]) == (403, "INVALID_API_KEY")
    assert server.jobs() == []
