"""What becomes of a job whose backend refuses everyone."""

from typing import Any

import pytest

from jobs.errors import ProviderError, RefusedError, UnavailableError, UnconfirmedError
from jobs.model import Job
from jobs.prices import PriceTable
from jobs.quota.books import Unit
from jobs.quota.tiers import Setting
from jobs.request import ProviderName, Scheduler
from jobs.states import JobState
from tests.factories import make_act, make_rule
from tests.fakes.media import VIDEO
from tests.fakes.provider import SHAPES, FakeProvider
from tests.jobs.conftest import ADA, FREE, ONE_VIDEO, World

BAD_KEY = "ModelsLab refuses Flipbook just now; its operator has been told."


def closed() -> RefusedError:
    return RefusedError(BAD_KEY, refuses_everyone=True, detail="401 invalid key")


def prices(modelslab: str, novita: str) -> PriceTable:
    lines = [
        f'[{name}."*"]\nper_video = {price}'
        for name, price in (("modelslab", modelslab), ("novita", novita))
        if price
    ]
    return PriceTable.parse("\n".join(lines))


@pytest.fixture
def modelslab() -> FakeProvider:
    provider = FakeProvider(video=VIDEO, name=ProviderName.MODELSLAB, is_paid=True)
    provider.submit_errors = [closed()]
    return provider


@pytest.fixture
def novita() -> FakeProvider:
    return FakeProvider(video=VIDEO, name=ProviderName.NOVITA, is_paid=True)


async def made(world: World, **fields: Any) -> Job:
    async with world.running():
        job = await world.ask(**fields)
        return await world.until(job, JobState.DONE)


async def failed(world: World, **fields: Any) -> Job:
    async with world.running():
        job = await world.ask(**fields)
        return await world.until(job, JobState.FAILED)


async def test_a_job_that_meets_a_closed_door_is_made_by_the_next_backend(
    world: World, modelslab: FakeProvider, novita: FakeProvider
) -> None:
    world.become(modelslab, novita)
    done = await made(world, scheduler=Scheduler.DDIM)
    assert (modelslab.submitted, novita.submitted) == ([], [done.id])
    assert done.receipt is not None
    assert done.receipt.provider == done.backend == "novita"
    assert done.receipt.seed == done.request.seed == 4242
    assert done.refused_by == ("modelslab",)
    assert done.warnings == (
        "ModelsLab takes no videos at the moment, so Novita makes this one.",
        "This backend takes no scheduler.",
    )
    assert JobState.QUEUED in [state for state, _ in world.delivery.cards[done.id]]
    assert done.setbacks == 0
    assert await world.balance() == ONE_VIDEO


async def test_each_submit_of_a_job_that_moves_has_a_token_of_its_own(
    world: World, modelslab: FakeProvider, novita: FakeProvider
) -> None:
    world.become(modelslab, novita)
    await made(world)
    assert len({*modelslab.tokens, *novita.tokens}) == 2


async def test_a_job_that_named_its_backend_ends_there(
    world: World, modelslab: FakeProvider, novita: FakeProvider
) -> None:
    world.become(modelslab, novita)
    job = await failed(world, provider=ProviderName.MODELSLAB)
    assert job.failure is not None
    assert (job.failure.code, job.failure.message) == ("refused", BAD_KEY)
    assert novita.tokens == []
    assert await world.balance() == FREE


async def test_a_job_whose_model_nobody_else_has_ends(
    world: World, modelslab: FakeProvider, novita: FakeProvider
) -> None:
    modelslab.offers = [
        SHAPES.model_copy(update={"id": "toon", "provider": ProviderName.MODELSLAB})
    ]
    world.become(modelslab, novita)
    await failed(world, model="toon")
    assert novita.tokens == []


async def test_a_refusal_of_the_request_itself_is_final(
    world: World, modelslab: FakeProvider, novita: FakeProvider
) -> None:
    modelslab.submit_errors = [RefusedError("No such prompt here.")]
    world.become(modelslab, novita)
    await failed(world)
    assert novita.tokens == []


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (UnconfirmedError("The answer was lost."), JobState.UNCONFIRMED),
        (UnavailableError("It cannot be reached."), JobState.QUEUED),
    ],
)
async def test_nothing_but_a_refusal_moves_a_job(
    world: World,
    modelslab: FakeProvider,
    novita: FakeProvider,
    error: ProviderError,
    state: JobState,
) -> None:
    modelslab.submit_errors = [error]
    world.become(modelslab, novita)
    async with world.running():
        job = await world.ask()
        held = await world.until(job, state)
    assert held.backend == "modelslab"
    assert novita.tokens == []
    assert (await world.balance())[Unit.VIDEOS] == (0, 1)


async def test_a_job_that_everybody_turns_away_asks_each_once_and_is_free(
    world: World, modelslab: FakeProvider, novita: FakeProvider
) -> None:
    novita.submit_errors = [closed()]
    world.become(modelslab, novita)
    job = await failed(world)
    assert (len(modelslab.tokens), len(novita.tokens)) == (1, 1)
    assert job.refused_by == ("modelslab",)
    assert await world.balance() == FREE


async def test_a_job_that_moved_survives_a_crash(
    world: World, modelslab: FakeProvider, novita: FakeProvider
) -> None:
    novita.go.clear()
    world.become(modelslab, novita)
    job = await world.ask()
    async with world.doomed():
        await novita.until_watching(job)
    novita.go.set()
    async with world.running():
        done = await world.until(job, JobState.DONE)
    assert (modelslab.submitted, novita.submitted) == ([], [job.id])
    assert done.backend == "novita"


async def test_a_dearer_backend_gets_nothing_that_was_reserved_for_a_cheaper_one(
    world: World, modelslab: FakeProvider, novita: FakeProvider
) -> None:
    world.prices = prices("0.02", "0.03")
    world.become(modelslab, novita)
    await failed(world)
    assert novita.tokens == []
    assert await world.balance() == {**FREE, Unit.MONEY_MICROS: (0, 0)}


async def test_a_backend_of_unknown_price_gets_nothing_that_was_reserved_for_a_known_one(
    world: World, modelslab: FakeProvider, novita: FakeProvider
) -> None:
    world.prices = prices("0.02", "")
    world.become(modelslab, novita)
    await failed(world)
    assert novita.tokens == []


async def test_a_cheaper_backend_is_taken_and_its_own_price_is_booked(
    world: World, modelslab: FakeProvider, novita: FakeProvider
) -> None:
    world.prices = prices("0.02", "0.005")
    world.become(modelslab, novita)
    done = await made(world)
    assert done.receipt is not None
    assert (done.receipt.price_micros, done.receipt.currency) == (5_000, "USD")
    assert await world.balance() == {**ONE_VIDEO, Unit.MONEY_MICROS: (5_000, 0)}


async def test_a_job_that_moves_to_our_own_machine_costs_no_money(
    world: World, modelslab: FakeProvider
) -> None:
    world.prices = prices("0.02", "")
    world.become(modelslab, FakeProvider(video=VIDEO))
    done = await made(world)
    assert done.backend == "local"
    assert done.price_micros == 0
    assert await world.balance() == {**ONE_VIDEO, Unit.MONEY_MICROS: (0, 0)}


async def test_a_cheaper_third_backend_is_taken_where_the_second_is_too_dear(
    world: World, modelslab: FakeProvider, novita: FakeProvider
) -> None:
    world.prices = prices("0.02", "0.03")
    local = FakeProvider(video=VIDEO)
    world.become(modelslab, novita, local)
    done = await made(world)
    assert (novita.tokens, local.submitted) == ([], [done.id])


async def test_a_longer_video_than_was_reserved_is_not_made(
    world: World, modelslab: FakeProvider, novita: FakeProvider
) -> None:
    longer = SHAPES.defaults.model_copy(update={"frames": 32})
    novita.offers = [
        SHAPES.model_copy(update={"defaults": longer, "provider": ProviderName.NOVITA})
    ]
    world.become(modelslab, novita)
    await failed(world)
    assert novita.tokens == []


async def test_a_job_does_not_move_to_a_backend_that_its_member_may_not_use(
    world: World, modelslab: FakeProvider, novita: FakeProvider
) -> None:
    world.become(modelslab, novita)
    own = make_rule(Setting.PROVIDERS, frozenset({"modelslab"}))
    await world.quotas.set_rule(own, act=make_act(guild_id=ADA.guild_id))
    ended = await failed(world)
    assert (ended.backend, novita.submitted) == ("modelslab", [])
    assert await world.balance() == FREE
