"""Jobs that are claimed and moved, and what the books and their story say of it."""

import sqlite3

from jobs.model import Job
from jobs.quota.books import Unit
from jobs.states import JobState
from storage.database import Database
from storage.events import JobEvent, events_of
from storage.jobs import SqliteJobStore
from tests.factories import after, make_job, make_token


async def claim(store: SqliteJobStore, *, at: float = 1, backend: str = "local") -> Job | None:
    return await store.claim(backend, token=make_token(), now=after(at), lease_until=after(at + 60))


async def claimed(store: SqliteJobStore, job: Job | None = None) -> Job:
    await store.enqueue(job or make_job())
    found = await claim(store)
    assert found is not None
    return found


async def move(store: SqliteJobStore, job: Job, *states: JobState) -> Job:
    for state in states:
        job = await store.save(job, job.evolve(state=state), now=after(5))
    return job


async def story(database: Database, job: Job) -> list[JobEvent]:
    return list(await database.read(lambda connection: events_of(connection, job.id)))


async def booked(database: Database, unit: Unit = Unit.VIDEOS) -> tuple[int, int]:
    def look(connection: sqlite3.Connection) -> tuple[int, int]:
        row = connection.execute(
            "SELECT coalesce(SUM(used), 0), coalesce(SUM(reserved), 0) FROM bucket "
            "WHERE unit = ? AND account LIKE '%/user:%'",
            (unit,),
        ).fetchone()
        return row[0], row[1]

    return await database.read(look)
