"""docs/parameters.md: names, ranges and defaults are those of the code and of both documents."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import pytest

from bot.settings import Settings
from cogs.video import DESCRIPTIONS
from jobs.errors import RequestError
from jobs.limits import resolve
from jobs.request import (
    DEFAULT_STRENGTH,
    MAX_EMBEDDINGS,
    MAX_IMAGE_BYTES,
    MAX_LORAS,
    MAX_PROMPT_CHARS,
    MAX_SEGMENTS,
    SIDE_STEP,
    Aspect,
    LoraUse,
    ModelDefaults,
    ModelInfo,
    ProviderName,
    Quality,
    ResolvedRequest,
    Scheduler,
    Segment,
    VideoFormat,
    VideoRequest,
)
from providers.modelslab.dialects import Dialect
from providers.modelslab.request import write_body
from providers.novita import orders
from tests.docs.parameters_page import NAMES, PROTOCOL, numbers, quoted

# The attributes of the "Train Text to Video Endpoint" document, in its order.
MODELSLAB = [
    *("key", "model_id", "prompt", "negative_prompt", "width", "height", "scheduler"),
    *("num_inference_steps", "enhance_prompt", "guidance_scale", "strength", "seed"),
    *("webhook", "track_id"),
]
# Those of https://novita.ai/docs/api-reference/model-apis-txt2video
NOVITA = [
    *("Authorization", "extra.response_video_type", "extra.webhook.url"),
    *("extra.webhook.test_mode.enabled", "extra.webhook.test_mode.return_task_status"),
    *("model_name", "height", "width", "steps", "guidance_scale", "seed", "prompts[].frames"),
    *("prompts[].prompt", "negative_prompt", "loras[].model_name", "loras[].strength"),
    *("embeddings[].model_name", "closed_loop", "clip_skip"),
]


def ask(**values: object) -> ResolvedRequest:
    asked = VideoRequest.model_validate({"segments": (Segment(prompt="a"),), **values})
    model = ModelInfo(id="sd15", provider=ProviderName.LOCAL, title="")
    return resolve(asked, model, draw_seed=lambda: 99)


def holds(field: str, low: float, high: float, *, step: float = 1) -> None:
    """Ask for both ends of a range, and for what is right outside."""
    for value in (low, high):
        assert getattr(ask(**{field: value}), field) == value
    for value in (low - step, high + step):
        with pytest.raises(RequestError):
            ask(**{field: value})


def holds_length(field: str, low: float, high: float, values: Callable[[int], Any]) -> None:
    for length in (int(low), int(high)):
        ask(**{field: values(length)})
    with pytest.raises(RequestError):
        ask(**{field: values(int(high) + 1)})
    if low > 0:
        with pytest.raises(RequestError):
            ask(**{field: values(int(low) - 1)})


def holds_between(field: str, cell: str) -> None:
    low, high, *_ = numbers(cell)
    holds(field, low, high, step=0.01 if field in {"guidance_scale", "strength"} else 1)


def holds_side(field: str, cell: str) -> None:
    low, high, step = numbers(cell)
    assert step == SIDE_STEP
    holds(field, low, high, step=step)
    with pytest.raises(RequestError):
        ask(**{field: low + 1})


def holds_parts(_: str, cell: str) -> None:
    assert numbers(cell) == [1, MAX_SEGMENTS, 1, MAX_PROMPT_CHARS]
    holds_length("segments", 1, MAX_SEGMENTS, lambda n: (Segment(prompt="a", frames=8),) * n)
    texts: Callable[[int], Any] = lambda n: (Segment(prompt="a" * n),)  # noqa: E731 - a table's cell
    holds_length("segments", 1, MAX_PROMPT_CHARS, texts)


def holds_characters(field: str, cell: str) -> None:
    low, high = numbers(cell)
    holds_length(field, low, high, lambda n: "a" * n)


def holds_loras(_: str, cell: str) -> None:
    most, low, high = numbers(cell)
    assert most == MAX_LORAS
    holds_length("loras", 0, most, lambda n: tuple(LoraUse(id=f"l{i}") for i in range(n)))
    for strength, is_taken in ((low, True), (high, True), (low - 0.1, False), (high + 0.1, False)):
        try:
            ask(loras=(LoraUse(id="l", strength=strength),))
        except RequestError:
            assert not is_taken
        else:
            assert is_taken


def holds_embeddings(_: str, cell: str) -> None:
    assert numbers(cell) == [MAX_EMBEDDINGS]
    holds_length("embeddings", 0, MAX_EMBEDDINGS, lambda n: tuple(f"e{i}" for i in range(n)))


def holds_seed(_: str, cell: str) -> None:
    low, high = numbers(cell)
    holds("seed", low, high, step=2)
    assert "-1 is any" in cell
    assert ask(seed=-1).seed == ask().seed == 99


def holds_choice(kind: type[StrEnum]) -> Callable[[str, str], None]:
    def check(_: str, cell: str) -> None:
        assert quoted(cell) == [member.value for member in kind]

    return check


def holds_words(words: str) -> Callable[[str, str], None]:
    def check(_: str, cell: str) -> None:
        assert words in cell

    return check


RANGES: Mapping[str, Callable[[str, str], None]] = {
    "segments": holds_parts,
    "negative_prompt": holds_characters,
    "model": holds_words("an id"),
    "width": holds_side,
    "height": holds_side,
    "aspect": holds_choice(Aspect),
    "seed": holds_seed,
    "scheduler": holds_words(f"one of {len(Scheduler)}"),
    "loras": holds_loras,
    "embeddings": holds_embeddings,
    "image": holds_words(f"at most {MAX_IMAGE_BYTES // 1024**2} MiB"),
    "closed_loop": holds_words("yes or no"),
    "enhance_prompt": holds_words("yes or no"),
    "format": holds_choice(VideoFormat),
    "quality": holds_choice(Quality),
    "provider": holds_choice(ProviderName),
}


def test_every_field_of_a_request_is_in_the_table_and_every_option_of_video() -> None:
    assert sorted(NAMES) == sorted(VideoRequest.model_fields)
    options = [name for row in NAMES.values() for name in quoted(row[0])]
    assert sorted(options) == sorted(DESCRIPTIONS)


@pytest.mark.parametrize("field", NAMES)
def test_the_documented_range_is_what_is_accepted(field: str) -> None:
    RANGES.get(field, holds_between)(field, NAMES[field][1])


@pytest.mark.parametrize("field", NAMES)
def test_the_documented_default_is_the_real_one(field: str) -> None:
    cell, own = NAMES[field][2], VideoRequest.model_fields[field]
    if cell == "required":
        assert own.is_required()
        return
    expected: dict[str, object] = {"no": False, "1": 1, "routed": None, "drawn beforehand": None}
    if field in ModelDefaults.model_fields:
        assert own.default is None
        assert numbers(cell) == [getattr(ModelDefaults(), field)]
    elif field == "strength":
        assert numbers(cell) == [DEFAULT_STRENGTH]
    elif cell in {"none", "the model's own", "the provider's first"}:
        assert not own.default
    else:
        assert own.default == (quoted(cell) or [expected.get(cell, cell)])[0]


@pytest.mark.parametrize(("document", "names"), [("ModelsLab", MODELSLAB), ("Novita", NOVITA)])
def test_every_parameter_of_a_document_is_somewhere(document: str, names: list[str]) -> None:
    column = 3 if document == "ModelsLab" else 4
    told = {name for row in NAMES.values() for name in quoted(row[column])}
    told |= {quoted(row[0])[0] for row in PROTOCOL if row[1] == document}
    assert told == set(names)


def flat(value: object, name: str = "") -> set[str]:
    """Return the names of a body's leaves: `a.b` of an object, `a[].b` of a list of them."""
    if isinstance(value, dict):
        dot = f"{name}." if name else ""
        return {leaf for key, inner in value.items() for leaf in flat(inner, f"{dot}{key}")}
    if isinstance(value, list):
        return {leaf for inner in value for leaf in flat(inner, f"{name}[]")}
    return {name}


def full_request() -> ResolvedRequest:
    return ask(
        negative_prompt="a",
        clip_skip=2,
        loras=(LoraUse(id="ink"),),
        embeddings=("dusk",),
    )


def test_what_is_sent_is_what_the_table_says() -> None:
    sent = flat(write_body(full_request(), Dialect.V4))
    assert set(MODELSLAB) - sent == {quoted(row[0])[0] for row in PROTOCOL if row[1] == "ModelsLab"}
    assert sent < set(MODELSLAB)
    body = orders.with_webhook(orders.body_of(full_request()), "https://a.example", is_test=True)
    assert flat(body) | {"Authorization"} == set(NOVITA)


def test_where_protocol_names_come_from_exists() -> None:
    settings = {str(field.alias) for field in Settings.model_fields.values()}
    told = {name for row in PROTOCOL for name in quoted(row[2]) if re.fullmatch(r"[A-Z_]+", name)}
    assert told - {"TASK_STATUS_SUCCEED"} <= settings
    assert len(told) >= 4
