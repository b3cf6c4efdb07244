"""Bodies as nobody would write them: each is read, or judged with a typed error."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import ProviderError, UnconfirmedError
from providers.hosted.api import Stage
from providers.http import Answer
from providers.novita.client import look_of
from providers.novita.refusals import error_of
from providers.novita.wire import (
    TaskResult,
    read_event,
    read_fault,
)

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEY = "sk_made_up_novita_key"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        *("task", "task_id", "status", "reason", "videos", "video_url", "extra", "seed", "eta"),
        *("code", "message", "payload", "event_type", "models", "pagination", "sd_name"),
    ]
)
# The names that are read, over values that nobody sends.
NEAR_MISSES = st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON, max_size=4), max_size=4)


def answer(status: int, body: object, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, body=content, headers=headers)


def judge(status: int, body: object) -> ProviderError:
    return error_of(answer(status, body), secrets=[KEY])


def task(status: str = "TASK_STATUS_SUCCEED", **fields: Any) -> dict[str, Any]:
    return {"task": {"task_id": "t-1", "status": status, **fields}}


@UNHURRIED
@given(body=JSON | NEAR_MISSES, status=st.integers(100, 599))
def test_any_json_is_read_or_judged(body: object, status: int) -> None:
    content = json.dumps(body).encode(errors="replace")
    assert isinstance(error_of(answer(status, content), secrets=[KEY]), ProviderError)
    read_event(content)
    read_fault(body)


@UNHURRIED
@given(body=st.binary(max_size=200), status=st.integers(100, 599))
def test_any_bytes_are_judged(body: bytes, status: int) -> None:
    assert isinstance(error_of(answer(status, body), secrets=[KEY]), ProviderError)
    assert read_event(body) is None


@UNHURRIED
@given(extra=JSON, seed=JSON, videos=JSON, url=JSON)
def test_any_json_around_a_task_leaves_it_readable(
    extra: object, seed: object, videos: object, url: object
) -> None:
    for odd in ({"extra": extra, "videos": videos}, {"extra": {"seed": seed}}, {"videos": [url]}):
        look = look_of(TaskResult.model_validate({**odd, **task("TASK_STATUS_PROCESSING")}))
        assert look.stage is Stage.RUNNING


@UNHURRIED
@given(fields=st.dictionaries(st.sampled_from(["reason", "eta", "progress_percent"]), JSON))
def test_any_json_in_a_task_leaves_it_readable(fields: dict[str, object]) -> None:
    look = look_of(TaskResult.model_validate({"task": {**task()["task"], **fields}}))
    assert look.fraction is None or 0 < look.fraction <= 1
    assert look.eta_s is None or look.eta_s > 0


@pytest.mark.parametrize("depth", [10_000])
def test_a_body_of_brackets_is_judged(depth: int) -> None:
    body = b"[" * depth
    assert isinstance(judge(200, body), UnconfirmedError)
    assert read_event(body) is None
