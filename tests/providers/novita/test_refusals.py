import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import BusyError, ProviderError, RefusedError, UnconfirmedError
from providers.http import Answer
from providers.novita.refusals import error_of, is_not_found, plain
from tests.fakes.novita.bodies import ERRORS

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEY = "sk_made_up_novita_key"


def answer(status: int, body: object, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, body=content, headers=headers)


def judge(status: int, body: object) -> ProviderError:
    return error_of(answer(status, body), secrets=[KEY])


def test_the_documented_error_is_a_refusal(documented: dict[str, Any]) -> None:
    error = judge(400, documented["error"])
    assert isinstance(error, RefusedError)
    assert not error.refuses_everyone
    assert "max_tokens (current value: N)" in error.detail


EVERYONE = (
    "BILLING_BALANCE_NOT_ENOUGH",
    "BILLING_AUTH_FAILED",
    "MISSING_API_KEY",
    "INVALID_API_KEY",
    "API_NOT_ALLOWED",
    "API_NOT_FOUND",
    "NEED_REAL_NAME_VERIFY",
)
THIS_ONE = (
    "INVALID_REQUEST_BODY",
    "INVALID_CUSTOM_OUTPUT_PATH",
    "ILLEGAL_PROMPT",
    "TASK_NOT_FOUND",
)
NOTHING_PROVEN = ("BILLING_FAILED", "CREATE_TASK_FAILED", "GET_RESULT_FAILED", "TASK_FAILED")


def test_each_documented_reason_has_its_class() -> None:
    classes = {*EVERYONE, *THIS_ONE, *NOTHING_PROVEN, "RATE_LIMIT_EXCEEDED"}
    assert classes == ERRORS.keys()


@pytest.mark.parametrize("reason", EVERYONE)
@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_reasons_of_the_account_refuse_everyone_with_any_status(reason: str, status: int) -> None:
    error = judge(status, {"code": 400, "reason": reason, "message": "no", "metadata": {}})
    assert isinstance(error, RefusedError)
    assert error.refuses_everyone
    assert reason in error.detail
    assert reason not in error.user_message


@pytest.mark.parametrize("reason", THIS_ONE)
@pytest.mark.parametrize("status", [200, 400, 404])
def test_reasons_of_the_request_refuse_only_it(reason: str, status: int) -> None:
    error = judge(status, {"code": 400, "reason": reason, "message": "no"})
    assert isinstance(error, RefusedError)
    assert not error.refuses_everyone
    assert reason in error.detail


@pytest.mark.parametrize("reason", NOTHING_PROVEN)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_reasons_that_prove_nothing_leave_it_unconfirmed(reason: str, status: int) -> None:
    body = {"code": 500, "reason": reason, "message": "no"}
    assert isinstance(judge(status, body), UnconfirmedError)


def test_an_illegal_prompt_is_told_in_words_that_a_member_understands() -> None:
    error = judge(403, {"code": 403, "reason": "ILLEGAL_PROMPT", "message": "nsfw: 0.98"})
    assert isinstance(error, RefusedError)
    assert not error.refuses_everyone
    assert error.user_message == "Novita's content filter refused this prompt; try other words."


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {"code": 429, "reason": "RATE_LIMIT_EXCEEDED"}),
        (429, b"<html>slow down</html>"),
        (200, {"code": 429, "reason": "RATE_LIMIT_EXCEEDED", "message": "slow down"}),
    ],
)
def test_too_many_requests_are_busy(status: int, body: object) -> None:
    error = error_of(answer(status, body, **{"Retry-After": "7"}), secrets=[])
    assert isinstance(error, BusyError)
    assert error.retry_after_s == 7


@pytest.mark.parametrize("status", [401, 402, 403, 301, 307, 308])
def test_some_statuses_say_no_to_everyone_without_a_word(status: int) -> None:
    error = judge(status, b"<html>no</html>")
    assert isinstance(error, RefusedError)
    assert error.refuses_everyone


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>welcome</html>"),
        (200, {}),
        (200, {"task_id": ""}),
        (200, {"task_id": "two words"}),
        (200, [1, 2]),
        (302, b""),
        (303, b""),
        (400, b"<html>bad request</html>"),
        (404, b"<html>not found</html>"),
        (408, {"code": 408, "reason": "TIMEOUT", "message": "x"}),
        (499, {"code": 499, "reason": "CANCELED", "message": "x"}),
        (500, {"code": 500, "reason": "PANIC", "message": "x"}),
        (502, b"<html>bad gateway</html>"),
        (503, b"upstream connect error"),
        (503, {"code": 503, "reason": "", "message": "no healthy upstream"}),
        (504, b"<html>gateway timeout</html>"),
    ],
)
def test_everything_else_is_unconfirmed(status: int, body: object) -> None:
    assert isinstance(judge(status, body), UnconfirmedError)


def test_a_refusal_with_a_reason_of_tomorrow_is_still_one() -> None:
    error = judge(422, {"code": 422, "reason": "PROMPT_TOO_ODD", "message": "x"})
    assert isinstance(error, RefusedError)
    assert not error.refuses_everyone


def test_only_the_reason_says_that_a_task_is_not_there() -> None:
    body = {"code": 404, "reason": "TASK_NOT_FOUND", "message": "x"}
    assert is_not_found(answer(404, body))
    assert not is_not_found(answer(404, b"<html>404</html>"))


@UNHURRIED
@given(before=st.text(max_size=400), after=st.text(max_size=400), as_json=st.booleans())
def test_a_key_that_the_service_repeats_is_in_no_error(
    before: str, after: str, *, as_json: bool
) -> None:
    said = f"{before}{KEY}{after}"
    body = (
        {"code": 403, "reason": said, "message": said} if as_json else said.encode(errors="replace")
    )
    error = judge(403, body)
    assert KEY not in f"{error!r} {error} {error.detail} {error.user_message}"


def test_half_a_key_is_not_left_over_by_the_cut() -> None:
    assert plain(KEY * 100, [KEY]) == "***" * 100


def test_what_a_service_says_is_one_short_line() -> None:
    said = plain("a\nb\r\x1b[31m" + "x" * 1000, [])
    assert said.isprintable()
    assert len(said) == 300


def test_json_that_is_no_refusal_is_not_quoted() -> None:
    """It may hold a link that is signed, or the address of a webhook."""
    error = judge(200, {"videos": [{"video_url": "https://s3.example/1.mp4?X-Amz-Signature=abc"}]})
    assert "abc" not in error.detail
