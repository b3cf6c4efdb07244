"""Claims and completions per second, with little and with much history in the table.

A finished job leaves its row, its events, its reservations and its lines in the ledger; the
history has all of them, so that no index is smaller here than after a million real videos.
"""

import os
import secrets
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from benchmarks.disk import syncs
from benchmarks.table import Row, rate, tail_ms
from bot.clock import SystemClock
from jobs.limits import resolve
from jobs.model import Address, Job, JobId, Origin, Requester
from jobs.quota.books import settlement_of
from jobs.request import ModelInfo, ProviderName, Segment, VideoRequest
from jobs.states import JobState
from storage.database import Database
from storage.jobs import SqliteJobStore

JOBS = 1000  # half of them are completed at once, half live their whole life
HISTORY = (0, 10_000, 1_000_000)
TO_DONE = (
    JobState.RUNNING,
    JobState.FETCHING,
    JobState.READY,
    JobState.DELIVERING,
    JobState.DONE,
)
TO_CANCELLED = (JobState.CANCELLED,)
MODEL = ModelInfo(id="bench", provider=ProviderName.LOCAL, title="Bench")
SEED = JobId("seed00000")

# The finished jobs are copies of one that was queued, worked on and finished by the store itself.
COPIES = """
CREATE TEMP TABLE old AS
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)
SELECT 'old' || i AS id FROM n WHERE :number > 0
"""


async def measure(folder: Path) -> AsyncGenerator[Row]:
    """Yield the rates for each amount of history, and how the disk was doing then."""
    for finished in HISTORY:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            path = Path(own) / "flipbook.db"
            await fill(path, finished)
            async with Database.open(path) as database:
                store = SqliteJobStore(database)
                await enqueue(store, JOBS, prefix="job")
                short = [await _live(store, TO_CANCELLED) for _ in range(JOBS // 2)]
                whole = [await _live(store, TO_DONE) for _ in range(JOBS // 2)]
                disk = syncs(folder, is_append=True)
        name = f"queue, {finished:,} finished jobs"
        yield Row(
            what=f"{name}: claim + complete (2 commits)",
            measured=rate(short),
            aim="flat, > 1,000/s" if finished else "> 1,000/s",
        )
        yield Row(
            what=f"{name}: claim to done (6 commits)",
            measured=rate(whole),
            aim="flat" if finished else "",
        )
        yield Row(what=f"{name}: fdatasync at that time", measured=tail_ms(disk))


async def fill(path: Path, finished: int) -> None:
    """Make the file and its history, and let the disk come to rest."""
    async with Database.open(path) as database:
        store = SqliteJobStore(database)
        await enqueue(store, 1, prefix="seed")
        await _live(store, TO_DONE)
    with hasty(path) as connection:
        connection.execute(COPIES, {"number": finished})
        for table, key in (
            ("job", "id"),
            ("job_event", "job_id"),
            ("reservation", "job_id"),
            ("ledger", "job_id"),
        ):
            copy(connection, table, key)
    os.sync()


@contextmanager
def hasty(path: Path) -> Generator[sqlite3.Connection]:
    """Open the file without any safety; nobody needs it after a crash."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144"
        )
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")


def copy(connection: sqlite3.Connection, table: str, key: str, **changes: str) -> None:
    """Give each old job copies of the seed's rows in one table; changes are SQL by column."""
    own = {"number": "NULL", key: "old.id", **changes}
    if table == "job":
        own["origin_key"] = "old.id"
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(own.get(name, f"seed.{name}") for name in names)
    connection.execute(
        f"INSERT INTO {table} ({', '.join(names)}) "  # noqa: S608 - the names are the schema's own
        f"SELECT {values} FROM old JOIN {table} AS seed WHERE seed.{key} = :seed",
        {"seed": SEED},
    )


async def enqueue(
    store: SqliteJobStore, number: int, *, prefix: str, user_id: int = 1
) -> Sequence[float]:
    """Ask that often, and return how long each took."""
    now = SystemClock().now()
    asked = VideoRequest(segments=(Segment(prompt="a lighthouse"),))
    request = resolve(asked, MODEL, draw_seed=lambda: 7)
    requester = Requester(user_id=user_id, guild_id=2)
    samples = list[float]()
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
        started = perf_counter()
        await store.enqueue(job)
        samples.append(perf_counter() - started)
    return samples


async def _live(store: SqliteJobStore, states: Sequence[JobState]) -> float:
    """Claim the next job, take it through `states`, and return how long that took."""
    started, now = perf_counter(), SystemClock().now()
    token = secrets.token_hex(16)
    job = await store.claim("local", token=token, now=now, lease_until=now + timedelta(minutes=1))
    if job is None:
        raise RuntimeError("the queue ran dry")
    for state in states:
        after = job.evolve(state=state, ended_at=now if state.is_final else None)
        job = await store.save(job, after, now=now, settle=settlement_of(after))
    return perf_counter() - started
