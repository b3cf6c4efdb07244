from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import RequestError
from jobs.limits import resolve, share_frames
from jobs.prompts import parse_ids, parse_loras, parse_prompt, write_prompt
from jobs.request import (
    Aspect,
    LoraUse,
    ModelDefaults,
    ModelInfo,
    ProviderName,
    Quality,
    ResolvedRequest,
    Scheduler,
    Segment,
    VideoRequest,
)
from tests.fakes.provider import SHAPES

SD15 = ModelInfo(id="sd15", provider=ProviderName.LOCAL, title="SD 1.5", defaults=ModelDefaults())


def resolved(
    model: ModelInfo = SHAPES, *, prompt: str = "a cat", **fields: object
) -> ResolvedRequest:
    request = VideoRequest.model_validate({"segments": parse_prompt(prompt), **fields})
    return resolve(request, model, draw_seed=lambda: 4242)


def refusal(model: ModelInfo = SHAPES, *, prompt: str = "a cat", **fields: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        resolved(model, prompt=prompt, **fields)
    return caught.value


def test_what_is_left_open_comes_from_the_model() -> None:
    request = resolved()
    assert (request.width, request.height, request.frames) == (128, 128, 16)
    assert (request.fps, request.steps, request.guidance_scale) == (8, 12, 4.0)
    assert (request.model, request.provider) == ("shapes", ProviderName.LOCAL)


@pytest.mark.parametrize("seed", [None, -1])
def test_a_seed_that_is_left_open_is_drawn_before_the_job_is_queued(seed: int | None) -> None:
    assert resolved(seed=seed).seed == 4242


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_an_asked_seed_is_kept(seed: int) -> None:
    assert resolved(seed=seed).seed == seed


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("width", 500, "multiple of 8 between 256 and 1024"),
        ("width", 1032, "the nearest is 1024"),
        ("height", 248, "the nearest is 256"),
        ("frames", 129, "between 8 and 128, not 129"),
        ("frames", 7, "between 8 and 128"),
        ("fps", 31, "between 1 and 30"),
        ("fps", 0, "between 1 and 30"),
        ("steps", 51, "between 1 and 50"),
        ("steps", 0, "between 1 and 50"),
        ("guidance_scale", 30.5, "between 1 and 30, not 30.5"),
        ("guidance_scale", 0.5, "between 1 and 30"),
        ("seed", 2**32, "between -1 and 4294967295, not 4294967296"),
        ("seed", -2, "between -1 and 4294967295"),
        ("clip_skip", 13, "between 1 and 12"),
        ("strength", 1.01, "between 0 and 1"),
        ("negative_prompt", "x" * 1025, "1025 characters"),
        ("loras", tuple(LoraUse(id=str(n)) for n in range(6)), "names 6; 5 is the most"),
        ("loras", (LoraUse(id="a"), LoraUse(id="a")), "the same one twice"),
        ("loras", (LoraUse(id="a", strength=1.5),), "between 0 and 1"),
        ("embeddings", tuple("abcdef"), "names 6; 5 is the most"),
    ],
)
def test_a_value_outside_its_range_is_refused_by_name(field: str, value: Any, words: str) -> None:
    error = refusal(SD15, **{field: value})
    assert error.field == field
    assert f"`{field}`" in error.user_message
    assert words in error.user_message


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("\u200b\u2060\x00", "is empty"),
        ("a \ud800 cat", "no text"),
        ("a cat | ", "has an empty part"),
        ("x" * 1025, "1025 characters long; 1024 is the most"),
        (" | ".join("abcdefghijklmnopq"), "17 parts; 16 is the most"),
    ],
)
def test_a_prompt_that_cannot_be_drawn_is_refused(prompt: str, words: str) -> None:
    assert words in refusal(prompt=prompt).user_message


def test_the_longest_prompt_and_the_most_parts_are_taken() -> None:
    assert resolved(prompt="x" * 1024).segments[0].prompt == "x" * 1024
    assert len(resolved(prompt=" | ".join("abcdefghijklmnop"), frames=128).segments) == 16


def test_parts_without_frames_get_the_models_default_each() -> None:
    assert [s.frames for s in resolved(prompt="a | 24: b | c").segments] == [16, 24, 16]


def test_parts_without_frames_share_what_the_total_leaves() -> None:
    assert [s.frames for s in resolved(prompt="a | 24: b | c", frames=47).segments] == [12, 24, 11]


@pytest.mark.parametrize(
    ("prompt", "frames"),
    [("24: a | 24: b", 40), ("24: a | b", 24), ("0: a | b", 16), ("64: a | 65: b", None)],
)
def test_parts_that_do_not_add_up_are_refused(prompt: str, frames: int | None) -> None:
    assert refusal(prompt=prompt, frames=frames).field == "frames"


@given(
    parts=st.lists(st.one_of(st.none(), st.integers(1, 40)), min_size=1, max_size=16),
    total=st.one_of(st.none(), st.integers(8, 128)),
)
def test_shared_frames_always_add_up_and_leave_no_part_empty(
    parts: list[int | None], total: int | None
) -> None:
    segments = [Segment(prompt="x", frames=frames) for frames in parts]
    try:
        shared = share_frames(segments, total, 16)
    except RequestError:
        return
    frames = [segment.frames or 0 for segment in shared]
    assert min(frames) >= 1
    assert 8 <= sum(frames) <= 128
    assert total in (None, sum(frames))
    assert all(given in (None, got) for given, got in zip(parts, frames, strict=True))


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        (Aspect.SQUARE, (512, 512)),
        (Aspect.PORTRAIT, (384, 512)),
        (Aspect.LANDSCAPE, (512, 384)),
        (Aspect.WIDE, (512, 288)),
    ],
)
def test_an_aspect_gives_the_sides_that_are_not_given(
    aspect: Aspect, size: tuple[int, int]
) -> None:
    request = resolved(SD15, aspect=aspect)
    assert (request.width, request.height) == size


def test_an_aspect_stays_within_what_a_small_model_can_do() -> None:
    request = resolved(aspect=Aspect.WIDE)
    assert (request.width, request.height) == (224, 128)


def test_a_given_side_wins_over_the_aspect() -> None:
    request = resolved(SD15, aspect=Aspect.WIDE, width=640)
    assert (request.width, request.height) == (640, 288)


@pytest.mark.parametrize(
    ("quality", "steps"), [(Quality.DRAFT, 6), (Quality.NORMAL, 12), (Quality.BEST, 24)]
)
def test_quality_sets_the_steps_that_are_not_given(quality: Quality, steps: int) -> None:
    assert resolved(quality=quality).steps == steps
    assert resolved(quality=quality, steps=9).steps == 9


def test_cost_counts_unet_calls_pixels_and_frames() -> None:
    plain = resolved(SD15, steps=20)
    assert plain.unet_calls == 40
    assert plain.cost == 40 * 64 * 64 * 16
    assert resolved(SD15, steps=20, guidance_scale=1).unet_calls == 20
    assert resolved(SD15, steps=20, scheduler=Scheduler.HEUN_DISCRETE).unet_calls == 78


@pytest.mark.parametrize(
    ("scheduler", "calls"),
    [
        (None, 20),
        (Scheduler.DDIM, 20),
        (Scheduler.PNDM, 21),
        (Scheduler.KARRAS_VE, 39),
        (Scheduler.SCORE_SDE_VE, 40),
        (Scheduler.DDIM_INVERSE, 40),
    ],
)
def test_schedulers_call_the_unet_more_or_less_often(
    scheduler: Scheduler | None, calls: int
) -> None:
    asked = resolved(SD15, steps=25, scheduler=scheduler, guidance_scale=1, image="a", strength=0.8)
    assert asked.unet_calls == calls


@pytest.mark.parametrize(
    ("strength", "steps"),
    [(None, 40), (1, 50), (0.99, 49), (0.58, 29), (0.02, 1), (0.001, 1), (0, 0)],
)
def test_an_init_image_stands_for_the_first_steps(strength: float | None, steps: int) -> None:
    with_image = resolved(SD15, steps=50, image="a", strength=strength)
    assert with_image.steps_run == steps
    assert with_image.cost > 0
    assert resolved(SD15, steps=50, strength=strength).steps_run == 50


def test_a_bar_can_be_part_of_a_prompt() -> None:
    assert parse_prompt(r"a \| b | c") == (Segment(prompt="a | b"), Segment(prompt="c"))


def test_a_ratio_in_a_prompt_is_read_as_frames_only_at_its_start() -> None:
    assert parse_prompt("a screen of 16: 9") == (Segment(prompt="a screen of 16: 9"),)
    assert parse_prompt("10:30 in Tokyo") == (Segment(prompt="10:30 in Tokyo"),)
    assert parse_prompt("24: a sprout") == (Segment(prompt="a sprout", frames=24),)


TEXT = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\\"), min_size=1)


@given(
    st.lists(
        st.builds(Segment, prompt=TEXT.map("p".__add__), frames=st.integers(1, 999)),
        min_size=2,
        max_size=16,
    ).map(tuple)
)
def test_parts_that_were_written_are_read_again(segments: tuple[Segment, ...]) -> None:
    assert parse_prompt(write_prompt(segments)) == segments


def test_loras_and_ids_are_read_from_lists() -> None:
    assert parse_loras("sketch:0.8, ink ,") == (
        LoraUse(id="sketch", strength=0.8),
        LoraUse(id="ink", strength=1.0),
    )
    assert parse_ids(" a, b,,") == ("a", "b")


def test_a_lora_strength_that_is_no_number_is_refused() -> None:
    with pytest.raises(RequestError, match=r"write `sketch:0\.8`"):
        parse_loras("sketch:strong")
