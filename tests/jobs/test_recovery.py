"""Jobs whose turn would never come: their backend is switched off, or lost for too long."""

import pytest

from jobs.errors import UnavailableError, UnconfirmedError
from jobs.model import Health, HealthState, Job
from jobs.moderation.decisions import Decision
from jobs.prices import PriceTable
from jobs.quota.books import Unit
from jobs.request import ProviderName
from jobs.retry import MAX_SETBACKS, PATIENCE, PATIENT_DELAY_S, PATIENT_SETBACKS, retry_delay
from jobs.runner import IDLE_S, TEND_S
from jobs.states import JobState
from tests.fakes.media import VIDEO
from tests.fakes.provider import FakeProvider
from tests.jobs.conftest import ADA, BEN, FREE, HELD, ONE_VIDEO, World

AWAY = UnavailableError("Novita cannot be reached just now.", detail="connection refused")


@pytest.fixture
def novita(world: World) -> FakeProvider:
    provider = FakeProvider(video=VIDEO, name=ProviderName.NOVITA, is_paid=True)
    world.become(provider)
    return provider


@pytest.fixture
def modelslab() -> FakeProvider:
    return FakeProvider(video=VIDEO, name=ProviderName.MODELSLAB, is_paid=True)


def message_of(job: Job) -> str:
    assert job.failure is not None
    return job.failure.message


# Switched off


@pytest.mark.usefixtures("novita")
async def test_what_waits_for_a_backend_that_is_switched_off_is_made_by_another(
    world: World, modelslab: FakeProvider
) -> None:
    jobs = [await world.ask(f"cat {number}") for number in range(3)]
    world.become(modelslab)
    async with world.running():
        done = [await world.until(job, JobState.DONE) for job in jobs]
    assert modelslab.submitted == [job.id for job in jobs]
    assert {job.backend for job in done} == {"modelslab"}
    assert done[0].warnings == (
        "Novita takes no videos at the moment, so ModelsLab makes this one.",
    )
    assert (await world.balance())[Unit.VIDEOS] == (3, 0)


@pytest.mark.usefixtures("novita")
async def test_a_job_that_named_the_backend_that_is_off_ends_for_free(
    world: World, modelslab: FakeProvider
) -> None:
    job = await world.ask(provider=ProviderName.NOVITA)
    world.become(modelslab)
    async with world.running():
        failed = await world.until(job, JobState.FAILED)
    assert message_of(failed) == "Novita is switched off here; ask again."
    assert modelslab.tokens == []
    assert await world.balance() == FREE


async def test_a_job_that_would_cost_more_elsewhere_ends_for_free(
    world: World, modelslab: FakeProvider
) -> None:
    world.prices = PriceTable.parse(
        '[novita."*"]\nper_video = 0.01\n[modelslab."*"]\nper_video = 0.02'
    )
    world.become(FakeProvider(video=VIDEO, name=ProviderName.NOVITA, is_paid=True))
    job = await world.ask()
    world.become(modelslab)
    async with world.running():
        await world.until(job, JobState.FAILED)
    assert modelslab.tokens == []
    assert await world.balance() == {**FREE, Unit.MONEY_MICROS: (0, 0)}


@pytest.mark.parametrize("price", ["", '[novita."*"]\nper_video = 0.01'])
async def test_what_waits_for_our_own_machine_never_moves_to_where_it_costs_money(
    world: World, price: str
) -> None:
    world.prices = PriceTable.parse(price)
    world.become(FakeProvider(video=VIDEO))
    job = await world.ask()
    novita = FakeProvider(video=VIDEO, name=ProviderName.NOVITA, is_paid=True)
    world.become(novita)
    async with world.running():
        failed = await world.until(job, JobState.FAILED)
    assert message_of(failed) == "The local engine is switched off here; ask again."
    assert novita.tokens == []
    assert await world.balance() == FREE


async def test_what_waited_for_a_service_moves_to_our_own_machine(world: World) -> None:
    world.become(FakeProvider(video=VIDEO, name=ProviderName.NOVITA, is_paid=True))
    job = await world.ask()
    local = FakeProvider(video=VIDEO)
    world.become(local)
    async with world.running():
        await world.until(job, JobState.DONE)
    assert local.submitted == [job.id]


@pytest.mark.usefixtures("novita")
async def test_with_no_backend_left_what_waits_ends_for_free(world: World) -> None:
    job = await world.ask()
    world.catalogue.__init__([], ProviderName.LOCAL)
    async with world.running():
        failed = await world.until(job, JobState.FAILED)
    assert message_of(failed) == "Novita is switched off here; ask again."
    assert await world.balance() == FREE


async def test_what_a_backend_had_begun_waits_until_it_is_on_again(
    world: World, novita: FakeProvider, modelslab: FakeProvider
) -> None:
    novita.go.clear()
    running = await world.ask("running")
    async with world.doomed():
        await novita.until_watching(running)
    world.become(modelslab)
    async with world.running():
        await world.until(await world.ask("another one"), JobState.DONE)
        await world.clock.until_asleep(TEND_S)
    assert (await world.jobs.get(running.id)).state is JobState.RUNNING
    novita.go.set()
    world.become(novita)
    async with world.running():
        await world.until(running, JobState.DONE)
    assert novita.submitted == [running.id]
    assert modelslab.submitted != [running.id]


async def test_a_retry_at_a_backend_that_is_off_goes_on_elsewhere(
    world: World, novita: FakeProvider, modelslab: FakeProvider
) -> None:
    novita.submit_errors = [UnconfirmedError("The answer was lost.")]
    async with world.running():
        job = await world.until(await world.ask(), JobState.UNCONFIRMED)
    world.become(modelslab)
    async with world.running():
        await world.until(await world.ask("another one"), JobState.DONE)
        await world.clock.until_asleep(TEND_S)
        assert (await world.jobs.get(job.id)).state is JobState.UNCONFIRMED
        await world.decisions.decide(job.id, Decision.RETRY, by=BEN)
        await world.until(job, JobState.DONE)
    assert modelslab.submitted[-1] == job.id


# Lost


async def test_a_paid_job_outlives_an_outage_of_many_tries(
    world: World, novita: FakeProvider
) -> None:
    tries = 2 * MAX_SETBACKS
    novita.submit_errors = [AWAY] * tries
    async with world.running():
        job = await world.ask()
        for times in range(1, tries + 1):
            await world.delivery.until_shown(job.id, JobState.QUEUED, times)
            waiting = await world.jobs.get(job.id)
            assert waiting.due_at is not None
            assert (waiting.due_at - world.clock.now()).total_seconds() <= PATIENT_DELAY_S
            while len(novita.tokens) == times:
                await world.clock.until_asleep(IDLE_S)
                world.clock.advance(PATIENT_DELAY_S)
        done = await world.until(job, JobState.DONE)
    assert done.setbacks == 0, "what follows has not failed yet"
    assert novita.submitted == [job.id]
    assert await world.balance() == ONE_VIDEO


def test_the_pauses_of_a_paid_job_grow_to_a_minute_and_are_an_hour_together() -> None:
    pauses = [
        retry_delay(setbacks, None, longest_s=PATIENT_DELAY_S).total_seconds()
        for setbacks in range(1, PATIENT_SETBACKS + 1)
    ]
    assert pauses[:7] == [2, 4, 8, 16, 32, 60, 60]
    assert sum(pauses) == pytest.approx(PATIENCE.total_seconds(), rel=0.1)


async def test_after_an_hour_of_tries_a_paid_job_ends_for_free(
    world: World, novita: FakeProvider
) -> None:
    novita.submit_errors = [AWAY]
    waited = await world.ask()
    await world.database.write(
        lambda connection: connection.execute("UPDATE job SET setbacks = ?", (PATIENT_SETBACKS,))
    )
    async with world.running():
        failed = await world.until(waited, JobState.FAILED)
    assert message_of(failed) == "Novita could not be reached for an hour; nothing was charged."
    assert await world.balance() == FREE


async def test_what_waits_behind_others_ends_when_its_backend_was_lost_for_an_hour(
    world: World, novita: FakeProvider
) -> None:
    novita.is_ready.clear()
    start = world.clock.now()
    novita.state_of_health = Health(state=HealthState.LOST, reason="Away.", lost_at=start)
    old = await world.ask("old")
    async with world.running():
        await world.clock.until_asleep(TEND_S)
        world.clock.advance(PATIENCE.total_seconds() - TEND_S)
        young = await world.ask("young")
        await world.clock.until_asleep(TEND_S)
        assert (await world.jobs.get(old.id)).state is JobState.QUEUED
        world.clock.advance(TEND_S)
        failed = await world.until(old, JobState.FAILED)
        other = await world.ask("cancelled, which the same tending shows at its end")
        await world.service.cancel(other.id, by=ADA, may_manage=False)
        await world.until(other, JobState.CANCELLED)
        assert (await world.jobs.get(young.id)).state is JobState.QUEUED
    assert message_of(failed) == "Novita could not be reached for an hour; nothing was charged."
    assert await world.balance() == HELD


async def test_a_job_that_waited_long_for_its_turn_does_not_end_over_a_short_outage(
    world: World, novita: FakeProvider
) -> None:
    novita.is_ready.clear()
    job = await world.ask()
    world.clock.advance(2 * PATIENCE.total_seconds())
    novita.state_of_health = Health(
        state=HealthState.LOST, reason="Away.", lost_at=world.clock.now()
    )
    async with world.running():
        await world.clock.until_asleep(TEND_S)
        world.clock.advance(TEND_S)
        await world.clock.until_asleep(TEND_S)
        assert (await world.jobs.get(job.id)).state is JobState.QUEUED
        novita.is_ready.set()
        await world.until(job, JobState.DONE)
