"""Processes that are killed in the midst of transactions, or run out of disk."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from jobs.errors import StorageFullError
from jobs.model import JobId
from jobs.states import JobState
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import make_job

ROOT = Path(__file__).parents[2]
RANK = [JobState.QUEUED, JobState.SUBMITTING, JobState.FAILED]


async def start(*arguments: str) -> asyncio.subprocess.Process:
    script = Path(__file__).with_name("writer.py")
    return await asyncio.create_subprocess_exec(
        sys.executable, str(script), *arguments, stdout=PIPE, env={"PYTHONPATH": str(ROOT)}
    )


async def kill_after(path: Path, lines: int, prefix: str) -> dict[JobId, JobState]:
    """Run a writer, kill it after some transactions, and return what it was told is written."""
    process = await start("work", str(path), prefix)
    assert process.stdout is not None
    told = b"".join([await process.stdout.readline() for _ in range(lines)])
    process.kill()
    rest, _ = await process.communicate()
    whole_lines = [line.split() for line in (told + rest).decode().split("\n")[:-1]]
    return {JobId(job_id): JobState(state) for job_id, state in whole_lines}


async def test_kill_9_loses_nothing_that_was_acknowledged_and_keeps_the_books_balanced(
    tmp_path: Path,
) -> None:
    path = tmp_path / "flipbook.db"
    for round_, lines in enumerate((1, 2, 23, 64, 147)):
        acknowledged = await kill_after(path, lines, f"r{round_}n")
        async with Database.open(path) as database:
            store = SqliteJobStore(database)
            check = await database.read(lambda c: c.execute("PRAGMA integrity_check").fetchone()[0])
            assert check == "ok"
            assert await SqliteQuotaStore(database).audit() == []
            for job_id, state in acknowledged.items():
                found = (await store.get(job_id)).state
                assert found is state or state not in (JobState.FAILED, JobState.CANCELLED)
            # The next round starts with an empty queue, as its writer expects.
            for job in await store.list_jobs(is_open=True, limit=100):
                if job.state is JobState.QUEUED:
                    await store.request_cancel(job.id, now=job.created_at, by="test")
            assert await SqliteQuotaStore(database).audit() == []


async def test_a_limit_on_file_sizes_refuses_loses_nothing_and_can_be_lifted(
    tmp_path: Path,
) -> None:
    process = await start("fill", str(tmp_path / "flipbook.db"), str(3 * 1024 * 1024))
    output, _ = await process.communicate()
    answer = json.loads(output)
    assert answer.pop("written") > 20
    assert answer == {
        "refused": StorageFullError("").user_message,
        "is_all_there": True,
        "again": "again",
        "drift": 0,
    }


async def test_a_full_database_keeps_the_jobs_it_has_and_balances(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "flipbook.db", max_pages=200) as database:
        store = SqliteJobStore(database)
        asked = list[JobId]()

        async def fill() -> None:
            while True:
                job, _ = await store.enqueue(make_job())
                asked.append(job.id)

        with pytest.raises(StorageFullError):
            await fill()
        jobs = await store.list_jobs(is_open=True, limit=10_000)
        assert [job.id for job in jobs] == asked
        assert len(asked) > 20
        assert await SqliteQuotaStore(database).audit() == []
