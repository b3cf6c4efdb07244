"""What a provider answered is read without trust, and shows nothing of itself."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.http import Answer


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b"null", None),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": [NaN, -Infinity, 1e999, 0.5]}', {"a": [None, None, None, 0.5]}),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        (b'{"a\\ud83d": "\\udc00"}', {"a?": "?"}),
        (b"", None),
        (b"<html>", None),
        (b"{", None),
        (b"\xff\xfe\xff", None),
        (b"[" * 100_000, None),
        (b"9" * 10_000, None),
    ],
)
def test_json_is_read_without_trust(body: bytes, read: object) -> None:
    assert Answer(status=200, body=body, headers={}).json() == read


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    read = Answer(status=200, body=body, headers={}).json()
    assert Answer(status=200, body=body, headers={}).json() == read


NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "30"}, 30.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "86400"}, 3600.0),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, None),
        (
            {
                "Retry-After": format_datetime(NOW + timedelta(seconds=90), usegmt=True),
                "Date": format_datetime(NOW, usegmt=True),
            },
            90.0,
        ),
        (
            {
                "Retry-After": format_datetime(NOW - timedelta(days=1), usegmt=True),
                "Date": format_datetime(NOW, usegmt=True),
            },
            0.0,
        ),
        ({"Retry-After": "Sat, 21 Nov 2026 12:00:00", "Date": format_datetime(NOW)}, None),
    ],
)
def test_a_wish_to_wait_is_read(headers: Mapping[str, str], seconds: float | None) -> None:
    assert Answer(status=429, body=b"", headers=headers).retry_after_s == seconds


def test_an_answer_shows_nothing_of_its_body() -> None:
    key = "sk-made-up-0123456789"
    answer = Answer(status=200, body=key.encode(), headers={"X-Echo": key})
    assert key not in repr(answer)
