"""Answers as they are documented."""

import json
from typing import Any

import pytest

from providers.hosted.api import Stage
from providers.novita.client import look_of
from providers.novita.wire import (
    Submitted,
    TaskResult,
    read_event,
)
from tests.fakes.novita.bodies import in_strings


def task(status: str = "TASK_STATUS_SUCCEED", **fields: Any) -> dict[str, Any]:
    return {"task": {"task_id": "t-1", "status": status, **fields}}


def test_the_documented_submit_is_read(documented: dict[str, Any]) -> None:
    found = Submitted.model_validate(documented["submit_ok"])
    assert found.task_id == "fa20dff3-18cb-4417-a7f8-269456a35154"


def test_the_documented_result_of_txt2video_is_read(documented: dict[str, Any]) -> None:
    look = look_of(TaskResult.model_validate(documented["result_txt2video_doc"]))
    assert look.stage is Stage.DONE
    assert look.url
    assert look.url.endswith("99a87dec55c6431189aff4bad39fb4a0.mp4?X-Amz-Expires=3600&...")
    assert look.fraction == 1.0
    assert look.effective == {}


def test_the_documented_result_with_empty_strings_is_read(documented: dict[str, Any]) -> None:
    look = look_of(TaskResult.model_validate(documented["result_task_doc"]))
    assert (look.stage, look.url) == (Stage.DONE, None)
    assert look.effective == {"seed": 158881667}


def test_the_result_that_every_sdk_reads_is_read(documented: dict[str, Any]) -> None:
    look = look_of(TaskResult.model_validate(documented["result_safe_for_every_sdk"]))
    assert (look.stage, look.url) == (Stage.DONE, "https://.../file.mp4")
    assert look.effective == {"seed": 158881667}


def test_numbers_that_come_as_strings_are_the_same(documented: dict[str, Any]) -> None:
    body = documented["result_safe_for_every_sdk"]
    strings = TaskResult.model_validate(in_strings(body))
    assert look_of(strings) == look_of(TaskResult.model_validate(body))


def test_the_documented_webhook_names_its_task(documented: dict[str, Any]) -> None:
    event = read_event(json.dumps(documented["webhook"]).encode())
    assert event
    assert event.payload.task.task_id == "f6aec953-2e81-4e8b-938e-2ceab54d6df9"


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        ("TASK_STATUS_QUEUED", Stage.RUNNING),
        ("TASK_STATUS_PROCESSING", Stage.RUNNING),
        ("TASK_STATUS_UNKNOWN", Stage.RUNNING),
        ("TASK_STATUS_OF_TOMORROW", Stage.RUNNING),
        ("", Stage.RUNNING),
        ("TASK_STATUS_SUCCEED", Stage.DONE),
        ("TASK_STATUS_FAILED", Stage.FAILED),
        ("TASK_STATUS_CANCELED", Stage.FAILED),
    ],
)
def test_each_status_is_a_stage(status: str, stage: Stage) -> None:
    assert look_of(TaskResult.model_validate(task(status))).stage is stage


@pytest.mark.parametrize(
    ("percent", "fraction"),
    [(50, 0.5), ("50", 0.5), (99.5, 0.995), (150, 1.0), (0, None), ("", None), (None, None)],
    ids=repr,
)
def test_progress_is_a_fraction_once_there_is_some(percent: object, fraction: object) -> None:
    body = task("TASK_STATUS_PROCESSING", progress_percent=percent)
    assert look_of(TaskResult.model_validate(body)).fraction == fraction


@pytest.mark.parametrize(
    ("eta", "seconds"), [(7, 7.0), ("7", 7.0), (0, None), ("", None)], ids=repr
)
def test_an_eta_of_nothing_is_none(eta: object, seconds: object) -> None:
    assert look_of(TaskResult.model_validate(task(eta=eta))).eta_s == seconds


@pytest.mark.parametrize(
    ("seed", "effective"),
    [
        ("4294967295", {"seed": 4294967295}),
        (9007199254740993, {"seed": 9007199254740993}),
        ("", {}),
        (-1, {}),
        ("-1", {}),
        ("²", {}),
        (1.5, {}),
        (None, {}),
    ],
    ids=repr,
)
def test_only_a_real_seed_is_effective(seed: object, effective: dict[str, int]) -> None:
    body = {**task(), "extra": {"seed": seed}}
    assert look_of(TaskResult.model_validate(body)).effective == effective


@pytest.mark.parametrize("odd", [None, "", 7, [], {}, "a", [None, 7, "a"]], ids=repr)
def test_odd_parts_never_hide_a_task(odd: object) -> None:
    body = {**task("TASK_STATUS_PROCESSING", reason=odd, eta=odd), "videos": odd, "extra": odd}
    look = look_of(TaskResult.model_validate(body))
    assert (look.stage, look.url) == (Stage.RUNNING, None)


def test_a_failed_task_tells_the_member_one_sentence_and_the_operator_the_reason() -> None:
    look = look_of(TaskResult.model_validate(task("TASK_STATUS_FAILED", reason="OOM on gpu-7")))
    assert look.failure == "Novita could not make this video."
    assert look.detail == "TASK_STATUS_FAILED OOM on gpu-7"


def test_a_task_that_the_filter_failed_says_so() -> None:
    look = look_of(TaskResult.model_validate(task("TASK_STATUS_FAILED", reason="ILLEGAL_PROMPT")))
    assert "content filter" in look.failure
