"""The fake holds others to the documents, so it is held to them, too."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from typing import Any

import aiohttp
import pytest

from providers.novita.wire import Event, Submitted, TaskResult
from tests.fakes.hosted import FakeJob
from tests.fakes.novita import bodies
from tests.fakes.novita.service import FakeNovita
from tests.providers.novita.conftest import KEY, MODEL

BODY: dict[str, Any] = {
    "model_name": MODEL,
    "height": 256,
    "width": 256,
    "steps": 20,
    "seed": -1,
    "prompts": [{"frames": 32, "prompt": "a little girl"}],
}


async def ask(url: str, path: str, *, body: object = None, key: str = KEY) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request("POST" if body is not None else "GET", url + path, json=body) as answer,
    ):
        return answer.status, await answer.json()


async def submit(fake: FakeNovita, **changes: object) -> tuple[int, Any]:
    return await ask(fake.url, "/v3/async/txt2video", body={**BODY, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"model_name": "gone.safetensors"},
        {"height": 255},
        {"width": 1025},
        {"steps": 51},
        {"steps": "20"},
        {"prompts": []},
        {"prompts": [{"frames": 7, "prompt": "a"}]},
        {"prompts": [{"frames": 65, "prompt": "a"}]},
        {"prompts": [{"frames": 64, "prompt": "a"}] * 3},
        {"prompts": [{"frames": 8, "prompt": ""}]},
        {"negative_prompt": ""},
        {"guidance_scale": 31},
        {"seed": -2},
        {"loras": [{"model_name": "a", "strength": 1}] * 6},
        {"loras": [{"model_name": "a"}]},
        {"embeddings": [{"model_name": "a"}] * 6},
        {"clip_skip": 0},
        {"extra": {"response_video_type": "webm"}},
    ],
    ids=str,
)
async def test_what_is_outside_the_documented_ranges_is_refused(
    fake: FakeNovita, changes: dict[str, object]
) -> None:
    status, body = await submit(fake, **changes)
    assert (status, body["reason"]) == (400, "INVALID_REQUEST_BODY")
    assert fake.bills == []


async def test_a_bare_key_will_do_and_nulls_are_left_open(fake: FakeNovita) -> None:
    headers = {"Authorization": KEY}
    body = {**BODY, "loras": None, "embeddings": None, "extra": None, "negative_prompt": None}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(fake.url + "/v3/async/txt2video", json=body) as answer,
    ):
        assert answer.status == 200
        Submitted.model_validate(await answer.json())
    assert len(fake.bills) == 1


def test_its_result_has_the_shape_that_every_sdk_reads(documented: dict[str, Any]) -> None:
    safe = documented["result_safe_for_every_sdk"]
    url = safe["videos"][0]["video_url"]
    made = bodies.result("t-1", bodies.SUCCEED, seed=158881667, url=url)
    assert made == safe
    assert TaskResult.model_validate(made)


def test_its_webhook_has_the_documented_shape(documented: dict[str, Any]) -> None:
    job = FakeJob(id="t-1", body=BODY, hook_url="https://your-webhook-endpoint-url")
    made = FakeNovita().webhook_body(job)
    assert made.keys() == documented["webhook"].keys()
    assert made["payload"].keys() == documented["webhook"]["payload"].keys()
    assert (
        made["payload"]["extra"]["webhook"] == documented["webhook"]["payload"]["extra"]["webhook"]
    )
    assert Event.model_validate(made)


def test_its_models_have_the_documented_shape(documented: dict[str, Any]) -> None:
    (listed,) = documented["models"]["models"]
    assert listed.keys() <= bodies.MODELS[0].keys()


async def test_it_runs_as_a_process_that_is_told_what_to_do() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.novita", "--port", "0", "--key", KEY, stdout=PIPE
    )
    try:
        assert process.stdout
        url = (await process.stdout.readline()).decode().strip()
        fault = {"place": "submit", "kind": "answer", "status": 429, "body": {}}
        await ask(url, "/_control", body={"faults": [fault]})
        first, _ = await ask(url, "/v3/async/txt2video", body=BODY)
        second, taken = await ask(url, "/v3/async/txt2video", body=BODY)
        _, bills = await ask(url, "/_bills")
    finally:
        process.terminate()
        await process.wait()
    assert (first, second) == (429, 200)
    assert [(bill["id"], bill["body"]) for bill in bills] == [(taken["task_id"], BODY)]
