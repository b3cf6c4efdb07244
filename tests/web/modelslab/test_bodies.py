"""What of a body is read how, and that nothing else than a typed refusal ever comes of one."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.web.gate import MAX_BODY
from bot.web.modelslab.bodies import (
    AskedV4,
    AskedV6,
    Body,
    Fetch,
    FetchById,
    InvalidError,
    read,
)
from bot.web.modelslab.meta import meta_of
from bot.web.modelslab.orders import address_of, request_of
from bot.web.modelslab.payload import FORM, read_payload
from bot.web.modelslab.shapes import MetaV4
from bot.web.problems import Problem, ProblemKind
from jobs.limits import check_options
from jobs.model import Address, ApiAddress
from jobs.request import MAX_SEED, Scheduler, VideoFormat
from tests.factories import make_job, make_model, make_receipt
from tests.web.modelslab.conftest import DOCUMENTED

LEAST = {"model_id": "shapes", "prompt": "a cat"}
COERCIONS: list[tuple[str, object, object]] = [
    ("width", "512", 512),
    ("width", 512.0, 512),
    ("width", " 256 ", 256),
    ("width", "256.0", 256),
    ("width", None, 512),
    ("height", "null", 512),
    ("height", "", 512),
    ("seed", None, -1),
    ("seed", "null", -1),
    ("seed", "-1", -1),
    ("seed", -1, -1),
    ("seed", 0, 0),
    ("seed", str(MAX_SEED), MAX_SEED),
    ("num_inference_steps", "50", 50),
    ("num_inference_steps", "Null", 20),
    ("guidance_scale", "7.5", 7.5),
    ("guidance_scale", 20, 20.0),
    ("guidance_scale", "1e0", 1.0),
    ("strength", "0", 0.0),
    ("enhance_prompt", "no", False),
    ("enhance_prompt", "YES", True),
    ("enhance_prompt", False, False),
    ("enhance_prompt", 0, False),
    ("enhance_prompt", None, True),
    ("negative_prompt", None, ""),
    ("negative_prompt", "fog", "fog"),
    ("scheduler", "", None),
    ("scheduler", "LCMScheduler", Scheduler.LCM),
    ("webhook", "0", None),
    ("webhook", "null", None),
    ("webhook", "https://x.example/h?a=1", "https://x.example/h?a=1"),
    ("track_id", 7, "7"),
    ("track_id", "null", None),
    ("prompt", "null", "null"),
    ("unknown", {"a": 1}, None),
]


@pytest.mark.parametrize(
    ("name", "sent", "meant"), COERCIONS, ids=[f"{name}={sent!r}" for name, sent, _ in COERCIONS]
)
def test_a_value_is_read_as_clients_mean_it(name: str, sent: object, meant: object) -> None:
    body = read(AskedV4, {**LEAST, name: sent})
    assert getattr(body, name, None) == meant


def test_v6_counts_guidance_from_zero_and_takes_a_format() -> None:
    body = read(AskedV6, {**LEAST, "guidance_scale": 0, "output_type": "MP4", "clip_skip": "2"})
    request = request_of(body, "shapes", [], image=None)
    assert (request.guidance_scale, request.format, request.clip_skip) == (1.0, VideoFormat.MP4, 2)


def test_what_a_body_says_of_a_seed_is_kept_for_the_draw() -> None:
    for sent, meant in ((None, None), (-1, None), (7, 7)):
        body = read(AskedV4, {**LEAST, "seed": sent})
        assert request_of(body, "shapes", [], image=None).seed == meant


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["512", "null", "yes", "-1", "1e400", "\ud800", "0x10", "٣", "nan", "inf"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = sorted({*AskedV6.model_fields, *AskedV4.model_fields, "request_id"})
BODIES = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=len(NAMES))


@given(BODIES, st.sampled_from([AskedV4, AskedV6, Fetch, FetchById]))
def test_any_values_give_a_body_or_name_their_fields(
    values: dict[str, Any], kind: type[AskedV4 | AskedV6 | Fetch | FetchById]
) -> None:
    body, errors = read_or_errors(kind, {"model_id": "shapes", "prompt": "a cat", **values})
    assert (body is None) == bool(errors)
    for name, sentences in errors.items():
        assert name in NAMES
        assert all(one.startswith("The ") and one.endswith(".") for one in sentences)
    if isinstance(body, AskedV4 | AskedV6):
        check(body)


def read_or_errors(
    kind: type[Body], values: dict[str, Any]
) -> tuple[Body | None, Mapping[str, Sequence[str]]]:
    try:
        return read(kind, values), {}
    except InvalidError as error:
        return None, error.errors


def check(body: AskedV4 | AskedV6) -> None:
    """What is read is inside all limits, and can be stored and sent."""
    models = [make_model(id="shapes", max_side=256)]
    request = request_of(body, "shapes", models, image="0" * 64 if body.init_image else None)
    check_options(request)
    address = address_of(body, request, base="http://x")
    json.dumps([request.model_dump(mode="json"), address.model_dump(mode="json")]).encode()
    if body.init_image is None:
        request.model_dump_json().encode()
        address.model_dump_json().encode()


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_give_names_and_values_or_a_problem(raw: bytes) -> None:
    for kind in ("application/json", FORM, "text/plain", ""):
        values, problem = payload_or_problem(raw, kind)
        assert problem in (None, ProblemKind.BAD_REQUEST)
        assert all(isinstance(name, str) for name in values)


def payload_or_problem(raw: bytes, kind: str) -> tuple[dict[str, Any], ProblemKind | None]:
    try:
        return read_payload(raw, kind), None
    except Problem as problem:
        return {}, problem.kind


@given(BODIES)
def test_what_json_says_is_what_is_read(values: dict[str, Any]) -> None:
    raw = json.dumps(values)
    if "NaN" in raw or "Infinity" in raw:
        return
    assert read_payload(raw.encode(), "application/json") == json.loads(raw)


@pytest.mark.parametrize("raw", [b"", b"  \r\n"])
def test_an_empty_body_says_nothing(raw: bytes) -> None:
    assert read_payload(raw, "application/json") == {}


IMAGE = base64.b64encode(b"\xff" * MAX_BODY).decode()


def test_a_large_image_is_cut_out_before_anything_is_parsed() -> None:
    values = {**DOCUMENTED, "init_image": IMAGE}
    for separators in ((",", ":"), (" ,\n", " :\t")):
        raw = json.dumps(values, separators=separators).encode()
        assert read_payload(raw, "application/json") == values


@pytest.mark.parametrize(
    "values",
    [
        {"prompt": "x" * MAX_BODY * 2},
        {"init_image": "x", "prompt": IMAGE},
        {"init_image": IMAGE, "prompt": IMAGE},
        {"prompt": f'"init_image": "{IMAGE}"'},
    ],
)
def test_whatever_else_is_large_is_too_large(values: dict[str, str]) -> None:
    with pytest.raises(Problem) as caught:
        read_payload(json.dumps(values).encode(), "application/json")
    assert caught.value.kind is ProblemKind.TOO_LARGE


def test_an_image_inside_of_something_else_is_none() -> None:
    raw = json.dumps({"inner": {"init_image": IMAGE}}).encode()
    assert read_payload(raw, "application/json") == {"inner": {"init_image": ""}}


@pytest.mark.parametrize("name", ["safetychecker", "safety_checker"])
@pytest.mark.parametrize(("sent", "meant"), [("yes", True), (True, True), ("no", False)])
def test_a_caller_may_ask_for_a_safety_checker_in_both_spellings(
    name: str, sent: object, meant: object
) -> None:
    for kind in (AskedV4, AskedV6):
        body = read(kind, {**LEAST, name: sent})
        assert body.safetychecker is meant
        models = [make_model(id="strict", has_safety_checker=True)]
        request = request_of(body, "strict", models, image=None)
        address = address_of(body, request, base="http://x", models=models)
        assert address.safety_checker is meant


def test_a_model_without_a_safety_checker_is_named_where_one_is_asked_for() -> None:
    models = [make_model(id="shapes"), make_model(id="strict", has_safety_checker=True)]
    told: dict[tuple[str, str], list[object]] = {}
    for model in models:
        for sent in ("yes", "no"):
            body = read(AskedV4, {**LEAST, "model_id": model.id, "safetychecker": sent})
            request = request_of(body, model.id, models, image=None)
            address = address_of(body, request, base="http://x", models=models)
            told[model.id, sent] = [address.echo["notes"], address.safety_checker]
    note = "This model has no safety checker, so nothing looks at the video."
    assert told == {
        ("shapes", "yes"): [[note], False],
        ("shapes", "no"): [[], False],
        ("strict", "yes"): [[], True],
        ("strict", "no"): [[], False],
    }


@pytest.mark.parametrize(
    ("is_asked", "said", "told"),
    [
        (True, None, "yes"),  # as asked, until its backend has it
        (False, None, "no"),
        (False, {"safety_checker": True}, "yes"),  # the operator has it on
        (True, {"safety_checker": False}, "no"),
        (True, {}, "no"),  # a backend that says nothing of it
    ],
)
def test_meta_says_whether_a_safety_checker_looks(
    is_asked: object, said: dict[str, object] | None, told: str
) -> None:
    api = ApiAddress(protocol="modelslab", safety_checker=bool(is_asked), echo={"version": "v4"})
    job = make_job(address=Address(api=api))
    if said is not None:
        job = job.evolve(receipt=make_receipt(job).evolve(effective=said))
    meta = meta_of(job)
    assert isinstance(meta, MetaV4)
    assert meta.safetychecker == told
