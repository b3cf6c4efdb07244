"""Flipbook behind Flipbook: its own client of Novita understands all that its door says."""

from collections.abc import AsyncGenerator

import pytest

from jobs.errors import BusyError, RefusedError
from jobs.request import LoraUse, Segment
from jobs.states import JobState
from providers.hosted.api import Order, Stage
from providers.http import Http
from providers.novita.client import NovitaApi
from tests.factories import make_request
from tests.web.novita.conftest import KEY, WRONG, Door

HOOK = "https://front.example/hooks/novita/" + "ab" * 16


@pytest.fixture
async def http(door: Door) -> AsyncGenerator[Http]:
    async with Http.open(own=[door.url]) as http:
        yield http


@pytest.fixture
def api(http: Http, door: Door) -> NovitaApi:
    return NovitaApi(http=http, base_url=door.url, key=KEY)


def order(**changes: object) -> Order:
    values = {"model": "shapes", "width": 256, "height": 256, "provider": "novita", **changes}
    return Order(request=make_request(**values), token="ab" * 16, hook_url=HOOK)


async def test_all_that_the_protocol_carries_arrives(door: Door, api: NovitaApi) -> None:
    sent = order(
        segments=(Segment(prompt="a seed", frames=100), Segment(prompt="a tree", frames=28)),
        frames=128,
        negative_prompt="blurry",
        steps=50,
        guidance_scale=11.5,
        seed=2**32 - 1,
        loras=(LoraUse(id="sketch", strength=0.25),),
        embeddings=("badhands",),
        closed_loop=True,
        clip_skip=3,
    )
    accepted = await api.submit(sent)
    (job,) = await door.world.jobs.list_jobs(is_open=True, limit=10)
    assert job.id == accepted.provider_job_id
    parts = [(part.prompt, part.frames) for part in job.request.segments]
    assert parts == [("a seed", 50), ("a seed", 50), ("a tree", 28)]
    same = (
        "negative_prompt steps guidance_scale seed loras embeddings closed_loop clip_skip "
        "width height fps"
    )
    for name in same.split():
        assert getattr(job.request, name) == getattr(sent.request, name)
    assert job.address.api is not None
    assert job.address.api.webhook == HOOK


async def test_every_stage_is_understood(door: Door, api: NovitaApi) -> None:
    accepted = await api.submit(order())

    async def stage() -> Stage:
        return (await api.look(accepted.provider_job_id, endpoint=api.endpoint)).stage

    (job,) = await door.world.jobs.list_jobs(is_open=True, limit=10)
    assert await stage() is Stage.RUNNING
    await door.finish(job)
    look = await api.look(job.id, endpoint=api.endpoint)
    assert look.stage is Stage.DONE
    assert look.url is not None
    assert look.url.startswith(door.url)
    assert look.effective == {"seed": 7}


async def test_a_failure_is_understood(door: Door, api: NovitaApi) -> None:
    accepted = await api.submit(order())
    (job,) = await door.world.jobs.list_jobs(is_open=True, limit=10)
    await door.fail(job, "The GPU ran out of memory.")
    look = await api.look(accepted.provider_job_id, endpoint=api.endpoint)
    assert look.stage is Stage.FAILED
    assert "ran out of memory" in look.detail


async def test_the_shelf_is_understood(api: NovitaApi) -> None:
    shelf = await api.shelf()
    assert [model.id for model in shelf.models] == ["shapes"]
    assert (shelf.loras, shelf.embeddings) == (("sketch",), ("badhands",))


async def test_the_webhook_can_be_tried(door: Door, api: NovitaApi) -> None:
    task_id = await api.try_hook(HOOK)
    ((url, event),) = door.events
    assert url == HOOK
    assert event["payload"]["task"]["task_id"] == task_id


async def test_a_refusal_of_one_request_is_not_one_of_everything(api: NovitaApi) -> None:
    with pytest.raises(RefusedError) as caught:
        await api.submit(order(model="not-there"))
    assert not caught.value.refuses_everyone


async def test_a_wrong_key_is_a_refusal_of_everything(door: Door, http: Http) -> None:
    stranger = NovitaApi(http=http, base_url=door.url, key=WRONG)
    with pytest.raises(RefusedError) as caught:
        await stranger.submit(order())
    assert caught.value.refuses_everyone


async def test_a_closing_flipbook_is_tried_again_without_a_doubt(
    door: Door, api: NovitaApi
) -> None:
    door.world.service.close()
    with pytest.raises(BusyError) as caught:
        await api.submit(order())
    assert caught.value.retry_after_s == 30.0
    assert await door.world.jobs.list_jobs(is_open=True, limit=10) == []


async def test_a_task_is_running_while_its_file_is_taken_over(door: Door, api: NovitaApi) -> None:
    accepted = await api.submit(order())
    (job,) = await door.world.jobs.list_jobs(is_open=True, limit=10)
    await door.take(job, JobState.RUNNING, JobState.FETCHING)
    look = await api.look(accepted.provider_job_id, endpoint=api.endpoint)
    assert (look.stage, look.fraction) == (Stage.RUNNING, 0.99)
