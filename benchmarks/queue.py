"""Claim and complete per second, with little and with much history in the table."""

import sqlite3
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from bot.clock import SystemClock
from jobs.limits import resolve
from jobs.model import Address, Job, JobId, Origin, Requester
from jobs.quota import UNLIMITED, charges_for, settlement_of
from jobs.request import ModelInfo, ProviderName, Segment, VideoRequest
from jobs.states import JobState
from storage.database import Database
from storage.jobs import SqliteJobStore

JOBS = 500
HISTORY = (0, 10_000, 1_000_000)
PATH_TO_DONE = (
    JobState.RUNNING,
    JobState.FETCHING,
    JobState.READY,
    JobState.DELIVERING,
    JobState.DONE,
)
MODEL = ModelInfo(id="bench", provider=ProviderName.LOCAL, title="Bench")
Row = tuple[str, str]


async def measure() -> AsyncIterator[Row]:
    """Yield one row per amount of history."""
    for finished in HISTORY:
        with tempfile.TemporaryDirectory(prefix="flipbook-bench-") as folder:
            async with Database.open(Path(folder) / "flipbook.db") as database:
                store = SqliteJobStore(database)
                await _enqueue(store, 1, prefix="seed")
                await database.write(lambda connection, n=finished: _add_history(connection, n))
                await _enqueue(store, JOBS, prefix="job")
                claims, lives = await _claim_and_complete(store)
        name = f"queue with {finished:,} finished jobs"
        yield f"{name}: claim + complete", f"{claims:,.0f}/s"
        yield f"{name}: whole life, 7 transactions", f"{lives:,.0f}/s"


async def _enqueue(store: SqliteJobStore, number: int, *, prefix: str) -> None:
    now = SystemClock().now()
    asked = VideoRequest(segments=(Segment(prompt="a lighthouse"),))
    request = resolve(asked, MODEL, draw_seed=lambda: 7)
    requester = Requester(user_id=1, guild_id=2)
    charges = charges_for(requester, request, UNLIMITED, now)
    for index in range(number):
        job = Job(
            id=JobId(f"{prefix}{index:05d}"),
            origin=Origin.DISCORD,
            origin_key=f"{prefix}:{index}",
            requester=requester,
            address=Address(channel_id=3),
            asked=asked,
            request=request,
            created_at=now,
        )
        await store.enqueue(job, charges)


async def _claim_and_complete(store: SqliteJobStore) -> tuple[float, float]:
    """Return claims with their end per second, and whole lives per second."""
    started = perf_counter()
    for _ in range(JOBS // 2):
        await _live(store, (JobState.CANCELLED,))
    halfway = perf_counter()
    for _ in range(JOBS // 2):
        await _live(store, PATH_TO_DONE)
    return JOBS / 2 / (halfway - started), JOBS / 2 / (perf_counter() - halfway)


async def _live(store: SqliteJobStore, states: tuple[JobState, ...]) -> None:
    now = SystemClock().now()
    job = await store.claim("local", token="t", now=now, lease_until=now + timedelta(minutes=1))  # noqa: S106 - no secret
    if job is None:
        raise RuntimeError("the queue ran dry")
    for state in states:
        after = job.evolve(state=state, ended_at=now if state.is_final else None)
        job = await store.save(job, after, now=now, settle=settlement_of(after))


def _add_history(connection: sqlite3.Connection, number: int) -> None:
    """Copy the one queued job into `number` finished ones, and end it."""
    columns = [
        row["name"]
        for row in connection.execute("PRAGMA table_info(job)")
        if row["name"] not in ("number", "id", "origin_key", "state", "ended_at")
    ]
    names = ", ".join(columns)
    connection.execute(
        f"""
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)
        INSERT INTO job (id, origin_key, state, ended_at, {names})
        SELECT 'old' || i, 'old:' || i, 'done', created_at, {names} FROM n, job
        WHERE job.id = 'seed00000' AND :number > 0
        """,  # noqa: S608 - the names are the schema's own
        {"number": number},
    )
    connection.execute(
        "UPDATE job SET state = 'cancelled', ended_at = created_at WHERE id = 'seed00000'"
    )
