"""Who is served when many wait: simulated over the real store, in a time of its own."""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.fairness import Caps
from jobs.model import Job
from jobs.states import MOVES, JobState
from jobs.tiers import Kind, OperatorRules, Setting, Target
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.migration import migrate, migrations
from storage.quotas import SqliteQuotaStore
from tests.factories import after, make_act, make_job, make_request, make_rule, make_token
from tests.storage.crowds import copy
from tests.storage.shop import Shop, users

FLOODER, NEWCOMER = 1001, 2
COST = make_request().cost


@asynccontextmanager
async def hasty(path: Path) -> AsyncGenerator[Database]:
    """Open a database that does not wait for the disk: nobody pulls the plug here."""
    async with Database.open(path) as database:
        writer = database._writer  # pyright: ignore[reportPrivateUsage] - outside of any transaction
        await writer.run(lambda connection: connection.execute("PRAGMA synchronous = OFF"))
        yield database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncGenerator[Database]:
    async with hasty(tmp_path / "flipbook.db") as database:
        yield database


@pytest.mark.parametrize("slots", [1, 4])
async def test_one_who_asks_once_is_next_after_another_flooded_the_queue(
    store: SqliteJobStore, database: Database, slots: int
) -> None:
    shop = Shop(store, slots=slots)
    await shop.ask(FLOODER)
    await copy(database, "queued", 1_999)
    assert users(await shop.serve(10)) == [FLOODER] * 10
    await shop.ask(NEWCOMER, guild_id=2002)
    assert users(await shop.serve(3)) == [NEWCOMER, FLOODER, FLOODER]


async def test_a_server_with_one_job_is_served_within_two_claims_beside_20_000_members(
    store: SqliteJobStore, database: Database
) -> None:
    shop = Shop(store)
    await store.enqueue(make_job())
    await copy(database, "queued", 20_000, people=20_000)
    await shop.serve(3)
    await shop.ask(NEWCOMER, guild_id=7)
    assert NEWCOMER in users(await shop.serve(2))


@pytest.mark.parametrize("guilds", [(1, 1), (1, 2)], ids=["members", "servers"])
async def test_weights_of_1_and_3_give_a_quarter_and_three_quarters_of_the_time(
    database: Database, quotas: SqliteQuotaStore, guilds: tuple[int, int]
) -> None:
    is_one_server = guilds[0] == guilds[1]
    servers = {} if is_one_server else {2: [make_rule(Setting.WEIGHT, 3)]}
    shop = Shop(SqliteJobStore(database, operator=OperatorRules(servers=servers)))
    if is_one_server:
        heavy = make_rule(Setting.WEIGHT, 3, Target(kind=Kind.MEMBER, id=2))
        await quotas.set_rule(heavy, act=make_act(guild_id=1))
    for user_id, guild_id in ((1, guilds[0]), (2, guilds[1])):
        for number in range(60):
            await shop.ask(user_id, guild_id=guild_id, frames=(8, 16, 32)[number % 3])
    await shop.serve(75)
    assert shop.share(2) == pytest.approx(0.75, abs=0.03)


async def test_time_is_shared_and_not_the_number_of_jobs(store: SqliteJobStore) -> None:
    shop = Shop(store)
    for _ in range(40):
        await shop.ask(1, frames=8)
    for _ in range(10):
        await shop.ask(2, frames=128)
    await shop.serve(40)
    assert shop.share(1) == pytest.approx(0.5, abs=0.1)
    assert len([user for user in users(shop.served) if user == 1]) > 30


async def test_a_wrong_estimate_is_corrected_when_the_render_is_over(
    store: SqliteJobStore,
) -> None:
    shop = Shop(store, pace={1: 2.0, 2: 0.5})
    for _ in range(60):
        await shop.ask(1)
        await shop.ask(2)
    await shop.serve(60)
    assert shop.share(1) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("guilds", [(1, 1), (1, 2)], ids=["members", "servers"])
async def test_time_that_was_not_asked_for_is_not_saved_up(
    store: SqliteJobStore, guilds: tuple[int, int]
) -> None:
    shop = Shop(store)
    await shop.ask(2, guild_id=guilds[1])
    for _ in range(60):
        await shop.ask(1, guild_id=guilds[0])
    await shop.serve(30)  # 2 was served once and then away while 1 was served
    for _ in range(20):
        await shop.ask(2, guild_id=guilds[1])
    assert users(await shop.serve(20)).count(2) == 10


async def test_the_lane_of_a_job_put_off_holds_up_nobody(store: SqliteJobStore) -> None:
    shop = Shop(store)
    await store.enqueue(make_job(user_id=1, guild_id=1, due_at=after(50)))
    await shop.ask(2)
    assert users(await shop.serve(1)) == [2]
    shop.now = 60.0
    assert users(await shop.serve(1)) == [1]


lanes_of_work = st.lists(
    st.tuples(
        st.integers(1, 3),  # guild
        st.integers(1, 4),  # user
        st.lists(st.sampled_from([8, 16, 40, 128]), min_size=1, max_size=4),  # frames of each job
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(
    work=lanes_of_work,
    newcomer_guild=st.integers(1, 4),
    served=st.integers(0, 12),
    slots=st.integers(1, 3),
    weights=st.lists(st.sampled_from([0.5, 1.0, 4.0]), min_size=4, max_size=4),
)
def test_nobody_waits_longer_than_the_bound(
    work: list[tuple[int, int, list[int]]],
    newcomer_guild: int,
    served: int,
    slots: int,
    weights: list[float],
) -> None:
    """In one's own server, at most one job of each other member comes first.

    While those are served, and while the server pays for the last one it was served before,
    another server gets as much as its weight says, and at most one job more.
    """

    async def wait() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with hasty(Path(folder) / "flipbook.db") as database:
                servers = {
                    guild_id: [make_rule(Setting.WEIGHT, weight)]
                    for guild_id, weight in enumerate(weights, start=1)
                }
                operator = OperatorRules(servers=servers)
                shop = Shop(SqliteJobStore(database, operator=operator), slots=slots)
                total = 0
                for guild_id, user_id, jobs in work:
                    for frames in jobs:
                        await shop.ask(10 * guild_id + user_id, guild_id=guild_id, frames=frames)
                        total += 1
                earlier = await shop.serve(min(served, total))
                mine = await shop.ask(999, guild_id=newcomer_guild, frames=8)
                before = list[Job]()
                while (job := (await shop.serve(1))[0]).id != mine.id:
                    before.append(job)
                assert_bound(before, earlier, newcomer_guild, weights)
                assert await shop.store.recount() == []

    asyncio.run(wait())


def assert_bound(
    before: list[Job], earlier: list[Job], guild_id: int, weights: list[float]
) -> None:
    by_guild: dict[int, list[Job]] = {}
    for job in before:
        by_guild.setdefault(job.requester.guild_id, []).append(job)
    own = by_guild.pop(guild_id, [])
    assert len(set(users(own))) == len(own), "at most one job of each other member comes first"
    owed = [job.request.cost for job in earlier if job.requester.guild_id == guild_id][-1:]
    span = sum([*owed, *(job.request.cost for job in own)]) / weights[guild_id - 1]
    for other, jobs in by_guild.items():
        cost = sum(job.request.cost for job in jobs)
        largest = max(job.request.cost for job in jobs)
        assert cost <= span * weights[other - 1] + largest + 1


@pytest.mark.parametrize(
    ("caps", "started"),
    [
        (Caps(), [1, 3, 2, 3, 1, 2]),
        (Caps(per_user=1), [1, 3, 2]),
        (Caps(per_party=1), [1, 3]),
        (Caps(per_backend=2), [1, 3]),
        (Caps(per_user=0), []),
    ],
    ids=["none", "per user", "per server", "per backend", "nobody"],
)
async def test_caps_bound_what_is_under_way_at_once(
    database: Database, caps: Caps, started: list[int]
) -> None:
    shop = Shop(SqliteJobStore(database, caps=caps), slots=9)
    for user_id, guild_id in ((1, 1), (2, 1), (3, 2)):
        for _ in range(2):
            await shop.ask(user_id, guild_id=guild_id)
    claimed = [job for _ in range(7) if (job := await shop.claim())]
    assert users(claimed) == started


async def test_an_end_makes_room_under_a_cap(database: Database) -> None:
    shop = Shop(SqliteJobStore(database, caps=Caps(per_user=1)))
    for _ in range(2):
        await shop.ask(1)
    first = await shop.claim()
    assert first is not None
    assert await shop.claim() is None
    await shop.store.save(first, first.evolve(state=JobState.FAILED), now=after(1))
    assert await shop.claim() is not None


async def test_a_job_that_comes_back_from_its_backend_keeps_its_turn(
    store: SqliteJobStore,
) -> None:
    shop = Shop(store)
    first = await shop.ask(1)
    for user_id in (2, 1, 2):
        await shop.ask(user_id)
    claimed = await shop.claim()
    assert claimed is not None
    back = await store.adopt(claimed, lease_until=after(90))
    await store.save(back, back.evolve(state=JobState.QUEUED, attempt_token=None), now=after(3))
    assert await store.recount() == []
    again = await shop.serve(4)
    assert again[0].id == first.id
    assert users(again) == [1, 2, 1, 2]


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
            async with hasty(Path(folder) / "flipbook.db") as database:
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


async def test_the_place_in_the_queue_follows_the_turns(store: SqliteJobStore) -> None:
    shop = Shop(store)
    flood = [await shop.ask(1) for _ in range(6)]
    await shop.serve(2)
    once = await shop.ask(2)
    elsewhere = await shop.ask(3, guild_id=9)
    places = {job.id: (await store.ahead_of(job))[0] for job in (*flood[2:], once, elsewhere)}
    order = [job.id for job in await shop.serve(6)]
    assert [places[job_id] for job_id in order] == [1, 2, 3, 4, 5, 6], "one is being rendered"


OTHER_LANE = """
INSERT INTO user_lane (backend, party, user_id, vtime, turn, weight, queued, cost)
VALUES ('local', 'guild:1', 2, :vtime, :turn, :weight, :queued, 1000 * :queued)
"""


@pytest.mark.parametrize(
    ("vtime", "turn", "weight", "queued", "first"),
    [
        (1_000_001, 9, 1, 3, 0),
        (1_000_000, 9, 1, 3, 0),
        (1_000_000, 3, 1, 3, 1),
        (999_999, 9, 1, 3, 1),
        (0, 9, 1, 30, 10),
        (0, 3, 1, 30, 11),
        (0, 9, 2, 30, 20),
        (0, 9, 1, 3, 3),
    ],
    ids=["later", "tie lost", "tie won", "first", "many", "and a tie", "heavier", "all it has"],
)
async def test_those_whose_turn_starts_earlier_are_ahead(
    store: SqliteJobStore,
    database: Database,
    *,
    vtime: int,
    turn: int,
    weight: int,
    queued: int,
    first: int,
) -> None:
    """A job of cost 1000 takes 0.1 s here, and the one asked about starts at 1 s."""
    job = await Shop(store).ask(1)
    values = {"vtime": vtime, "turn": turn, "weight": weight, "queued": queued}

    def arrange(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE backend_lane SET rate = 1e-4")
        connection.execute("UPDATE user_lane SET vtime = 1000000, turn = 4")
        connection.execute(OTHER_LANE, values)

    await database.write(arrange)
    assert await store.ahead_of(job) == (first, first * 1000)


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
    assert charged == pytest.approx(rate * COST * 1e6)
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
