"""What is sent, to the byte, and what is said before about options that will not act."""

import json
from typing import Any

import pytest

from jobs.errors import RequestError
from jobs.request import LoraUse, Scheduler, Segment, VideoFormat
from providers.modelslab.dialects import Dialect
from providers.modelslab.request import check, write_body
from tests.providers.modelslab.conftest import request_of


def test_the_body_is_the_one_of_the_document() -> None:
    """The example of the "Train Text to Video Endpoint" document, but for the drawn seed."""
    request = request_of(
        model="your_model_id", prompt="a cat sitting on a bench", enhance_prompt=True, seed=7
    )
    assert json.dumps(write_body(request, Dialect.V4)) == json.dumps(
        {
            "model_id": "your_model_id",
            "prompt": "a cat sitting on a bench",
            "negative_prompt": None,
            "width": "512",
            "height": "512",
            "scheduler": None,
            "num_inference_steps": "30",
            "enhance_prompt": "yes",
            "guidance_scale": 7.5,
            "strength": 0.7,
            "seed": 7,
        }
    )


@pytest.mark.parametrize("scheduler", Scheduler)
def test_v4_takes_each_of_the_18_schedulers(scheduler: Scheduler) -> None:
    request = request_of(scheduler=scheduler)
    assert write_body(request, Dialect.V4)["scheduler"] == scheduler.value
    assert not check(request, Dialect.V4)


def test_v4_is_told_no_where_its_own_default_is_yes() -> None:
    assert write_body(request_of(), Dialect.V4)["enhance_prompt"] == "no"


def test_v6_takes_numbers_and_asks_for_an_mp4_also_where_a_gif_is_posted() -> None:
    request = request_of(Dialect.V6, prompt="a fox", guidance_scale=7.0, format=VideoFormat.GIF)
    assert write_body(request, Dialect.V6) == {
        "model_id": "wan2.2",
        "prompt": "a fox",
        "negative_prompt": None,
        "seed": 7,
        "width": 512,
        "height": 512,
        "num_frames": 25,
        "num_inference_steps": 20,
        "guidance_scale": 7.0,
        "fps": 8,
        "clip_skip": None,
        "output_type": "mp4",
    }


def test_v7_takes_a_shape_and_a_length() -> None:
    body = write_body(request_of(Dialect.V7, prompt="a fox", negative_prompt="fog"), Dialect.V7)
    assert body == {
        "model_id": "kling-v3-t2v",
        "prompt": "a fox",
        "negative_prompt": "fog",
        "aspect_ratio": "16:9",
        "duration": "5",
    }


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"width": 576, "height": 1024}, "aspect_ratio", "9:16"),
        ({"width": 512, "height": 512}, "aspect_ratio", "1:1"),
        ({"fps": 12}, "duration", "10"),
        ({"frames": 24}, "duration", "5"),
    ],
)
def test_v7_is_given_the_nearest_that_it_takes(
    changes: dict[str, Any], field: str, value: str
) -> None:
    assert write_body(request_of(Dialect.V7, **changes), Dialect.V7)[field] == value


@pytest.mark.parametrize("dialect", Dialect)
def test_a_request_that_fits_has_no_warnings(dialect: Dialect) -> None:
    assert not check(request_of(dialect), dialect)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"segments": (Segment(prompt="a", frames=20), Segment(prompt="b", frames=20))}, "joined"),
        ({"loras": (LoraUse(id="ink"),)}, "LoRAs"),
        ({"embeddings": ("ink",)}, "embeddings"),
        ({"closed_loop": True}, "loops"),
        ({"strength": 0.5}, "`strength` has no effect"),
        ({"image": "abc", "strength": 1.0}, "init image is ignored"),
    ],
)
@pytest.mark.parametrize("dialect", Dialect)
def test_what_no_dialect_honours_is_said(
    dialect: Dialect, changes: dict[str, Any], word: str
) -> None:
    (warning,) = check(request_of(dialect, **changes), dialect)
    assert word in warning


@pytest.mark.parametrize(
    ("dialect", "changes", "field", "sent", "word"),
    [
        (Dialect.V4, {"guidance_scale": 25.0}, "guidance_scale", 20.0, "at most 20"),
        (Dialect.V6, {"guidance_scale": 9.0}, "guidance_scale", 8.0, "at most 8"),
        (Dialect.V6, {"frames": 40}, "num_frames", 25, "`frames` of at most 25"),
        (Dialect.V6, {"fps": 24}, "fps", 16, "`fps` of at most 16"),
        (Dialect.V6, {"clip_skip": 3}, "clip_skip", 2, "`clip_skip` of at most 2"),
        (Dialect.V7, {"frames": 24}, "duration", "5", "5 seconds"),
    ],
)
def test_what_is_sent_otherwise_than_asked_is_said(
    dialect: Dialect, changes: dict[str, Any], field: str, sent: object, word: str
) -> None:
    request = request_of(dialect, **changes)
    assert write_body(request, dialect)[field] == sent
    (warning,) = check(request, dialect)
    assert word in warning


@pytest.mark.parametrize(
    ("dialect", "changes", "word"),
    [
        (Dialect.V4, {"frames": 16}, "40 frames at 8 a second"),
        (Dialect.V4, {"fps": 12}, "40 frames at 8 a second"),
        (Dialect.V4, {"clip_skip": 2}, "clip_skip"),
        (Dialect.V6, {"scheduler": Scheduler.DDIM}, "scheduler"),
        (Dialect.V6, {"enhance_prompt": True}, "enhance"),
        (Dialect.V7, {"scheduler": Scheduler.DDIM}, "scheduler"),
        (Dialect.V7, {"steps": 30}, "steps"),
        (Dialect.V7, {"guidance_scale": 3.0}, "guidance_scale"),
        (Dialect.V7, {"width": 512, "height": 512}, "1:1"),
        (Dialect.V7, {"model": "seedance-t2v"}, "how long"),
    ],
)
def test_what_one_dialect_has_no_field_for_is_said(
    dialect: Dialect, changes: dict[str, Any], word: str
) -> None:
    (warning,) = check(request_of(dialect, **changes), dialect)
    assert word in warning


@pytest.mark.parametrize("dialect", Dialect)
def test_an_init_image_is_refused_before_it_costs_something(dialect: Dialect) -> None:
    with pytest.raises(RequestError) as caught:
        check(request_of(dialect, image="abc", strength=0.6), dialect)
    assert caught.value.field == "image"


@pytest.mark.parametrize("field", ["width", "height"])
def test_a_side_that_v6_cannot_make_is_refused_with_the_limit(field: str) -> None:
    with pytest.raises(RequestError, match="at most 512"):
        check(request_of(Dialect.V6, **{field: 768}), Dialect.V6)


def test_the_parts_of_a_prompt_are_joined() -> None:
    parts = (Segment(prompt="a seed", frames=20), Segment(prompt="a tree", frames=20))
    assert write_body(request_of(segments=parts), Dialect.V4)["prompt"] == "a seed, a tree"
