"""Which webhooks stand in the table, in which order they are due, and how often."""

from pathlib import Path

import pytest

from jobs.callbacks import Callback
from jobs.model import JobId
from storage.callbacks import SqliteOutbox
from storage.database import Database
from storage.jobs import SqliteJobStore
from tests.factories import NOW, after, make_job

URL = "https://hooks.example/flipbook?a=1"


@pytest.fixture
def outbox(database: Database) -> SqliteOutbox:
    return SqliteOutbox(database)


async def job_id(store: SqliteJobStore) -> JobId:
    job, _ = await store.enqueue(make_job())
    return job.id


async def add(
    outbox: SqliteOutbox, name: str, *, url: str = URL, job: JobId | None = None, seconds: float = 0
) -> bool:
    return await outbox.add(url, '{"a": 1}', message_id=name, job_id=job, now=after(seconds))


async def due(outbox: SqliteOutbox, seconds: float = 0, limit: int = 10) -> list[Callback]:
    return list(await outbox.due(now=after(seconds), limit=limit))


async def due_names(outbox: SqliteOutbox, seconds: float = 0, limit: int = 10) -> list[str]:
    return [callback.message_id for callback in await due(outbox, seconds, limit)]


async def test_what_is_added_is_due_at_once(store: SqliteJobStore, outbox: SqliteOutbox) -> None:
    job = await job_id(store)
    assert await add(outbox, "msg_1", job=job)
    (callback,) = await due(outbox)
    assert (callback.message_id, callback.job_id, callback.tries) == ("msg_1", job, 0)
    assert (callback.url, callback.body) == (URL, '{"a": 1}')
    assert callback.host == "hooks.example"


async def test_the_end_of_a_job_stands_there_once(
    store: SqliteJobStore, outbox: SqliteOutbox
) -> None:
    job = await job_id(store)
    assert [await add(outbox, f"msg_{n}", job=job) for n in range(3)] == [True, False, False]
    (callback,) = await due(outbox)
    await outbox.begin(callback, due_at=after(60))
    await outbox.end(callback, "told", due_at=None)
    assert not await add(outbox, "msg_again", job=job)
    assert await due(outbox, seconds=1e6) == []


async def test_a_receiver_is_told_one_thing_at_a_time_the_oldest_first(
    outbox: SqliteOutbox,
) -> None:
    for seconds, (name, url) in enumerate(
        [("a1", "https://a.example/"), ("b1", "https://b.example/"), ("a2", "https://A.example/x")]
    ):
        await add(outbox, name, url=url, seconds=seconds)
    assert await due_names(outbox, seconds=5) == ["a1", "b1"]
    assert await due_names(outbox, seconds=5, limit=1) == ["a1"]
    first, _ = await due(outbox, seconds=5)
    await outbox.begin(first, due_at=after(60))
    assert await due_names(outbox, seconds=5) == ["b1", "a2"]


async def test_a_try_is_counted_once_and_due_again_if_nobody_says_how_it_ended(
    outbox: SqliteOutbox,
) -> None:
    await add(outbox, "msg_1")
    (callback,) = await due(outbox)
    assert await outbox.begin(callback, due_at=after(60))
    assert not await outbox.begin(callback, due_at=after(60))
    assert await due(outbox, seconds=59) == []
    (again,) = await due(outbox, seconds=60)
    assert again.tries == 1


async def test_what_failed_is_due_when_it_was_put_off_to(outbox: SqliteOutbox) -> None:
    await add(outbox, "msg_1")
    (callback,) = await due(outbox)
    await outbox.begin(callback, due_at=after(60))
    await outbox.end(callback, "status 500", due_at=after(5))
    assert await outbox.next_due_at(after=NOW) == after(5)
    assert await outbox.next_due_at(after=after(5)) is None
    assert [again.body for again in await due(outbox, seconds=5)] == ['{"a": 1}']


async def test_what_is_over_keeps_its_outcome_and_not_its_body(
    store: SqliteJobStore, outbox: SqliteOutbox, database: Database
) -> None:
    await add(outbox, "msg_1", job=await job_id(store))
    (callback,) = await due(outbox)
    await outbox.end(callback, "told", due_at=None)
    row = await database.read(
        lambda connection: tuple(
            connection.execute("SELECT outcome, body, due_at FROM callback").fetchone()
        )
    )
    assert row == ("told", "", None)


async def test_a_mock_event_leaves_nothing(outbox: SqliteOutbox, database: Database) -> None:
    assert await add(outbox, "msg_1")
    assert await add(outbox, "msg_2", url="https://b.example/")
    first, _ = await due(outbox)
    await outbox.end(first, "told", due_at=None)
    names = await database.read(
        lambda connection: [row[0] for row in connection.execute("SELECT message_id FROM callback")]
    )
    assert names == ["msg_2"]


async def test_mock_events_cannot_fill_the_disk(
    store: SqliteJobStore, outbox: SqliteOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.callbacks.MAX_MOCKS", 2)
    assert [await add(outbox, f"msg_{n}") for n in range(3)] == [True, True, False]
    assert await add(outbox, "msg_job", job=await job_id(store))
    (first,) = await due(outbox)
    await outbox.end(first, "told", due_at=None)
    assert await add(outbox, "msg_again")


@pytest.mark.parametrize("url", ["", "nonsense", "https://[half", "http://", "\x00", "/path"])
async def test_any_address_can_stand_there(outbox: SqliteOutbox, url: str) -> None:
    assert await add(outbox, "msg_1", url=url)
    assert [callback.url for callback in await due(outbox)] == [url]


async def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "again.db"
    async with Database.open(path) as database:
        outbox = SqliteOutbox(database)
        await add(outbox, "msg_1")
        (callback,) = await due(outbox)
        await outbox.begin(callback, due_at=after(60))
    async with Database.open(path) as database:
        (callback,) = await due(SqliteOutbox(database), seconds=60)
    assert (callback.message_id, callback.tries) == ("msg_1", 1)
