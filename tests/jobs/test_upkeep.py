"""What the tending looks after: the lanes' counts, and renders that take longer than usual."""

import asyncio
import logging
import sqlite3

import pytest

from jobs.board import Board
from jobs.estimate import ENOUGH_FOR_TAILS
from jobs.model import Job, Origin, Progress, Standing
from jobs.runner import TEND_S
from jobs.states import JobState
from jobs.upkeep import RECOUNT_EVERY, Upkeep
from tests.fakes.line import Line
from tests.jobs.conftest import BEN, World

WRONG = "UPDATE party_lane SET running = 7"


async def tamper(world: World) -> None:
    await world.database.write(lambda connection: connection.execute(WRONG))


async def running(world: World) -> int:
    def look(connection: sqlite3.Connection) -> int:
        return connection.execute("SELECT SUM(running) FROM party_lane").fetchone()[0]

    return await world.database.read(look)


def drifts(caplog: pytest.LogCaptureFixture) -> int:
    return sum(getattr(record, "action", "") == "lane_drift" for record in caplog.records)


async def test_a_start_mends_counts_that_were_lost_and_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    job = await world.ask()
    await tamper(world)
    with caplog.at_level(logging.WARNING):
        async with world.running():
            await world.until(job, JobState.DONE)
    assert drifts(caplog) == 1
    assert await world.jobs.recount() == []


async def test_counts_are_looked_after_while_jobs_run(world: World) -> None:
    world.provider.go.clear()
    async with world.running():
        job = await world.ask()
        await world.provider.until_watching(job)
        await tamper(world)
        while await running(world) != 1:
            await world.clock.until_asleep(TEND_S)
            world.clock.advance(TEND_S)
        world.provider.go.set()


async def test_lanes_are_counted_no_more_than_once_a_minute(world: World) -> None:
    board = Board(deliveries={}, clock=world.clock)
    upkeep = Upkeep(jobs=world.jobs, estimator=world.estimator, board=board, clock=world.clock)
    await world.ask()
    await upkeep.recount()
    await tamper(world)
    world.clock.advance(RECOUNT_EVERY.total_seconds() - 1)
    await upkeep.recount()
    assert await running(world) == 7
    world.clock.advance(1)
    await upkeep.recount()
    assert await running(world) == 0


async def test_a_full_disk_stops_neither_the_tending_nor_the_next_count(world: World) -> None:
    line = Line(world.jobs)
    line.failures["recount"] = 1
    job = await world.ask()
    await tamper(world)
    async with world.running(line):
        await world.until(job, JobState.DONE)
        while await running(world):
            await world.clock.until_asleep(TEND_S)
            world.clock.advance(TEND_S)


async def test_a_crash_between_claim_and_end_leaves_the_lanes_right_and_the_turn_kept(
    world: World,
) -> None:
    world.provider.go.clear()
    async with world.doomed():
        first = await world.ask("first")
        await world.provider.until_watching(first)
        second = await world.ask("second")
        other = await world.ask("other", by=BEN)
    assert await world.jobs.recount() == []
    world.provider.submitted.clear()
    world.provider.go.set()
    async with world.running():
        for job in (first, second, other):
            await world.until(job, JobState.DONE)
    assert world.provider.submitted[0] == first.id
    assert sorted(world.provider.submitted) == [first.id, second.id, other.id]
    assert await world.jobs.recount() == []


async def render_some(world: World) -> None:
    """Have enough renders to tell what is unusual; in this clock none of them takes any time."""
    for _ in range(ENOUGH_FOR_TAILS):
        await world.until(await world.ask(), JobState.DONE)


async def until_late(world: World, job: Job) -> None:
    while Standing(is_late=True) not in world.delivery.standings[job.id]:
        await world.clock.until_asleep(TEND_S)
        world.clock.advance(TEND_S)


async def test_a_render_that_takes_longer_than_usual_says_so_and_keeps_its_progress(
    world: World,
) -> None:
    async with world.running():
        await render_some(world)
        world.provider.go.clear()
        job = await world.ask()
        await world.provider.until_watching(job)
        await until_late(world, job)
        state, progress = world.delivery.cards[job.id][-1]
        assert (state, progress and progress.done) == (JobState.RUNNING, 1)
        assert (await world.service.standing(await world.jobs.get(job.id))).is_late
        world.provider.go.set()
        await world.until(job, JobState.DONE)


async def test_that_a_render_is_late_is_told_once_and_stays_on_its_card(world: World) -> None:
    board = Board(deliveries={Origin.DISCORD: world.delivery}, clock=world.clock, interval_s=0)
    job = (await world.ask()).evolve(state=JobState.RUNNING)
    board.expect(job.id)
    presenting = asyncio.create_task(board.present(job.id))
    for _ in range(2):
        board.mark_late(job)
        await world.delivery.until_shown(job.id, JobState.RUNNING)
    board.tell(job, Progress(done=1, total=2))
    await world.delivery.until_shown(job.id, JobState.RUNNING, times=2)
    presenting.cancel()
    await asyncio.gather(presenting, return_exceptions=True)
    assert world.delivery.cards[job.id] == [
        (JobState.RUNNING, None),
        (JobState.RUNNING, Progress(done=1, total=2)),
    ]
    assert world.delivery.standings[job.id] == 2 * [Standing(is_late=True)]
