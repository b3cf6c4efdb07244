"""What a glance vouches for, the slow reading finds nothing wrong with."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.sandbox.json_types import JsonObject
from tests.referee.document import Document
from tests.referee.violations import complaints

MESSAGE: JsonObject = {
    "content": "hello",
    "nonce": "v-1",
    "flags": 4,
    "embeds": [{"color": 7, "timestamp": "2026-11-21T12:00:00+00:00", "url": "https://a.example"}],
    "allowed_mentions": {"parse": [], "users": ["17"], "replied_user": True},
    "message_reference": {"message_id": "17", "fail_if_not_exists": False},
    "components": [
        {"type": 1, "components": [{"type": 2, "style": 1, "label": "x", "custom_id": "y"}]}
    ],
}
COMMAND: JsonObject = {
    "name": "video",
    "description": "Make one.",
    "default_member_permissions": 8192,
    "options": [
        {"type": 3, "name": "prompt", "description": "What.", "required": True},
        {"type": 4, "name": "seed", "description": "Which.", "min_value": 0, "max_value": 9},
    ],
}
SENT = {"/channels/17/messages": MESSAGE, "/applications/17/commands": COMMAND}
NUMBERS = [0, -1, 1.5, 2**31, -(2**31) - 1, 2**63, 2**64, 1e300]
WORDS = ["", "x", "17", "x" * 5000, "0", "-1", str(2**64), "007", "17\n", "٣", "2026-11-21", "//x"]
SHAPES: list[Any] = [[], {}, [None], [{}], {"type": 99}, ["17", "17"], {"x": {}}]
ODD = st.sampled_from([None, True, *NUMBERS, *WORDS, "\ud83d", *SHAPES])


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """List all lists and objects in a value, with each of their keys."""
    if isinstance(value, list | dict):
        for key in range(len(value)) if isinstance(value, list) else list(value):
            yield value, key
            yield from places(value[key])


def request_of(document: Document, path: str) -> str:
    found = document.find("POST", path)
    assert found is not None
    assert found[0].request is not None
    return found[0].request


@pytest.mark.parametrize("path", SENT)
def test_a_glance_vouches_for_what_is_usual(document: Document, path: str) -> None:
    assert document.glance.vouches_for(request_of(document, path), SENT[path])


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=st.sampled_from(list(SENT)), odd=ODD, adds=st.booleans(), data=st.data())
def test_what_a_glance_vouches_for_has_nothing_wrong(
    document: Document, path: str, odd: object, data: st.DataObject, *, adds: bool
) -> None:
    sent = copy.deepcopy(SENT[path])
    found = list(places(sent))
    holder, key = found[data.draw(st.integers(0, len(found) - 1))]
    holder["odd" if adds and isinstance(holder, dict) else key] = odd
    pointer = request_of(document, path)
    if document.glance.vouches_for(pointer, sent):
        assert list(complaints(document.validator(pointer), sent)) == []
