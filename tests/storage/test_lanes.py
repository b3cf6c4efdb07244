"""The lanes count what the jobs say, whatever happens to jobs, lanes or files."""

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.model import Job
from jobs.quota.tiers import Kind, Setting, Target
from jobs.states import MOVES, JobState
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.migration import migrate, migrations
from storage.quota.store import SqliteQuotaStore
from tests.factories import after, make_act, make_job, make_request, make_rule, make_token
from tests.fakes.quick_database import open_quickly
from tests.storage.shop import Shop, users


async def test_a_job_that_moves_to_another_backend_moves_its_lanes(
    store: SqliteJobStore, database: Database
) -> None:
    await store.enqueue(make_job(user_id=1, request=make_request(provider="novita")))
    job = await store.claim("novita", token=make_token(), now=after(1), lease_until=after(60))
    assert job is not None
    moved = job.evolve(state=JobState.QUEUED, request=make_request(), refused_by=("novita",))
    await store.save(job, moved, now=after(2))
    assert await store.recount() == []
    found = await Shop(store).claim()
    assert found is not None
    assert found.id == job.id
    charges = await database.read(
        lambda connection: connection.execute(
            "SELECT vtime FROM party_lane WHERE backend = 'novita'"
        ).fetchall()
    )
    assert not any(row["vtime"] for row in charges), "what was charged there is given back"


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_lanes_say_what_the_jobs_say_whatever_happens(data: st.DataObject) -> None:
    async def walk() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with open_quickly(Path(folder) / "flipbook.db") as database:
                await wander(SqliteJobStore(database), data)

    asyncio.run(walk())


async def wander(store: SqliteJobStore, data: st.DataObject) -> None:
    """Do anything that may be done to jobs; nothing may ever have to be repaired."""
    shop = Shop(store)
    for _ in range(data.draw(st.integers(3, 20))):
        shop.now += data.draw(st.integers(0, 30))
        jobs = list(await store.list_jobs(is_open=True, limit=50))
        act = data.draw(st.sampled_from(["ask", "claim", "move", "cancel"]))
        if act == "ask" or not jobs:
            await shop.ask(data.draw(st.integers(1, 2)), guild_id=data.draw(st.integers(1, 2)))
        elif act == "claim":
            await shop.claim()
        elif act == "cancel":
            picked = data.draw(st.sampled_from([job.id for job in jobs]))
            await store.request_cancel(picked, now=after(shop.now), by="test")
        else:
            await move_one(store, shop, data, jobs)
        assert await store.recount() == []


async def move_one(store: SqliteJobStore, shop: Shop, data: st.DataObject, jobs: list[Job]) -> None:
    job = jobs[data.draw(st.integers(0, len(jobs) - 1))]
    targets = sorted(MOVES[job.state] - {JobState.SUBMITTING})
    if not targets:
        return
    state = data.draw(st.sampled_from(targets))
    put_off = state is JobState.QUEUED and data.draw(st.booleans())
    after_ = job.evolve(
        state=state,
        due_at=after(shop.now + 20) if put_off else None,
        started_at=after(shop.now) if state is JobState.RUNNING else job.started_at,
    )
    await store.save(job, after_, now=after(shop.now))


TAMPERED = [
    "UPDATE user_lane SET queued = 0, cost = 0",
    "UPDATE user_lane SET queued = 7, running = 3",
    "UPDATE party_lane SET queued = 0",
    "UPDATE party_lane SET running = 9",
    "UPDATE backend_lane SET running = 5",
    "DELETE FROM user_lane",
    "DELETE FROM party_lane",
    "DELETE FROM backend_lane",
]


@pytest.mark.parametrize("statement", TAMPERED)
async def test_counts_that_were_lost_are_found_again_told_once_and_serve_everybody(
    store: SqliteJobStore, database: Database, statement: str
) -> None:
    shop = Shop(store)
    for user_id in (1, 1, 2):
        await shop.ask(user_id)
    await shop.serve(1)
    await database.write(lambda connection: connection.execute(statement))
    assert await store.recount() != []
    assert await store.recount() == []
    assert sorted(users(await shop.serve(2))) == [1, 2]


async def test_a_lane_that_counts_a_job_too_many_stops_no_claim(
    store: SqliteJobStore, database: Database
) -> None:
    shop = Shop(store)
    await shop.ask(1)
    await database.write(
        lambda connection: connection.execute(
            "INSERT INTO user_lane (backend, party, user_id, queued, vtime) "
            "VALUES ('local', 'guild:1', 5, 1, -1)"
        )
    )
    assert users(await shop.serve(1)) == [1]
    assert await shop.claim() is None


async def test_lanes_that_wait_for_nothing_are_swept_away_and_weights_come_back(
    store: SqliteJobStore, database: Database, quotas: SqliteQuotaStore
) -> None:
    shop = Shop(store)
    heavy = make_rule(Setting.WEIGHT, 4, Target(kind=Kind.MEMBER, id=2))
    await quotas.set_rule(heavy, act=make_act(guild_id=1))
    for user_id in (1, 2):
        await shop.ask(user_id)
    for job in await shop.serve(2):
        stored = await store.get(job.id)
        if stored.state is JobState.RUNNING:
            await store.save(stored, stored.evolve(state=JobState.FAILED), now=after(99))
    await store.recount()

    async def lanes() -> list[tuple[object, ...]]:
        rows = await database.read(
            lambda connection: connection.execute(
                "SELECT user_id, weight FROM user_lane"
            ).fetchall()
        )
        return [tuple(row) for row in rows]

    assert await lanes() == []
    await shop.ask(2)
    assert await lanes() == [(2, 4.0)]


async def test_a_lost_submit_that_is_found_again_gets_its_lane_back(
    store: SqliteJobStore, database: Database
) -> None:
    shop = Shop(store)
    await shop.ask(1)
    lost = await shop.claim()
    assert lost is not None
    lost = await store.save(lost, lost.evolve(state=JobState.UNCONFIRMED), now=after(1))
    await store.recount()
    lanes = "SELECT COUNT(*) FROM party_lane"
    swept = await database.read(lambda connection: connection.execute(lanes).fetchone()[0])
    assert swept == 0, "nobody waits there"
    await store.save(lost, lost.evolve(state=JobState.RUNNING), now=after(2))
    assert await store.recount() == []


async def test_a_measured_rate_is_what_the_next_claim_is_charged(
    store: SqliteJobStore, database: Database
) -> None:
    done = (JobState.READY, JobState.DELIVERING, JobState.DONE)
    shop = Shop(store, pace={1: 10.0})
    for _ in range(5):
        await shop.ask(1)
    for job in await shop.serve(4):
        stored = await store.get(job.id)
        for state in done if stored.state is JobState.FETCHING else ():
            stored = await store.save(stored, stored.evolve(state=state), now=after(shop.now))
    await store.recount()
    await shop.serve(1)
    rate = await database.read(
        lambda connection: connection.execute("SELECT rate FROM backend_lane").fetchone()[0]
    )
    charged = await database.read(
        lambda connection: connection.execute(
            "SELECT charged_us FROM job ORDER BY number DESC LIMIT 1"
        ).fetchone()[0]
    )
    assert charged == pytest.approx(rate * make_request().cost * 1e6)
    assert rate == pytest.approx(2e-4, rel=0.01)


OLD_JOB = """
INSERT INTO job (id, origin, origin_key, guild_id, user_id, backend, state, attempt, created_at,
    due_at, cost, address, asked, request, warnings)
SELECT :id, origin, :id, :guild_id, :user_id, backend, :state, 0, created_at, :due_at, cost,
    address, asked, request, warnings FROM (
        SELECT 'discord' AS origin, 'local' AS backend, 1 AS created_at, 10 AS cost,
            :address AS address, :asked AS asked, :request AS request, '[]' AS warnings
    )
"""


async def test_an_older_file_s_jobs_get_their_lanes(tmp_path: Path) -> None:
    model = make_job()
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, migrations()[:3])
        for job_id, guild_id, user_id, state, due_at in (
            ("work", 1, 1, "running", None),
            ("first", 1, 1, "queued", None),
            ("second", 1, 1, "queued", None),
            ("other", 2, 2, "queued", None),
            ("put off", 2, 3, "queued", 2),
        ):
            values = {
                "id": job_id,
                "guild_id": guild_id,
                "user_id": user_id,
                "state": state,
                "due_at": due_at,
                "address": model.address.model_dump_json(),
                "asked": model.asked.model_dump_json(),
                "request": model.request.model_dump_json(),
            }
            connection.execute(OLD_JOB, values)
    async with Database.open(path) as database:
        store = SqliteJobStore(database)
        assert await store.recount() == []
        shop = Shop(store, slots=9)
        order = [job.id for _ in range(5) if (job := await shop.claim())]
        assert order == ["first", "other", "second", "put off"]
