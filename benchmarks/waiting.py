"""What it costs to wait: the bot with nothing to do, and with 1,000 jobs at a hosted provider.

The jobs were submitted to a stand-in that never finishes them, and stand as running in the
database of a bot that is then started: it resumes them all. They have no cards, because editing
those is Discord's matter. All is counted from outside the bot.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

from benchmarks.playground import Playground, open_playground
from benchmarks.processes import cpu_s_of, memory_of
from benchmarks.service import MODEL, Service, open_service
from benchmarks.table import Row
from bot.clock import SystemClock
from jobs.limits import resolve
from jobs.model import Address, Job, JobId, Origin, Requester
from jobs.request import Segment, VideoRequest
from jobs.states import JobState
from providers.hosted.api import Order
from storage.database import Database
from storage.jobs import SqliteJobStore

NUMBER = 1000
MINUTE_S = 60.0
RESUMED_S = 20.0  # until all jobs are in hand
BETWEEN_S = 0.01  # two counts of connections
STUCK = '[{"place": "look", "kind": "stuck", "times": 1000000000}]'


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one minute took.

    Attributes:
        cpu_s: Seconds of processor time of the bot.
        looks: Questions after jobs.
        connections: How many to the service were open, at each count.
    """

    cpu_s: float = 0.0
    looks: int = 0
    connections: list[int] = field(default_factory=list[int])


async def measure(folder: Path) -> AsyncGenerator[Row]:
    """Yield a minute without jobs, and one with more than any account may have."""
    for number in (0, NUMBER):
        own = folder / f"waiting-{number}"
        data = own / "bot" / "data"  # where the playground has it
        data.mkdir(parents=True)
        async with open_service(own, "--faults", STUCK) as service:
            await _submit(data / "flipbook.db", service, number)
            async with open_playground(own, "bot", settings=service.settings) as playground:
                await asyncio.sleep(RESUMED_S)
                tally = await _minute(playground, service)
                memory = memory_of(playground.bot_pid).text()
        for row in _rows(f"{number:,} jobs at a provider", tally, memory):
            yield row


def _rows(name: str, tally: Tally, memory: str) -> list[Row]:
    most, counts = max(tally.connections), len(tally.connections)
    return [
        Row(what=f"{name}: bot's CPU in a minute", measured=f"{tally.cpu_s:.2f} s (n=1)"),
        Row(what=f"{name}: questions in a minute", measured=f"{tally.looks:,} (n=1)"),
        Row(
            what=f"{name}: connections to it",
            measured=f"at most {most} (n={counts:,})",
            aim="<= 4",
        ),
        Row(what=f"{name}: bot's memory", measured=memory),
    ]


async def _submit(file: Path, service: Service, number: int) -> None:
    """Submit jobs, and write them down as a bot does that is then killed."""
    api, clock = service.api, SystemClock()
    async with Database.open(file) as database:
        store = SqliteJobStore(database)
        for index in range(number):
            token, now = secrets.token_hex(16), clock.now()
            job = _job(index, now)
            await store.enqueue(job)
            claimed = await store.claim(
                job.backend, token=token, now=now, lease_until=now + timedelta(minutes=1)
            )
            if claimed is None:
                raise RuntimeError("the queue ran dry")
            accepted = await api.submit(Order(request=job.request, token=token))
            running = claimed.evolve(
                state=JobState.RUNNING,
                provider_job_id=accepted.provider_job_id,
                endpoint=api.endpoint,
                started_at=now,
            )
            await store.save(claimed, running, now=now)


def _job(index: int, now: datetime) -> Job:
    asked = VideoRequest(segments=(Segment(prompt="a lighthouse"),))
    return Job(
        id=JobId(f"wait{index:05d}"),
        origin=Origin.CLI,
        origin_key=f"wait:{index}",
        requester=Requester(),
        address=Address(path=os.devnull),
        asked=asked,
        request=resolve(asked, MODEL, draw_seed=lambda: 7),
        created_at=now,
    )


async def _minute(playground: Playground, service: Service) -> Tally:
    """Count for a minute."""
    bot = playground.bot_pid
    looks, cpu_s = await service.looks(), cpu_s_of(bot)
    tally, until = Tally(), perf_counter() + MINUTE_S
    while perf_counter() < until:
        tally.connections.append(service.connections())
        await asyncio.sleep(BETWEEN_S)
    tally.cpu_s = cpu_s_of(bot) - cpu_s
    tally.looks = await service.looks() - looks
    return tally
