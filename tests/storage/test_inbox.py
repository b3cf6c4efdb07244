"""Which webhooks are kept, how often, and for how long anybody has to look at them."""

import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from jobs.errors import StorageError
from jobs.model import Job, JobId
from jobs.states import JobState
from storage.database import Database
from storage.inbox import MAX_LETTERS, SqliteInbox
from storage.jobs import SqliteJobStore
from storage.migration import migrate, migrations
from tests.factories import NOW, after, make_job, make_request, make_token

BODY = b'{"status": "success", "id": 1}'


@pytest.fixture
def inbox(database: Database) -> SqliteInbox:
    return SqliteInbox(database)


async def submitting(store: SqliteJobStore) -> Job:
    """Return a job whose attempt has a token at Novita."""
    job, _ = await store.enqueue(make_job(request=make_request(provider="novita")))
    return await claimed(store, job)


async def claimed(store: SqliteJobStore, job: Job) -> Job:
    token = make_token()
    found = await store.claim("novita", token=token, now=after(1), lease_until=after(60))
    assert found is not None
    assert (found.id, found.attempt_token) == (job.id, token)
    return found


def rows(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT COUNT(*) FROM letter").fetchone()[0]


async def test_a_letter_is_kept_with_the_job_that_it_is_about(
    store: SqliteJobStore, inbox: SqliteInbox
) -> None:
    job = await submitting(store)
    assert job.attempt_token is not None
    assert await inbox.receive("novita", job.attempt_token, BODY, now=after(5)) == job.id
    (letter,) = await inbox.unread(limit=10)
    assert (letter.provider, letter.token, letter.body) == ("novita", job.attempt_token, BODY)
    assert (letter.job_id, letter.received_at) == (job.id, after(5))


async def test_a_letter_that_comes_again_is_the_same_letter_and_stays_read(
    store: SqliteJobStore, inbox: SqliteInbox
) -> None:
    token = (await submitting(store)).attempt_token or ""
    for _ in range(3):
        assert await inbox.receive("novita", token, BODY, now=NOW)
    (letter,) = await inbox.unread(limit=10)
    await inbox.mark_read(letter, now=NOW)
    assert await inbox.receive("novita", token, BODY, now=NOW)
    assert await inbox.unread(limit=10) == []


async def test_letters_are_read_in_the_order_of_their_arrival(
    store: SqliteJobStore, inbox: SqliteInbox
) -> None:
    first, second = await submitting(store), await submitting(store)
    for job, body in ((second, b"a"), (first, b"b"), (second, b"c")):
        await inbox.receive("novita", job.attempt_token or "", body, now=NOW)
    assert [letter.body for letter in await inbox.unread(limit=10)] == [b"a", b"b", b"c"]
    assert [letter.body for letter in await inbox.unread(limit=2)] == [b"a", b"b"]


@pytest.mark.parametrize("provider", ["modelslab", "local", "", "novita' OR 1"])
async def test_a_letter_to_another_backends_address_is_not_kept(
    store: SqliteJobStore, inbox: SqliteInbox, database: Database, provider: str
) -> None:
    token = (await submitting(store)).attempt_token or ""
    assert await inbox.receive(provider, token, BODY, now=NOW) is None
    assert await database.read(rows) == 0


async def test_a_letter_that_nobody_asked_for_is_not_kept(
    store: SqliteJobStore, inbox: SqliteInbox, database: Database
) -> None:
    await submitting(store)
    assert await inbox.receive("novita", make_token(), BODY, now=NOW) is None
    assert await database.read(rows) == 0


async def test_a_stranger_never_waits_for_the_writer(
    store: SqliteJobStore, inbox: SqliteInbox, tmp_path: Path
) -> None:
    await submitting(store)
    with closing(sqlite3.connect(tmp_path / "flipbook.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await inbox.receive("novita", make_token(), BODY, now=NOW) is None


async def test_one_attempt_has_room_for_a_few_different_letters(
    store: SqliteJobStore, inbox: SqliteInbox
) -> None:
    one, other = await submitting(store), await submitting(store)
    for number in range(MAX_LETTERS + 5):
        body = b"%d" % number
        assert await inbox.receive("novita", one.attempt_token or "", body, now=NOW) == one.id
    assert len(await inbox.unread(limit=100)) == MAX_LETTERS
    await inbox.receive("novita", other.attempt_token or "", BODY, now=NOW)
    assert len(await inbox.unread(limit=100)) == MAX_LETTERS + 1


async def test_a_letter_about_an_earlier_attempt_is_known(
    store: SqliteJobStore, inbox: SqliteInbox
) -> None:
    first = await submitting(store)
    again = await store.save(
        first, first.evolve(state=JobState.QUEUED, attempt_token=None), now=NOW
    )
    second = await claimed(store, again)
    assert second.attempt_token != first.attempt_token
    for job in (first, second):
        token = job.attempt_token or ""
        assert await inbox.receive("novita", token, BODY, now=NOW) == first.id


async def test_no_two_attempts_share_a_token(store: SqliteJobStore) -> None:
    used = (await submitting(store)).attempt_token or ""
    job, _ = await store.enqueue(make_job(request=make_request(provider="novita")))
    with pytest.raises(StorageError):
        await store.claim("novita", token=used, now=after(1), lease_until=after(60))
    assert (await store.get(job.id)).state is JobState.QUEUED


async def test_letters_and_attempts_go_with_their_job(
    store: SqliteJobStore, inbox: SqliteInbox, database: Database
) -> None:
    job = await submitting(store)
    await inbox.receive("novita", job.attempt_token or "", BODY, now=NOW)
    await store.save(job, job.evolve(state=JobState.FAILED), now=NOW)

    def forget(connection: sqlite3.Connection) -> int:
        connection.execute("DELETE FROM job WHERE id = ?", (job.id,))
        return connection.execute("SELECT COUNT(*) FROM attempt").fetchone()[0]

    assert await database.write(forget) == 0
    assert await database.read(rows) == 0


async def test_a_servers_unconfirmed_jobs_are_listed_and_no_others(store: SqliteJobStore) -> None:
    for guild_id in (1, 1, 2, 1):
        await store.enqueue(make_job(guild_id=guild_id))
    parked = dict[int, list[JobId]]()
    for _ in range(3):
        job = await store.claim("local", token=make_token(), now=after(1), lease_until=after(60))
        assert job is not None
        await store.save(job, job.evolve(state=JobState.UNCONFIRMED), now=after(2))
        parked.setdefault(job.requester.guild_id, []).append(job.id)
    for guild_id in (1, 2):
        listed = [job.id for job in await store.unconfirmed(guild_id, limit=9)]
        assert listed == parked[guild_id]
    assert [job.id for job in await store.unconfirmed(1, limit=1)] == parked[1][:1]
    assert await store.unconfirmed(3, limit=9) == []


@pytest.fixture
def old_file(tmp_path: Path) -> Generator[sqlite3.Connection]:
    """Give a file of the first version, as it lies on the disk of whoever updates."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, migrations()[:1])
        yield connection


OLD_JOB = """
INSERT INTO job (id, origin, origin_key, guild_id, user_id, backend, state, attempt, attempt_token,
    created_at, cost, address, asked, request, warnings)
VALUES (?, 'discord', ?, 1, 2, 'novita', ?, ?, ?, 0, 1, '{}', '{}', '{}', '[]')
"""


async def test_an_older_file_keeps_its_jobs_and_learns_their_tokens(
    old_file: sqlite3.Connection, tmp_path: Path
) -> None:
    token = make_token()
    old_file.execute(OLD_JOB, ("waiting1", "k1", "queued", 0, None))
    old_file.execute(OLD_JOB, ("parked01", "k2", "unconfirmed", 3, token))
    old_file.close()
    async with Database.open(tmp_path / "old.db") as database:
        inbox = SqliteInbox(database)
        assert await inbox.receive("novita", token, BODY, now=NOW) == "parked01"
        (letter,) = await inbox.unread(limit=9)
        assert letter.job_id == "parked01"
        count = "SELECT COUNT(*) FROM job"
        assert (await database.read(lambda c: c.execute(count).fetchone()))[0] == 2


async def test_a_job_is_found_by_the_id_that_its_backend_gave_it(store: SqliteJobStore) -> None:
    job = await submitting(store)
    running = job.evolve(state=JobState.RUNNING, provider_job_id="task-1")
    await store.save(job, running, now=NOW)
    assert await store.made_as("novita", "task-1") == job.id
    assert await store.made_as("modelslab", "task-1") is None
    assert await store.made_as("novita", "task-2") is None


async def test_the_places_where_open_jobs_were_submitted_are_known(store: SqliteJobStore) -> None:
    job = await submitting(store)
    assert await store.endpoints("novita") == []
    running = job.evolve(state=JobState.RUNNING, endpoint="https://old.example")
    running = await store.save(job, running, now=NOW)
    assert await store.endpoints("novita") == ["https://old.example"]
    assert await store.endpoints("modelslab") == []
    await store.save(running, running.evolve(state=JobState.FAILED), now=NOW)
    assert await store.endpoints("novita") == []
