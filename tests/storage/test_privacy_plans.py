"""A deletion looks its rows up; it reads no table through, however large it has grown."""

import sqlite3
from collections.abc import Mapping

import pytest

from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.privacy.deletion import KNOWN_IMAGES
from storage.privacy.forgetting import _IN_STORIES  # pyright: ignore[reportPrivateUsage] - to explain it
from tests.factories import make_job, make_request
from tests.storage.crowds import copy

IMAGE = "a" * 64


async def plan(database: Database, query: str, values: Mapping[str, object] | tuple[str]) -> str:
    """Return how SQLite answers a query, one step a line."""

    def work(connection: sqlite3.Connection) -> str:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {query}", values)
        return "\n".join(row["detail"] for row in rows)

    return await database.write(work)


@pytest.fixture(params=["before analyze", "after analyze"])
async def crowded(database: Database, request: pytest.FixtureRequest) -> Database:
    """Return a database with many jobs, of which one shows an image."""
    store = SqliteJobStore(database)
    await store.enqueue(make_job())
    job = make_job(request=make_request(image=IMAGE))
    await store.enqueue(job.evolve(asked=job.asked.evolve(image=IMAGE)))
    await copy(database, "done", 2_000, ended=1)
    if request.param == "after analyze":
        await database.write(lambda connection: connection.execute("ANALYZE"))
    return database


async def test_which_images_are_still_shown_is_searched_by_index(crowded: Database) -> None:
    steps = await plan(crowded, KNOWN_IMAGES, (f'["{IMAGE}"]',))
    assert "SEARCH job USING INDEX job_image (<expr>=?)" in steps
    assert "SCAN job" not in steps


async def test_stories_are_searched_by_the_index_of_those_that_name_somebody(
    crowded: Database,
) -> None:
    values = {"id": "7", "user_id": 7, "guild_id": None}
    steps = await plan(crowded, _IN_STORIES, values)
    assert "job_event USING INDEX job_event_by" in steps
    assert "SEARCH job USING" in steps
    assert "SCAN job USING" not in steps
    assert "SCAN job\n" not in f"{steps}\n"
