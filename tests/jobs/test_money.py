"""What a video is expected to cost: reserved before the work, told, and booked at the end."""

import pytest

from jobs.errors import QuotaExceededError, RenderFailedError
from jobs.prices import PriceTable
from jobs.quota.books import Unit
from jobs.quota.tiers import Setting
from jobs.request import ProviderName, Segment, VideoRequest
from jobs.states import JobState
from tests.factories import make_act, make_rule
from tests.fakes.media import VIDEO
from tests.fakes.provider import FakeProvider
from tests.jobs.conftest import ADA, World

PRICES = PriceTable.parse('currency = "EUR"\n[novita."*"]\nper_video = 0.02')
CAT = VideoRequest(segments=(Segment(prompt="a cat"),))


@pytest.fixture
def novita(world: World) -> FakeProvider:
    provider = FakeProvider(video=VIDEO, name=ProviderName.NOVITA, is_paid=True)
    world.prices = PRICES
    world.become(provider)
    return provider


async def money(world: World) -> tuple[int, int]:
    return (await world.balance())[Unit.MONEY_MICROS]


@pytest.mark.usefixtures("novita")
async def test_the_price_is_told_before_anything_is_queued(world: World) -> None:
    plan = world.service.plan(CAT)
    assert (plan.price_micros, plan.currency) == (20_000, "EUR")
    job = await world.ask()
    assert (job.price_micros, job.currency) == (20_000, "EUR")
    assert await money(world) == (0, 20_000)


@pytest.mark.usefixtures("novita")
async def test_the_estimate_is_in_the_receipt_and_in_the_books(world: World) -> None:
    async with world.running():
        done = await world.until(await world.ask(), JobState.DONE)
    assert done.receipt is not None
    assert (done.receipt.price_micros, done.receipt.price_is_actual) == (20_000, False)
    assert done.receipt.currency == "EUR"
    assert world.media.tagged == [done.receipt]
    assert await money(world) == (20_000, 0)


@pytest.mark.parametrize(("billed", "booked"), [(12_345, 12_345), (0, 0), (30_000, 20_000)])
async def test_what_a_service_says_it_billed_counts_up_to_what_was_reserved(
    world: World, novita: FakeProvider, billed: int, booked: int
) -> None:
    novita.bill_micros = billed
    async with world.running():
        done = await world.until(await world.ask(), JobState.DONE)
    assert done.receipt is not None
    assert (done.receipt.price_micros, done.receipt.price_is_actual) == (billed, True)
    assert await money(world) == (booked, 0)


async def test_a_failed_render_costs_no_money(world: World, novita: FakeProvider) -> None:
    novita.watch_errors = [RenderFailedError("The model broke.")]
    async with world.running():
        await world.until(await world.ask(), JobState.FAILED)
    assert await money(world) == (0, 0)


async def test_our_own_machine_costs_no_money(world: World) -> None:
    world.prices = PRICES
    world.become(FakeProvider(video=VIDEO))
    async with world.running():
        done = await world.until(await world.ask(), JobState.DONE)
    assert done.receipt is not None
    assert (done.receipt.price_micros, done.receipt.currency) == (None, "")
    assert Unit.MONEY_MICROS not in await world.balance()


@pytest.mark.usefixtures("novita")
async def test_a_charge_of_money_is_held_to_the_limit_of_the_tier(world: World) -> None:
    act = make_act(guild_id=ADA.guild_id)
    await world.quotas.set_rule(make_rule(Setting.MONEY_PER_DAY, 30_000), act=act)
    await world.ask()
    told = r"takes 0\.02 EUR, and of your 0\.03 EUR a day 0\.01 EUR is left"
    with pytest.raises(QuotaExceededError, match=told):
        await world.ask()
    assert await money(world) == (0, 20_000)
