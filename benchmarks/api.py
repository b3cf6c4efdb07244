"""The HTTP door under load: how fast it takes orders and tells of them while its queue is full.

The server is `python -m bot serve` as anybody starts it; the backend is a stand-in for a hosted
provider that takes one job a minute and never finishes it, so every other job stays open. It is
asked from another process, and its processor time is counted from outside, because the number
of questions that one core answers is the same on a busy machine.
"""

import asyncio
import re
import secrets
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.caller import Caller, open_caller
from benchmarks.processes import cpu_s_of, memory_of, started
from benchmarks.service import MODEL, open_service
from benchmarks.table import Row, tail_ms
from bot.clock import SystemClock
from bot.settings import child_environment
from bot.web.modelslab.ids import job_id_of, number_of
from jobs.keys import PREFIX, digest_of
from jobs.limits import resolve
from jobs.model import Address, ApiAddress, Job, JobId, Origin, Requester
from jobs.request import Segment, VideoRequest
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.keys import SqliteKeyStore

OPEN_JOBS = (1000, 10_000)
POLLS = 4000
PACED_S = 15
PER_SECOND = 200
SUBMITS = 500
LINES = 16  # connections at once
BETWEEN_S = 0.05  # two looks for the address in the log
START_S = 60.0
STUCK = '[{"place": "look", "kind": "stuck", "times": 1000000000}]'
KEY = PREFIX + secrets.token_urlsafe(32)
ADDRESS = re.compile(r"Serving at (http://\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A Flipbook that serves, seen from here."""

    caller: Caller
    pid: int


async def measure(folder: Path) -> AsyncGenerator[Row]:
    """Yield the rates with each number of open jobs."""
    for number in OPEN_JOBS:
        own = folder / f"api-{number}"
        data = own / "data"
        data.mkdir(parents=True)
        job_ids = await _fill(data / "flipbook.db", number)
        async with open_service(own, "--faults", STUCK) as service:
            settings = {**service.settings, "NOVITA_SUBMITS_PER_MINUTE": "1"}
            async with _open_server(own, data, settings) as server:
                async for row in _rows(server, f"{number:,} open jobs", job_ids):
                    yield row


async def _rows(server: Server, name: str, job_ids: Sequence[JobId]) -> AsyncGenerator[Row]:
    novita, modelslab = _polls(server.caller, job_ids)
    yield await _crowd(server, f"{name}: polls, Novita's", novita, aim=">= 500 per core second")
    yield await _crowd(server, f"{name}: polls, ModelsLab's", modelslab)
    paced = [*novita, *modelslab][: PACED_S * PER_SECOND]
    yield Row(
        what=f"{name}: polls at {PER_SECOND}/s",
        measured=tail_ms(await server.caller.pace(paced, per_second=PER_SECOND)),
        aim="p99 <= 20 ms",
    )
    submits = [_submit(server.caller, number) for number in range(SUBMITS)]
    yield await _crowd(server, f"{name}: submits", submits)
    yield Row(what=f"{name}: server's memory", measured=memory_of(server.pid).text())


async def _crowd(server: Server, what: str, requests: Sequence[bytes], *, aim: str = "") -> Row:
    before = cpu_s_of(server.pid)
    took_s, waits = await server.caller.crowd(requests)
    cpu_s = cpu_s_of(server.pid) - before
    rates = f"{len(requests) / took_s:,.0f}/s, {len(requests) / cpu_s:,.0f} per core second"
    return Row(what=what, measured=f"{rates}; {tail_ms(waits)}", aim=aim)


def _polls(caller: Caller, job_ids: Sequence[JobId]) -> tuple[list[bytes], list[bytes]]:
    """Return questions after all jobs, once around, in both protocols."""
    asked = [job_ids[number % len(job_ids)] for number in range(POLLS)]
    novita = [caller.get(f"/v3/async/task-result?task_id={one}", key=KEY) for one in asked]
    modelslab = [
        caller.post(f"/api/v3/dreambooth/fetch/{number_of(one)}", {"key": KEY}, key=KEY)
        for one in asked
    ]
    return novita, modelslab


def _submit(caller: Caller, number: int) -> bytes:
    body: dict[str, object] = {
        "model_name": MODEL.id,
        "width": 512,
        "height": 512,
        "steps": 20,
        "prompts": [{"frames": 16, "prompt": f"a lighthouse, number {number}"}],
    }
    return caller.post("/v3/async/txt2video", body, key=KEY)


async def _fill(file: Path, number: int) -> Sequence[JobId]:
    """Make a database with one key and its open jobs."""
    now = SystemClock().now()
    async with Database.open(file) as database:
        key = await SqliteKeyStore(database).add_key(
            "bench", digest_of(KEY), requests_per_minute=1_000_000, now=now
        )
        store = SqliteJobStore(database)
        jobs = [_job(JobId(job_id_of(index + 1)), key.id, now) for index in range(number)]
        for job in jobs:
            await store.enqueue(job)
    return [job.id for job in jobs]


def _job(job_id: JobId, key_id: int, now: datetime) -> Job:
    asked = VideoRequest(segments=(Segment(prompt="a lighthouse", frames=16),), model=MODEL.id)
    return Job(
        id=job_id,
        origin=Origin.API,
        origin_key=f"{key_id}:{job_id}",
        requester=Requester(key_id=key_id),
        address=Address(api=ApiAddress(protocol="novita", base="http://127.0.0.1")),
        asked=asked,
        request=resolve(asked, MODEL, draw_seed=lambda: 7),
        created_at=now,
    )


@asynccontextmanager
async def _open_server(
    folder: Path, data: Path, settings: dict[str, str]
) -> AsyncGenerator[Server]:
    """Start `python -m bot serve`, and end it."""
    environment = {"FLIPBOOK_DATA_DIR": str(data), "FLIPBOOK_HTTP_PORT": "0", **settings}
    words, log = (sys.executable, "-m", "bot", "serve"), folder / "bot.log"
    env = child_environment(environment)
    async with started(words, env=env, folder=folder, log=log) as process:
        async with asyncio.timeout(START_S):
            while (found := ADDRESS.search(log.read_text())) is None:
                if process.returncode is not None:
                    raise RuntimeError(f"the server did not start: {log.read_text()[-500:]}")
                await asyncio.sleep(BETWEEN_S)
        parts = urlsplit(found[1])
        host, port = str(parts.hostname), int(parts.port or 0)
        async with open_caller(host, port, lines=LINES) as caller:
            yield Server(caller=caller, pid=process.pid)
