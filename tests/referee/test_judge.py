"""The referee sees what is wrong, and only that; the document is Discord's own."""

from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox import Exchange
from tests.referee.discrepancies import KNOWN
from tests.referee.document import Document
from tests.referee.referee import Referee

CREATED = Exchange(
    method="POST",
    route="/channels/{channel_id}/messages",
    path="/channels/17/messages",
    content_type="application/json",
    body={"content": "hello"},
    status=400,
    answer={"code": 50006, "message": "Cannot send an empty message"},
)
LISTED = Exchange(
    method="GET",
    route="/channels/{channel_id}/messages",
    path="/channels/17/messages",
    query=(("limit", "100"), ("before", "18")),
    status=200,
    answer=[],
)


def told(document: Document, exchange: Exchange, *, is_strict: bool = True) -> list[str]:
    """Return what the referee says of one exchange, without method and route."""
    referee = Referee(document, is_strict=is_strict)
    referee.observe(exchange)
    return [str(violation).split(", ", 1)[1] for violation in referee.judge()]


def test_what_the_document_allows_is_no_violation(document: Document) -> None:
    assert told(document, CREATED) == []
    assert told(document, LISTED) == []


def test_a_violation_says_where_and_what(document: Document) -> None:
    referee = Referee(document, is_strict=True)
    referee.observe(replace(CREATED, body={"content": 7}))
    (violation,) = referee.judge()
    assert str(violation) == (
        "POST /channels/{channel_id}/messages, request $.content: "
        "is not of type 'string', 'null'; got 7"
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"contents": "x"}, "request $.contents: unknown key"),
        ({"allowed_mentions": {"parse": [], "user": []}}, "$.allowed_mentions.user: unknown key"),
        ({"sticker_ids": ["01"]}, "$.sticker_ids[0]: does not match"),
        ({"sticker_ids": [str(2**64)]}, "$.sticker_ids[0]: is not a 'snowflake'"),
        ({"embeds": [{"timestamp": "yesterday"}]}, "timestamp: is not a 'date-time'"),
        ({"embeds": [{"color": 2**31}]}, "$.embeds[0].color"),
        (
            {
                "components": [
                    {"type": 17, "components": [{"type": 10, "text": "x", "content": ""}]}
                ]
            },
            "$.components[0].components[0].text: unknown key",
        ),
        ({"components": [{"type": 99}]}, "$.components[0]: fits no alternative"),
        ({"components": [{"type": 9, "components": []}]}, "'accessory' is a required property"),
        (None, "request $: "),
    ],
)
def test_a_request_is_held_against_its_schema(document: Document, body: Any, expected: str) -> None:
    assert any(expected in line for line in told(document, replace(CREATED, body=body)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"query": (("limit", "101"),)}, "query $.limit: does not fit its schema"),
        ({"query": (("since", "1"),)}, "query $.since: unknown parameter"),
        ({"path": "/channels/lounge/messages"}, "path $.channel_id: does not fit its schema"),
        ({"path": "/channels/17/letters"}, "path $: no such route"),
        ({"method": "PUT"}, "path $: no such route"),
        ({"body": {}}, "request $: this route takes no JSON"),
        ({"status": 500}, "answer 500 $: the sandbox itself broke"),
        ({"status": 204, "answer": None}, "answer 204 $: the document has no such answer"),
        ({"answer": [{"id": "1"}]}, "answer 200 $[0]: 'channel_id' is a required property"),
        ({"answer": "no"}, "answer 200 $: is not of type 'array', 'null'"),
    ],
)
def test_path_query_and_answer_are_held_against_the_document(
    document: Document, change: dict[str, Any], expected: str
) -> None:
    assert any(expected in line for line in told(document, replace(LISTED, **change)))


def test_an_error_is_an_answer_with_a_schema_too(document: Document) -> None:
    errors = {"content": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH", "message": "Too long"}]}}
    known = replace(CREATED, answer={"code": 50035, "message": "Invalid", "errors": errors})
    assert told(document, known) == []
    for answer in ({"message": "no code"}, {"code": 1, "message": "x", "hint": "y"}, None):
        assert told(document, replace(CREATED, answer=answer))
    assert told(document, replace(CREATED, status=429, answer={"message": "slow", "code": 0}))


def test_boolean_parameters_are_written_as_discord_reads_them(document: Document) -> None:
    callback = Exchange(
        method="POST",
        route="/interactions/{interaction_id}/{interaction_token}/callback",
        path="/interactions/17/a-token/callback",
        body={"type": 6},
        status=204,
    )
    for value in ("1", "true", "False"):
        assert told(document, replace(callback, query=(("with_response", value),))) == []
    assert told(document, replace(callback, query=(("with_response", "yes"),)))


def test_a_refused_request_is_judged_only_by_a_strict_referee(document: Document) -> None:
    refused = replace(CREATED, body={"contents": "x"})
    assert told(document, refused, is_strict=False) == []
    assert told(document, refused, is_strict=True)


def test_a_scripted_answer_is_not_judged_and_its_request_is(document: Document) -> None:
    struck = replace(CREATED, status=502, answer={"message": "bad gateway"}, is_scripted=True)
    assert told(document, struck, is_strict=False) == []
    assert told(document, replace(struck, body={"contents": "x"}), is_strict=False)


def test_a_known_discrepancy_is_counted_and_its_neighbour_is_not_spared(
    document: Document,
) -> None:
    referee = Referee(document, is_strict=True)
    kept = {"attachments": [{"id": 0, "filename": "a.mp4"}]}
    referee.observe(replace(CREATED, body=kept))
    assert referee.judge() == []
    assert referee.known == {"attachments[].id": 1}
    referee.observe(replace(CREATED, body={"attachments": [{"id": 0, "name": "a.mp4"}]}))
    assert [violation.path for violation in referee.judge()] == ["$.attachments[0].name"]
    assert all(one.reason for one in KNOWN)


def test_without_the_document_nothing_is_judged_and_that_is_counted() -> None:
    referee = Referee(None)
    referee.observe(replace(CREATED, body={"contents": "x"}))
    assert referee.judge() == []
    assert (referee.judged, referee.unjudged) == (0, 1)
