"""The fake does what it is told to: what the other tests of this folder build on."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from jobs.errors import FlipbookError, MediaError, RenderFailedError, UnconfirmedError
from providers.http import Http
from providers.modelslab.client import ModelsLabApi
from tests.fakes.faults import Kind, Place
from tests.fakes.films import sample_video
from tests.fakes.modelslab.service import FakeModelsLab
from tests.providers.modelslab.conftest import KEY, TOKEN, order_of

LIMIT = 8 * 1024**2


class Hook:
    """Somebody who listens for webhooks."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[bytes] = []

    async def hear(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        return web.Response(status=202)


@pytest.fixture
async def hook() -> AsyncGenerator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.hear)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


async def download(http: Http, fake: FakeModelsLab) -> bytes:
    async with http.download(f"{fake.url}/videos/1.mp4", limit=LIMIT) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_a_video_is_served_whole(http: Http, fake: FakeModelsLab) -> None:
    assert await download(http, fake) == sample_video()


@pytest.mark.parametrize("kind", [Kind.TRUNCATED, Kind.WRONG_TYPE])
async def test_a_video_that_is_none_is_served_as_one(
    http: Http, fake: FakeModelsLab, kind: Kind
) -> None:
    fake.script(Place.VIDEO, kind)
    content = await download(http, fake)
    assert content
    assert content != sample_video()


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (Kind.ANSWER, {"status": 403, "body": "expired"}, RenderFailedError),
        (Kind.ANSWER, {"status": 404, "body": "gone"}, RenderFailedError),
        (Kind.EMPTY, {}, MediaError),
        (Kind.ENDLESS, {}, MediaError),
        (Kind.GZIP_BOMB, {}, MediaError),
        (Kind.DRIP, {}, FlipbookError),
        (Kind.BROKEN_OFF, {}, FlipbookError),
        (Kind.DROP, {"times": 2}, FlipbookError),  # aiohttp asks for a file twice
        (Kind.REDIRECT, {"url": "http://10.0.0.1/"}, FlipbookError),
        (Kind.REDIRECT, {"url": "http://169.254.169.254/latest/meta-data"}, FlipbookError),
    ],
    ids=str,
)
async def test_a_video_that_cannot_be_had_ends_in_a_typed_error(
    http: Http,
    fake: FakeModelsLab,
    kind: Kind,
    values: dict[str, Any],
    expected: type[FlipbookError],
) -> None:
    fake.script(Place.VIDEO, kind, **values)
    with pytest.raises(expected):
        await download(http, fake)


async def test_a_job_calls_back_with_its_token(
    fake: FakeModelsLab, api: ModelsLabApi, hook: Hook
) -> None:
    accepted = await api.submit(order_of(hook_url=hook.url))
    await fake.until(webhook=1)
    (body,) = hook.bodies
    assert json.loads(body)["track_id"] == TOKEN
    assert api.named_in(body) == accepted.provider_job_id
    assert fake.heard == [202]


async def test_a_job_whose_answer_was_dropped_calls_back(
    fake: FakeModelsLab, api: ModelsLabApi, hook: Hook
) -> None:
    fake.script(Place.SUBMIT, Kind.DROP_AFTER)
    with pytest.raises(UnconfirmedError):
        await api.submit(order_of(hook_url=hook.url))
    await fake.until(webhook=1)
    assert api.named_in(hook.bodies[0]) == fake.bills[0]["id"]


async def test_a_duplicate_webhook_comes_three_times_and_a_forged_one_names_another(
    fake: FakeModelsLab, api: ModelsLabApi, hook: Hook
) -> None:
    fake.script(Place.WEBHOOK, Kind.DUPLICATE)
    accepted = await api.submit(order_of(hook_url=hook.url))
    await fake.until(webhook=3)
    assert {api.named_in(body) for body in hook.bodies} == {accepted.provider_job_id}
    fake.script(Place.WEBHOOK, Kind.FORGED)
    await fake.call_back()
    assert api.named_in(hook.bodies[-1]) not in {None, accepted.provider_job_id}


async def test_what_is_held_before_the_bill_is_not_billed_if_it_is_dropped(
    fake: FakeModelsLab, api: ModelsLabApi
) -> None:
    fake.script(Place.SUBMIT, Kind.HOLD)
    submit = asyncio.create_task(api.submit(order_of()))
    await fake.until(held=1)
    assert not fake.bills
    fake.release(drop=True)
    with pytest.raises(UnconfirmedError):
        await submit
    assert not fake.bills


async def test_what_is_held_after_the_bill_is_billed(
    fake: FakeModelsLab, api: ModelsLabApi
) -> None:
    fake.script(Place.SUBMIT, Kind.HOLD_AFTER)
    submit = asyncio.create_task(api.submit(order_of()))
    await fake.until(held=1)
    assert len(fake.bills) == 1
    fake.release()
    assert (await submit).provider_job_id == fake.bills[0]["id"]


async def test_a_process_of_its_own_is_controlled_and_asked_over_http() -> None:
    arguments = ("-m", "tests.fakes.modelslab", "--port", "0", "--key", KEY)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().strip()
        async with aiohttp.ClientSession(url) as session:
            fault = {"place": "submit", "kind": "answer", "status": 429, "body": {}}
            await session.post("/_control", json={"faults": [fault], "looks_until_done": 1})
            body = {"key": KEY, "model_id": "wan2.2", "prompt": "a fox"}
            path = "/api/v6/video/text2video"
            answers = [await session.post(path, json=body) for _ in range(2)]
            assert [answer.status for answer in answers] == [429, 200]
            state = await (await session.get("/_until?submit=2&bill=1")).json()
            assert state["counts"]["submit"] == 2
            (bill,) = await (await session.get("/_bills")).json()
        assert bill["body"] == {"model_id": "wan2.2", "prompt": "a fox"}
    finally:
        process.terminate()
        await process.wait()
