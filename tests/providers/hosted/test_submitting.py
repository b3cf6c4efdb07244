"""A submit is made once, carries what heals it, and says exactly what came of it."""

import logging
import traceback

import pytest

from jobs.errors import (
    BusyError,
    FlipbookError,
    ProviderError,
    RefusedError,
    RenderFailedError,
    RequestError,
    UnavailableError,
    UnconfirmedError,
)
from jobs.request import Scheduler
from providers.hosted.api import Accepted
from tests.factories import make_request
from tests.providers.hosted.world import TOKEN, World

KEY = "sk-made-up-key"


async def test_a_submit_carries_the_token_and_the_address_of_its_hook(world: World) -> None:
    job = world.job()
    await world.submit(job)
    [order] = world.api.orders
    assert order.token == TOKEN
    assert order.hook_url == f"https://bot.example/hooks/novita/{TOKEN}"
    assert order.request == job.request


async def test_a_bot_that_cannot_be_reached_asks_for_no_hook() -> None:
    world = World.new(public_url=None)
    async with world.provider:
        await world.submit()
    assert world.api.orders[0].hook_url is None


async def test_what_the_service_answered_is_kept(world: World) -> None:
    accepted = Accepted(provider_job_id="t1", sent={"steps": "30"}, effective={"steps": 20})
    world.api.accepts.append(accepted)
    submission = await world.provider.submit(world.job(), token=TOKEN, image=None)
    assert submission.provider_job_id == "t1"
    assert submission.endpoint == "https://api.example"
    assert submission.sent == {"steps": "30"}
    assert submission.effective == {"steps": 20}


@pytest.mark.parametrize(
    "error",
    [
        BusyError("later", retry_after_s=7),
        UnavailableError("not sent"),
        RefusedError("no"),
        RefusedError("no key", refuses_everyone=True),
        UnconfirmedError("lost"),
        RequestError("no such model", field="model"),
    ],
    ids=str,
)
async def test_an_answer_of_the_contract_passes_unchanged(
    world: World, error: FlipbookError
) -> None:
    world.api.accepts.append(error)
    with pytest.raises(type(error)) as caught:
        await world.submit()
    assert caught.value is error


@pytest.mark.parametrize(
    "error", [ValueError(KEY), KeyError(KEY), OSError(KEY), RenderFailedError(KEY)], ids=repr
)
async def test_an_error_that_nobody_foresaw_is_a_lost_answer_and_tells_no_secret(
    world: World, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    world.api.accepts.append(error)
    with pytest.raises(UnconfirmedError) as caught:
        await world.submit()
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown + repr(caught.value) + caught.value.detail + caplog.text
    assert type(error).__name__ in caplog.text


async def test_an_accepted_job_without_an_id_is_a_lost_answer(world: World) -> None:
    world.api.accepts.append(Accepted(provider_job_id="", sent={}))
    with pytest.raises(UnconfirmedError):
        await world.submit()


async def test_no_failed_submit_is_sent_twice(world: World) -> None:
    world.api.accepts.append(UnconfirmedError("lost"))
    with pytest.raises(ProviderError):
        await world.submit()
    await world.let_pass(3600)
    assert len(world.api.orders) == 1


async def test_a_bad_key_takes_the_provider_out_and_the_next_submit_is_not_sent(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.api.accepts.append(RefusedError("no", refuses_everyone=True, detail="INVALID_API_KEY"))
    with pytest.raises(RefusedError):
        await world.submit()
    with pytest.raises(RefusedError) as caught:
        await world.submit()
    assert caught.value.refuses_everyone
    assert len(world.api.orders) == 1
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert vars(record)["action"] == "provider_out"
    assert "INVALID_API_KEY" in record.message
    assert "INVALID_API_KEY" not in caught.value.user_message + world.provider.health.reason


async def test_a_refused_prompt_refuses_nobody_else(world: World) -> None:
    world.api.accepts.append(RefusedError("not that"))
    with pytest.raises(RefusedError):
        await world.submit()
    await world.submit()
    assert world.provider.health.state == "ok"
    assert len(world.api.bills) == 1


async def test_what_the_service_cannot_honour_is_said_before(world: World) -> None:
    request = make_request(scheduler=Scheduler.DDIM)
    assert world.provider.check(request) == ["This service takes no scheduler."]


async def test_a_cancel_asks_nothing_of_the_service(world: World) -> None:
    job = await world.submit()
    await world.provider.cancel(job)
    assert world.api.looked == []
    assert world.provider.is_paid
    assert world.provider.slots == 5
