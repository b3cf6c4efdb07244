"""What the Novita door says of a task at each point of its life, in the form every client reads."""

import json
from typing import Any

import pytest

from bot.web.counter import Look
from bot.web.novita import callback_body
from jobs.model import ApiAddress, Progress, Standing
from jobs.states import JobState
from tests.factories import NOW, make_receipt
from tests.web.novita.conftest import OTHER, WRONG, Door, make_api_job


def shape_of(value: object) -> object:
    """Return the names and the types of a body."""
    if isinstance(value, dict):
        return {name: shape_of(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape_of(item) for item in value]
    return type(value)


async def test_a_waiting_task_is_queued(door: Door) -> None:
    job = await door.submit(seed=7)
    answer = await door.look(job.id)
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.body
    assert body["task"] == {
        "task_id": job.id,
        "status": "TASK_STATUS_QUEUED",
        "reason": "",
        "task_type": "TXT_TO_VIDEO",
        "eta": 0,
        "progress_percent": 0,
    }
    assert body["extra"]["seed"] == "7"
    times = body["extra"]["debug_info"]
    assert times["submit_time_ms"].isdecimal()
    assert (times["execute_time_ms"], times["complete_time_ms"]) == ("0", "0")
    assert (body["images"], body["videos"], body["audios"]) == ([], [], [])


async def test_a_running_task_tells_how_far_it_is(door: Door) -> None:
    job = await door.submit()
    await door.take(job, JobState.RUNNING)
    door.progress[job.id] = Progress(done=5, total=12, eta_s=6.2)
    task = (await door.look(job.id)).body["task"]
    assert task["status"] == "TASK_STATUS_PROCESSING"
    assert (task["progress_percent"], task["eta"]) == (41, 7)
    assert type(task["progress_percent"]) is type(task["eta"]) is int


async def test_a_task_is_not_all_done_before_its_file_is_there(door: Door) -> None:
    job = await door.submit()
    await door.take(job, JobState.RUNNING)
    door.progress[job.id] = Progress(done=12, total=12)
    assert (await door.look(job.id)).body["task"]["progress_percent"] == 99


async def test_a_finished_task_has_its_video_and_its_seed(
    door: Door, documented: dict[str, Any]
) -> None:
    job = await door.submit(seed=4_294_967_295)
    await door.finish(job)
    body = (await door.look(job.id)).body
    assert shape_of(body) == shape_of(documented["result_safe_for_every_sdk"])
    assert body["task"]["status"] == "TASK_STATUS_SUCCEED"
    assert body["task"]["progress_percent"] == 100
    assert body["extra"]["seed"] == "4294967295"
    (video,) = body["videos"]
    assert video["video_url"].startswith(f"{door.url}/files/")
    assert (video["video_url_ttl"], video["video_type"]) == ("3600", "mp4")
    times = body["extra"]["debug_info"]
    moments = [int(times[f"{name}_time_ms"]) for name in ("submit", "execute", "complete")]
    assert moments == sorted(moments)
    assert moments[0] > 0


async def test_a_gif_is_called_one(door: Door) -> None:
    job = await door.submit(extra={"response_video_type": "gif"})
    await door.finish(job)
    (video,) = (await door.look(job.id)).body["videos"]
    assert video["video_type"] == "gif"
    assert ".gif" in video["video_url"]


async def test_what_was_really_used_is_told_beside_what_was_asked(door: Door) -> None:
    door.names["*"] = "shapes"
    job = await door.submit(model_name="x.safetensors", width=1024, height=512)
    await door.finish(job)
    told = (await door.look(job.id)).body["extra"]["debug_info"]["request_info"]
    used = json.loads(told)
    assert (used["model_name"], used["model"]) == ("x.safetensors", "shapes")
    assert (used["width"], used["height"]) == (1024, 512)
    assert (used["rendered_width"], used["rendered_height"]) == (256, 128)
    assert used["effective"]["scheduler"] == "DDIMScheduler"


async def test_a_failed_task_says_why(door: Door) -> None:
    job = await door.submit()
    await door.fail(job, "The GPU ran out of memory.")
    answer = await door.look(job.id)
    assert answer.status == 200
    task = answer.body["task"]
    assert task["status"] == "TASK_STATUS_FAILED"
    assert task["reason"] == "The GPU ran out of memory."
    assert answer.body["videos"] == []


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (JobState.QUEUED, "TASK_STATUS_QUEUED"),
        (JobState.SUBMITTING, "TASK_STATUS_PROCESSING"),
        (JobState.RUNNING, "TASK_STATUS_PROCESSING"),
        (JobState.FETCHING, "TASK_STATUS_PROCESSING"),
        (JobState.READY, "TASK_STATUS_PROCESSING"),
        (JobState.DELIVERING, "TASK_STATUS_PROCESSING"),
        (JobState.UNCONFIRMED, "TASK_STATUS_PROCESSING"),
        (JobState.DONE, "TASK_STATUS_SUCCEED"),
        (JobState.FAILED, "TASK_STATUS_FAILED"),
        (JobState.CANCELLED, "TASK_STATUS_FAILED"),
        (JobState.UNDELIVERED, "TASK_STATUS_FAILED"),
    ],
)
def test_every_state_is_one_of_the_four_documented(state: JobState, status: str) -> None:
    body: Any = callback_body(Look(job=make_api_job(state=state)))
    task = body["payload"]["task"]
    assert task["status"] == status
    assert bool(task["reason"]) is (status == "TASK_STATUS_FAILED")


def test_the_seed_that_is_told_is_the_one_that_was_used() -> None:
    job = make_api_job(state=JobState.DONE, ended_at=NOW)
    job = job.evolve(receipt=make_receipt(job, seed=99))
    body: Any = callback_body(Look(job=job))
    assert body["payload"]["extra"]["seed"] == "99"


@pytest.mark.parametrize("said", [True, False, None])
def test_whether_a_safety_checker_looked_is_told(said: object) -> None:
    job = make_api_job(state=JobState.DONE, ended_at=NOW)
    effective = {} if said is None else {"safety_checker": said}
    job = job.evolve(receipt=make_receipt(job).evolve(effective=effective))
    body: Any = callback_body(Look(job=job))
    assert body["payload"]["extra"]["enable_nsfw_detection"] is (said is True)


def test_an_end_is_told_in_the_documented_shape(documented: dict[str, Any]) -> None:
    api = ApiAddress(protocol="novita", webhook="https://your-webhook-endpoint-url")
    job = make_api_job(api=api, state=JobState.DONE, ended_at=NOW)
    look = Look(job=job, url="https://gpu.example/files/x.mp4", ttl_s=3600)
    body: Any = callback_body(look)
    known = documented["webhook"]
    assert body.keys() == known.keys()
    assert body["event_type"] == "ASYNC_TASK_RESULT"
    assert body["payload"].keys() == known["payload"].keys()
    assert body["payload"]["extra"].keys() >= known["payload"]["extra"].keys()
    assert body["payload"]["extra"]["webhook"] == known["payload"]["extra"]["webhook"]
    (video,) = body["payload"]["videos"]
    assert video["video_url"] == "https://gpu.example/files/x.mp4"
    json.dumps(body, allow_nan=False)


async def test_eta_is_told_from_the_queue_and_from_the_usual_time(door: Door) -> None:
    for _ in range(4):  # so that the usual pace is known
        await door.finish(await door.submit())
    waiting = await door.submit()
    first = (await door.look(waiting.id)).body["task"]["eta"]
    await door.take(waiting, JobState.RUNNING)
    running = (await door.look(waiting.id)).body["task"]["eta"]
    assert first > 0
    assert running > 0


def test_an_eta_is_never_below_zero_or_endless() -> None:
    for eta_s in (-3.0, float("inf"), float("nan")):
        look = Look(job=make_api_job(), standing=Standing(eta_s=eta_s))
        body: Any = callback_body(look)
        assert body["payload"]["task"]["eta"] == 0


async def test_what_is_unknown_and_what_is_anothers_look_alike(door: Door) -> None:
    job = await door.submit()
    unknown = await door.look("zzzzzzzz")
    anothers = await door.look(job.id, key=OTHER)
    assert unknown.fault == anothers.fault == (404, "TASK_NOT_FOUND")
    assert unknown.body == anothers.body


@pytest.mark.parametrize(
    "task_id",
    [
        "fa20dff3-18cb-4417-a7f8-269456a35154",
        "a'b",
        "\x00",
        "é",
        "🎬",
        "a" * 5000,
        "../x",
        "mock-x",
    ],
)
async def test_what_is_no_id_of_ours_is_not_found(door: Door, task_id: str) -> None:
    assert (await door.look(task_id)).fault == (404, "TASK_NOT_FOUND")


async def test_a_task_has_to_be_named(door: Door) -> None:
    assert (await door.look("")).fault == (400, "INVALID_REQUEST_BODY")
    answer = await door.ask("GET", "/v3/async/task-result")
    assert answer.fault == (400, "INVALID_REQUEST_BODY")


async def test_half_a_character_in_an_id_is_not_found(door: Door) -> None:
    answer = await door.ask("GET", "/v3/async/task-result?task_id=%ff%ed%a0%80")
    assert answer.fault == (404, "TASK_NOT_FOUND")


async def test_without_a_good_key_nothing_is_told(door: Door) -> None:
    job = await door.submit()
    assert (await door.look(job.id, key=None)).fault == (400, "MISSING_API_KEY")
    assert (await door.look(job.id, key=WRONG)).fault == (403, "INVALID_API_KEY")


async def test_a_fault_of_ours_while_looking_is_named_as_documented(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await door.submit()

    async def explode(_: object) -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(door.world.jobs, "get", explode)
    answer = await door.look(job.id)
    assert answer.fault == (500, "GET_RESULT_FAILED")
    assert "secret" not in answer.body["message"]
