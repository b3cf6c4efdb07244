"""A program that works on a database until it is stopped, for tests that stop it hard.

`writer.py work DATABASE` asks for, claims and ends jobs and prints each job's id and state
after the transaction that wrote it. `writer.py fill DATABASE BYTES` does so under a limit on
file sizes until the first refusal, lifts the limit, asks once more and prints what it saw.
"""

import asyncio
import json
import resource
import signal
import sys
from itertools import count
from pathlib import Path

from jobs.errors import StorageFullError
from jobs.model import Job, JobId
from jobs.states import JobState
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import NOW, after, make_job, make_token


def tell(job: Job) -> None:
    sys.stdout.write(f"{job.id} {job.state}\n")
    sys.stdout.flush()


async def ask(store: SqliteJobStore, job_id: str) -> Job:
    job, _ = await store.enqueue(make_job(id=JobId(job_id), origin_key=job_id))
    return job


async def work(path: Path, prefix: str) -> None:
    async with Database.open(path) as database:
        store = SqliteJobStore(database)
        for number in count():
            tell(await ask(store, f"{prefix}{number}"))
            claimed = await store.claim("local", token=make_token(), now=NOW, lease_until=after(60))
            assert claimed is not None
            tell(claimed)
            end = JobState.CANCELLED if number % 2 else JobState.FAILED
            tell(await store.save(claimed, claimed.evolve(state=end), now=NOW))


async def fill(path: Path, limit: int) -> None:
    async with Database.open(path) as database:
        store = SqliteJobStore(database)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        written = list[str]()
        refused = ""
        for number in count():
            try:
                written.append((await ask(store, f"full{number}")).id)
            except StorageFullError as error:
                refused = error.user_message
                break
        there = [job.id for job in await store.list_jobs(is_open=True, limit=100_000)]
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        again = (await ask(store, "again")).id
        drift = await SqliteQuotaStore(database).audit()
    answer = {
        "refused": refused,
        "is_all_there": there == written,
        "written": len(written),
        "again": again,
        "drift": len(drift),
    }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    mode, target, argument = sys.argv[1:]
    asyncio.run(
        work(Path(target), argument) if mode == "work" else fill(Path(target), int(argument))
    )
