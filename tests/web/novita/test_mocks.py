"""Made-up events: somebody tries their webhook, and nothing is rendered or charged for it."""

import io
from typing import Any

import aiohttp
import av
import pytest
from PIL import Image

from jobs.errors import StorageFullError
from tests.web.novita.conftest import BODY, Door

URL = "https://example.com/hook?token=abc"


def mock(status: str | None = "TASK_STATUS_SUCCEED", kind: str = "mp4") -> dict[str, Any]:
    mode = {"enabled": True, "return_task_status": status}
    return {"response_video_type": kind, "webhook": {"url": URL, "test_mode": mode}}


async def submit(door: Door, extra: dict[str, Any], **changes: Any) -> str:
    answer = await door.post({**BODY, "extra": extra, **changes})
    assert answer.status == 200
    task_id: str = answer.body["task_id"]
    return task_id


async def open_jobs(door: Door) -> int:
    return len(await door.world.jobs.list_jobs(is_open=True, limit=10))


async def test_a_made_up_success_is_sent_and_nothing_is_queued(door: Door) -> None:
    task_id = await submit(door, mock())
    ((url, event),) = door.events
    assert url == URL
    assert event["event_type"] == "ASYNC_TASK_RESULT"
    payload = event["payload"]
    assert payload["task"]["task_id"] == task_id
    assert payload["task"]["status"] == "TASK_STATUS_SUCCEED"
    assert payload["extra"]["webhook"] == {"url": URL}
    assert len(payload["videos"]) == 1
    assert await open_jobs(door) == 0


async def test_a_made_up_failure_has_a_reason_and_no_video(door: Door) -> None:
    await submit(door, mock("TASK_STATUS_FAILED"))
    payload = door.events[0][1]["payload"]
    assert payload["task"]["status"] == "TASK_STATUS_FAILED"
    assert payload["task"]["reason"]
    assert payload["videos"] == []
    assert await open_jobs(door) == 0


async def test_a_test_that_names_no_end_ends_well(door: Door) -> None:
    await submit(door, mock(None))
    assert door.events[0][1]["payload"]["task"]["status"] == "TASK_STATUS_SUCCEED"


@pytest.mark.parametrize("status", ["TASK_STATUS_SUCCEED", "TASK_STATUS_FAILED"])
async def test_a_made_up_task_can_be_asked_for_like_any_other(door: Door, status: str) -> None:
    task_id = await submit(door, mock(status))
    body = (await door.look(task_id)).body
    event = door.events[0][1]["payload"]
    del event["extra"]["webhook"]
    assert body == event


async def test_a_test_needs_no_model(door: Door) -> None:
    await submit(door, mock(), model_name="darkSushiMixMix_225D_64380.safetensors")
    assert len(door.events) == 1


@pytest.mark.parametrize(
    "changes", [{"steps": 51}, {"prompts": [{"frames": 43, "prompt": "a"}] * 3}], ids=str
)
async def test_a_test_is_held_to_the_ranges_all_the_same(
    door: Door, changes: dict[str, Any]
) -> None:
    refused = await door.refused(extra=mock(), **changes)
    assert refused == (400, "INVALID_REQUEST_BODY")
    assert door.events == []


async def test_a_test_that_is_not_switched_on_is_a_video(door: Door) -> None:
    extra = mock()
    extra["webhook"]["test_mode"]["enabled"] = False
    job = await door.submit(extra=extra)
    assert door.events == []
    assert job.address.api is not None
    assert job.address.api.webhook == URL


@pytest.mark.parametrize("kind", ["mp4", "gif"])
async def test_the_file_that_a_test_names_is_there_and_plays(door: Door, kind: str) -> None:
    await submit(door, mock(kind=kind))
    (video,) = door.events[0][1]["payload"]["videos"]
    assert video["video_type"] == kind
    async with aiohttp.ClientSession() as session, session.get(video["video_url"]) as answer:
        assert answer.status == 200
        content = await answer.read()
    if kind == "gif":
        with Image.open(io.BytesIO(content)) as image:
            assert getattr(image, "n_frames", 1) == 8
    else:
        with av.open(io.BytesIO(content), "r") as film:
            assert sum(1 for _ in film.decode(video=0)) == 8


async def test_an_event_that_cannot_be_kept_is_said_so(door: Door) -> None:
    door.event_error = StorageFullError("no room")
    assert await door.refused(extra=mock()) == (503, "RATE_LIMIT_EXCEEDED")
