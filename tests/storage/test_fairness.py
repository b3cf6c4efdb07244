"""Who is served when many wait: simulated over the real store, in a time of its own."""

import asyncio
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.fairness import Caps
from jobs.model import Job
from jobs.quota.tiers import Kind, OperatorRules, Setting, Target
from jobs.states import JobState
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import after, make_act, make_job, make_rule
from tests.fakes.quick_database import open_quickly
from tests.storage.crowds import copy
from tests.storage.shop import Shop, users

FLOODER, NEWCOMER = 1001, 2


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
            async with open_quickly(Path(folder) / "flipbook.db") as database:
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
