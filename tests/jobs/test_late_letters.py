"""Webhooks that come late, twice, or about something else than the submit that counts."""

import logging

import pytest
from typing_extensions import override

from jobs.errors import StorageError
from jobs.model import Letter, Submission
from jobs.moderation.decisions import Decision
from jobs.quota.books import Unit
from jobs.runner import TEND_S
from jobs.states import JobState
from jobs.work import LEASE
from storage.inbox import SqliteInbox
from tests.fakes.paid_provider import PaidProvider
from tests.jobs.conftest import BEN, FREE, ONE_VIDEO, World
from tests.jobs.correspondence import parked, until_read, until_state, write


class LossyInbox(SqliteInbox):
    """An inbox that cannot note the first letter as read."""

    losses = 1

    @override
    async def mark_read(self, letter: Letter, *, now: object) -> None:
        if self.losses:
            self.losses -= 1
            raise StorageError("the disk is full")
        await super().mark_read(letter, now=now)  # pyright: ignore[reportArgumentType] - passed on


async def test_a_heal_whose_letter_stays_unread_is_not_repeated(
    world: World, paid: PaidProvider
) -> None:
    world.inbox = LossyInbox(world.database)
    async with world.running():
        job = await parked(world)
        paid.prove(job)
        await write(world, job)
        await world.clock.until_asleep(TEND_S)
        while (await world.jobs.get(job.id)).state is not JobState.DONE:
            await world.clock.until_asleep(TEND_S)
            world.clock.advance(LEASE.total_seconds())
    assert len(paid.letters) == 1
    assert len(world.delivery.posts) == 1
    assert await world.balance() == ONE_VIDEO


async def test_a_letter_about_a_submit_that_a_retry_replaced_tells_the_operator(
    world: World, paid: PaidProvider, caplog: pytest.LogCaptureFixture
) -> None:
    paid.go.clear()
    async with world.running():
        job = await parked(world)
        await world.decisions.decide(job.id, Decision.RETRY, by=BEN)
        await paid.until_watching(job)
        paid.prove(job)
        await write(world, job)
        await until_read(world)
        assert paid.letters[0].token == job.attempt_token
        paid.go.set()
        done = await world.until(job, JobState.DONE)
    assert f"Job {job.id}: a submit that was given up did arrive; novita made it" in caplog.text
    assert f"task-{job.id}" in caplog.text
    assert done.provider_job_id == f"{job.id}-1", "the second submit is the one that counts"
    assert await world.balance() == ONE_VIDEO


async def test_a_letter_to_an_old_address_about_the_submit_that_counts_is_no_news(
    world: World, paid: PaidProvider, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.running():
        job = await parked(world)
        await world.decisions.decide(job.id, Decision.RETRY, by=BEN)
        done = await world.until(job, JobState.DONE)
        assert done.provider_job_id is not None
        paid.healed[job.id] = Submission(
            provider_job_id=done.provider_job_id, endpoint="fake", sent={}, effective={}
        )
        await write(world, job)
        await until_read(world)
    assert len(paid.letters) == 1
    assert "did arrive" not in caplog.text


async def test_a_letter_about_a_job_that_was_released_tells_the_operator(
    world: World, paid: PaidProvider, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.running():
        job = await parked(world)
        await world.decisions.decide(job.id, Decision.RELEASE, by=BEN)
        paid.prove(job)
        await write(world, job)
        await until_read(world)
    assert "a submit that was given up did arrive" in caplog.text
    assert (await world.jobs.get(job.id)).state is JobState.FAILED
    assert await world.balance() == FREE


@pytest.mark.parametrize(
    ("decision", "state", "books"),
    [
        (Decision.RELEASE, JobState.FAILED, FREE),
        (Decision.CHARGE, JobState.FAILED, ONE_VIDEO),
        (Decision.RETRY, JobState.DONE, ONE_VIDEO),
    ],
)
async def test_a_decision_made_while_the_provider_is_asked_stands(
    world: World,
    paid: PaidProvider,
    decision: Decision,
    state: JobState,
    books: dict[Unit, tuple[int, int]],
) -> None:
    async with world.running():
        job = await parked(world)
        paid.prove(job)
        paid.meanwhile = lambda job_id: world.decisions.decide(job_id, decision, by=BEN)
        await write(world, job)
        ended = await until_state(world, job, state)
        await until_read(world)
    assert ended.provider_job_id != f"task-{job.id}"
    assert await world.balance() == books


async def test_a_member_who_cancelled_meanwhile_gets_what_was_paid_for(
    world: World, paid: PaidProvider
) -> None:
    async with world.running():
        job = await parked(world)
        await world.service.cancel(job.id, by=job.requester, may_manage=False)
        paid.prove(job)
        await write(world, job)
        await world.until(job, JobState.DONE)
    assert await world.balance() == ONE_VIDEO


@pytest.mark.usefixtures("paid")
async def test_no_token_is_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="jobs")
    async with world.running():
        job = await parked(world)
        await write(world, job)
        await until_read(world)
    assert job.attempt_token is not None
    assert job.attempt_token not in caplog.text
