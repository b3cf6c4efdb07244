"""Every documented body is read rightly, and whatever else comes is read as nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.modelslab.dialects import Dialect
from providers.modelslab.models import documented_models, listed_models
from providers.modelslab.wire import ECHOES, Reply, read_webhook

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["success", "processing", "error", "failed", "7", "https://a.example/b.mp4"])
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
FIELDS = [*Reply.model_fields, "W", "H"]
NEARLY_REPLIES = st.dictionaries(st.sampled_from(FIELDS), ANY_JSON)
NEARLY_METAS = st.dictionaries(
    st.sampled_from([name for _, names, _ in ECHOES for name in names]), ANY_JSON
)


def read(body: Any) -> Reply:
    reply = Reply.read(body)
    assert reply is not None
    return reply


@pytest.mark.parametrize(
    ("name", "job_id", "eta_s", "seed"),
    [
        ("submit_processing_v4_seed", "13801718", 21.880000000000003, 3532512439),
        ("submit_processing_v4_2023", "32798037", 20.9379869184, None),
        ("submit_output_empty_string", "13902970", 146.5279869184, 4016593698),
        ("submit_processing_v6", "134799477", 960.0, 1591933004),
        ("submit_success_v6", "147", None, 3468127167),
        ("submit_processing_v7", "155262350", 10.0, None),
    ],
)
def test_a_documented_answer_to_a_submit_names_its_job(
    documented: dict[str, Any], name: str, job_id: str, eta_s: float | None, seed: int | None
) -> None:
    reply = read(documented[name])
    assert reply.job_id == job_id
    assert reply.eta == eta_s
    assert reply.meta.get("seed") == seed


def test_what_v4_echoes_is_kept_by_our_names(documented: dict[str, Any]) -> None:
    body = documented["submit_processing_v4_seed"]
    assert read(body).meta == {
        "prompt": body["meta"]["prompt"],
        "negative_prompt": body["meta"]["negative_prompt"].strip(),
        "model": "midjourney",
        "scheduler": "UniPCMultistepScheduler",
        "width": 512,
        "height": 512,
        "steps": 20,
        "frames": 40,
        "guidance_scale": 7.5,
        "strength": 0.55,
        "seed": 3532512439,
    }


def test_what_v6_echoes_is_kept_by_our_names(documented: dict[str, Any]) -> None:
    assert read(documented["submit_processing_v6"]).meta == {
        "model": "cogvideox",
        "width": 512,
        "height": 320,
        "steps": 20,
        "frames": 16,
        "fps": 7,
        "guidance_scale": 7.0,
        "seed": 1591933004,
    }


@pytest.mark.parametrize("name", ["submit_success_v6", "fetch_success_v3", "fetch_success_v6"])
def test_a_documented_success_has_an_address(documented: dict[str, Any], name: str) -> None:
    reply = read(documented[name])
    assert reply.status == "success"
    assert reply.video == documented[name]["output"][0]


@pytest.mark.parametrize(
    "name", ["submit_output_empty_string", "fetch_processing_v6", "fetch_not_found", "fetch_failed"]
)
def test_an_empty_output_of_any_kind_is_no_address(documented: dict[str, Any], name: str) -> None:
    assert read(documented[name]).video is None


@pytest.mark.parametrize(
    "name", ["submit_requeued_hint", "fetch_not_found", "fetch_failed", "error_model"]
)
def test_a_documented_answer_without_an_id_names_no_job(
    documented: dict[str, Any], name: str
) -> None:
    assert not read(documented[name]).job_id


@pytest.mark.parametrize("spelling", ["message", "messege"])
def test_both_spellings_of_message_are_read(spelling: str) -> None:
    assert read({"status": "error", spelling: "Model id not found"}).said == "Model id not found"


def test_a_message_that_is_an_object_becomes_a_line(documented: dict[str, Any]) -> None:
    reply = read(documented["error_validation_object"])
    assert reply.said == "prompt: The prompt field is required."
    assert reply.wrong_fields == ("prompt",)


@pytest.mark.parametrize("output", ["https://a.example/b.mp4", ["https://a.example/b.mp4"]])
def test_an_output_is_a_list_or_a_string(output: Any) -> None:
    assert read({"status": "success", "output": output}).video == "https://a.example/b.mp4"


def test_of_several_links_the_mp4_is_the_video() -> None:
    links = ["https://a.example/b.gif", "https://a.example/b.mp4?signature=x", "ftp://a/b.mp4"]
    assert read({"output": links}).video == links[1]


def test_proxy_links_stand_in_for_a_missing_output() -> None:
    body = {"output": "", "proxy_links": ["https://a.example/b.mp4"]}
    assert read(body).video == "https://a.example/b.mp4"


@pytest.mark.parametrize(
    ("given", "job_id"),
    [
        (13801718, "13801718"),
        (13801718.0, "13801718"),
        ("13801718", "13801718"),
        ("abc123-def456", "abc123-def456"),
        ("", ""),
        (0, ""),
        (-1, ""),
        (True, ""),
        (None, ""),
        ([1], ""),
        ("..", ""),
        ("../../v4/other", ""),
        ("a b", ""),
        ("7?key=x", ""),
        ("x" * 200, ""),
    ],
    ids=repr,
)
def test_only_an_id_that_can_stand_in_a_path_is_one(given: Any, job_id: str) -> None:
    assert read({"id": given}).job_id == job_id


@pytest.mark.parametrize(
    ("address", "job_id"),
    [
        ("https://evil.example/steal/fetch/155", "155"),
        ("https://modelslab.com/api/v7/video-fusion/fetch/155/", "155"),
        ("https://modelslab.com/api/v7/video-fusion/fetch/", ""),
        ("https://modelslab.com/155", ""),
    ],
)
def test_of_fetch_result_only_the_id_at_its_end_is_used(address: str, job_id: str) -> None:
    assert read({"fetch_result": address}).job_id == job_id


def test_numbers_may_come_as_strings() -> None:
    meta = {"seed": "3532512439", "W": "512", "steps": "20", "guidance_scale": "7.5", "fps": "x"}
    assert read({"eta": "21.5", "meta": meta}).eta == 21.5
    assert read({"meta": meta}).meta == {
        "seed": 3532512439,
        "width": 512,
        "steps": 20,
        "guidance_scale": 7.5,
    }


@pytest.mark.parametrize("name", ["webhook_success", "webhook_failed"])
def test_a_documented_webhook_names_its_job(documented: dict[str, Any], name: str) -> None:
    assert read_webhook(json.dumps(documented[name]).encode()) == "abc123-def456"


@given(st.binary() | NEARLY_REPLIES.map(lambda body: json.dumps(body).encode()))
def test_any_bytes_are_a_webhook_that_names_a_plain_id_or_nothing(body: bytes) -> None:
    named = read_webhook(body)
    assert named is None or named.isascii()


def test_a_webhook_that_is_nested_without_end_names_nothing() -> None:
    assert read_webhook(b"[" * 60_000) is None


@given(ANY_JSON)
def test_any_json_is_read(body: Any) -> None:
    reply = Reply.read(body)
    assert (reply is None) == (not isinstance(body, dict))


@given(NEARLY_REPLIES | NEARLY_METAS.map(lambda meta: {"meta": meta}))
def test_whatever_the_fields_hold_the_reading_can_be_stored(body: dict[str, Any]) -> None:
    reply = read(body)
    stored = json.dumps(reply.model_dump(), allow_nan=False, ensure_ascii=False).encode()
    assert b"\\u0000" not in stored
    assert reply.eta is None or reply.eta >= 0
    assert all(link.startswith(("https://", "http://")) for link in reply.output)


@given(ANY_JSON)
def test_any_json_is_a_list_of_models_or_none(body: Any) -> None:
    models = listed_models(body)
    assert models is None or all(model.id for model in models)


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_the_model_list_is_read_with_its_trigger_words(
    documented: dict[str, Any], *, is_wrapped: bool
) -> None:
    rows = documented["model_list"]
    models = listed_models({"status": "success", "data": rows} if is_wrapped else rows)
    assert models is not None
    assert [(model.id, model.title, model.trigger_words) for model in models] == [
        ("midjourney", "MidJourney V4", ("mdjrny-v4 style",))
    ]


def test_models_that_cannot_be_used_are_left_out_and_the_documented_one_comes_first() -> None:
    rows = [
        {"model_id": "other"},
        {"model_id": "training", "status": "model_training"},
        {"model_id": ""},
        {"model_id": "x" * 200},
        {"model_id": "midjourney"},
        {"model_id": "other"},
        None,
    ]
    models = listed_models(rows)
    assert models is not None
    assert [model.id for model in models] == ["midjourney", "other"]


def test_each_dialect_without_a_list_has_its_documented_models() -> None:
    assert [model.id for model in documented_models(Dialect.V6)] == ["wan2.2", "ltx-2.3"]
    assert {model.max_side for model in documented_models(Dialect.V6)} == {512}
    assert documented_models(Dialect.V7)
    assert not documented_models(Dialect.V4)


@pytest.mark.parametrize("said", [True, "TRUE", "yes", 1, [False, True], ["no", "yes"]])
def test_what_is_flagged_in_any_form_is_flagged(said: Any) -> None:
    assert read({"status": "success", "nsfw_content_detected": said}).nsfw_content_detected


@pytest.mark.parametrize("said", [False, "FALSE", "no", 0, None, "", [], [False], {}])
def test_what_is_not_flagged_is_not(said: Any) -> None:
    assert not read({"status": "success", "nsfw_content_detected": said}).nsfw_content_detected
