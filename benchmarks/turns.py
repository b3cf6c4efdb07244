"""How long it takes to find whose turn it is, when very many wait and very many were served.

The first rows are ours, the others are first come first served and do less (benchmarks/rivals.py).
"""

import secrets
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from time import perf_counter

from benchmarks.queue import COPIES, copy, enqueue, fill, hasty
from benchmarks.rivals import RIVALS, Rival
from benchmarks.table import Row, tail_ms
from bot.clock import SystemClock
from jobs.fairness import Caps
from jobs.model import Job
from jobs.moderation.acts import Act, ActKind
from jobs.quota.tiers import EVERYONE, SERVER, Rule, Setting
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from storage.turns import Claimer, claim

CROWDS = ((700, 0), (100_000, 0), (100_000, 1_000_000))  # queued by one member, finished
TIMES = 300
FLOODER, OTHER = 99, 7
# What a finished job has and a waiting one has not, as SQL by column.
WAITING = {
    "state": "'queued'",
    "user_id": str(FLOODER),
    "attempt": "0",
    "attempt_token": "NULL",
    "started_at": "NULL",
    "rendered_at": "NULL",
    "ended_at": "NULL",
    "charged_us": "0",
}


async def measure(folder: Path) -> AsyncGenerator[Row]:
    """Yield what a claim and an enqueue take in each crowd."""
    for queued, finished in CROWDS:
        what = f"turns, {queued:,} queued, {finished:,} finished"
        with tempfile.TemporaryDirectory(dir=folder) as own:
            async for row in _ours(Path(own), queued, finished, what):
                yield row
        for rival in RIVALS:
            with tempfile.TemporaryDirectory(dir=folder) as own:
                for row in _theirs(rival, Path(own), queued, finished, what):
                    yield row


async def _ours(folder: Path, queued: int, finished: int, what: str) -> AsyncGenerator[Row]:
    path = folder / "flipbook.db"
    await fill(path, finished)
    _flood(path, queued)
    async with Database.open(path) as database:
        store = SqliteJobStore(database)
        await store.recount()
        await _claim(store)
        await enqueue(store, 1, prefix="other", user_id=OTHER)
        waited = 1
        while (await _claim(store)).requester.user_id != OTHER:
            waited += 1
        await _limit(database)
        asks = await enqueue(store, TIMES, prefix="more", user_id=FLOODER)
        claims = [await _timed(store) for _ in range(TIMES)]
    yield Row(
        what=f"{what}: claim",
        measured=f"{tail_ms(claims)}; another is served at claim {waited}",
        aim="p50 <= 0.5 ms, flat",
    )
    yield Row(
        what=f"{what}: claim, its SQL without the disk",
        measured=tail_ms(_without_disk(path)),
        aim="flat",
    )
    yield Row(what=f"{what}: enqueue, with three limits and the books", measured=tail_ms(asks))


async def _limit(database: Database) -> None:
    """Have an ask look at limits that it meets: two of the member and one of the server."""
    quotas = SqliteQuotaStore(database)
    limits = (
        Rule(target=EVERYONE, setting=Setting.VIDEOS_PER_DAY, value=10**9),
        Rule(target=EVERYONE, setting=Setting.SECONDS_PER_MONTH, value=10**11),
        Rule(target=SERVER, setting=Setting.VIDEOS_PER_MONTH, value=10**9),
    )
    for rule in limits:
        act = Act(
            guild_id=2,
            actor_id=1,
            kind=ActKind.QUOTA_SET,
            target=str(rule.target),
            at=SystemClock().now(),
        )
        await quotas.set_rule(rule, act=act)


def _flood(path: Path, queued: int) -> None:
    """Put copies of the seed in line, all of one member."""
    with hasty(path) as connection:
        connection.execute("DROP TABLE IF EXISTS old")
        connection.execute(COPIES.replace("'old'", "'new'"), {"number": queued})
        copy(connection, "job", "id", **WAITING)


async def _claim(store: SqliteJobStore) -> Job:
    now, token = SystemClock().now(), secrets.token_hex(16)
    job = await store.claim("local", token=token, now=now, lease_until=now + timedelta(minutes=1))
    if job is None:
        raise RuntimeError("the queue ran dry")
    return job


async def _timed(store: SqliteJobStore) -> float:
    started = perf_counter()
    await _claim(store)
    return perf_counter() - started


def _without_disk(path: Path) -> list[float]:
    """Return how long transactions of a claim take if no commit waits for the disk."""
    samples = list[float]()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = OFF")
        for _ in range(TIMES):
            now, token = SystemClock().now(), secrets.token_hex(16)
            claimer = Claimer(backend="local", token=token, now=now, lease_until=now)
            started = perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            claim(connection, claimer, Caps())
            connection.execute("COMMIT")
            samples.append(perf_counter() - started)
    return samples


def _theirs(rival: Rival, folder: Path, queued: int, finished: int, what: str) -> Generator[Row]:
    """Measure a queue of others where it is installed."""
    if not rival.is_here:
        return
    payload = "x" * 1000  # about a request and where its answer goes
    rival.open(folder, payload)  # makes the tables
    rival.crowd(folder, payload, queued=queued, finished=finished)
    queue = rival.open(folder, payload)
    asks = [_time(queue.put) for _ in range(TIMES)]
    claims = [_time(queue.take) for _ in range(TIMES)]
    yield Row(what=f"{what}: {rival.name} ({rival.does}): take", measured=tail_ms(claims))
    yield Row(what=f"{what}: {rival.name}: put", measured=tail_ms(asks))


def _time(act: Callable[[], object]) -> float:
    started = perf_counter()
    act()
    return perf_counter() - started
