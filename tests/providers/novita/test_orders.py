from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import RequestError
from jobs.request import LoraUse, ResolvedRequest, Scheduler, Segment
from providers.novita.orders import body_of, check_order, parts_of, with_webhook
from tests.factories import make_request
from tests.fakes.novita.bodies import Submit

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEED_PROMPTS = (
    "In the wintry dusk, a little girl holds matches tightly.",
    "A little girl, barefoot on the frosty pavement, seeks solace.",
    "A little girl with each match experiences a fleeting dance of warmth and hope.",
    "In the quiet night, a little girl's silent story unfolds.",
)
MODEL = "darkSushiMixMix_225D_64380.safetensors"


def ask(**overrides: Any) -> ResolvedRequest:
    return make_request(**{"model": MODEL, "width": 512, "height": 512, **overrides})


def test_the_documented_example_is_written_as_documented() -> None:
    segments = tuple(Segment(prompt=prompt, frames=32) for prompt in SEED_PROMPTS)
    request = ask(
        segments=segments, frames=128, steps=20, negative_prompt="nsfw", guidance_scale=7.5, seed=5
    )
    assert body_of(request) == {
        "model_name": MODEL,
        "height": 512,
        "width": 512,
        "steps": 20,
        "guidance_scale": 7.5,
        "seed": 5,
        "prompts": [{"frames": 32, "prompt": prompt} for prompt in SEED_PROMPTS],
        "negative_prompt": "nsfw",
        "closed_loop": False,
        "extra": {"response_video_type": "mp4"},
    }


def test_every_field_of_the_api_can_be_set() -> None:
    request = ask(
        loras=(LoraUse(id="detail", strength=0.5),),
        embeddings=("badhands",),
        closed_loop=True,
        clip_skip=2,
        seed=0,
    )
    body = body_of(request)
    assert body["loras"] == [{"model_name": "detail", "strength": 0.5}]
    assert body["embeddings"] == [{"model_name": "badhands"}]
    assert body["closed_loop"] is True
    assert body["clip_skip"] == 2
    assert body["seed"] == 0


def test_an_empty_negative_prompt_and_no_clip_skip_are_left_out() -> None:
    body = body_of(ask(negative_prompt="", clip_skip=1))
    assert body.keys().isdisjoint({"negative_prompt", "clip_skip", "loras", "embeddings"})


def test_a_gif_is_asked_for_as_an_mp4() -> None:
    assert body_of(ask(format="gif"))["extra"] == {"response_video_type": "mp4"}


def test_the_webhook_stands_beside_the_video_type_and_leaves_the_body_as_it_was() -> None:
    body = body_of(ask())
    sent = with_webhook(body, "https://bot.example/hooks/novita/1")
    assert sent["extra"] == {
        "response_video_type": "mp4",
        "webhook": {"url": "https://bot.example/hooks/novita/1"},
    }
    assert body["extra"] == {"response_video_type": "mp4"}
    assert with_webhook(body, None) == body


def test_a_rehearsal_asks_for_a_made_up_event() -> None:
    sent = with_webhook({}, "https://bot.example/1", is_test=True)
    test_mode = {"enabled": True, "return_task_status": "TASK_STATUS_SUCCEED"}
    assert sent == {"extra": {"webhook": {"url": "https://bot.example/1", "test_mode": test_mode}}}


@pytest.mark.parametrize(
    ("frames", "parts"),
    [(8, [8]), (64, [64]), (65, [33, 32]), (100, [50, 50]), (127, [64, 63]), (128, [64, 64])],
)
def test_a_long_part_is_cut_into_equal_ones(frames: int, parts: list[int]) -> None:
    cut = parts_of([Segment(prompt="a fox", frames=frames)])
    assert cut == [Segment(prompt="a fox", frames=part) for part in parts]


def test_a_part_of_less_than_8_frames_is_refused_by_its_number() -> None:
    segments = [Segment(prompt="a seed", frames=9), Segment(prompt="a tree", frames=7)]
    with pytest.raises(RequestError, match="at least 8 frames, and part 2 has 7") as refused:
        parts_of(segments)
    assert refused.value.field == "frames"


@UNHURRIED
@given(frames=st.lists(st.integers(8, 128), min_size=1, max_size=16))
def test_the_parts_keep_every_frame_and_every_rule(frames: list[int]) -> None:
    segments = [Segment(prompt=str(index), frames=count) for index, count in enumerate(frames)]
    if sum(frames) > 128:
        with pytest.raises(RequestError, match="128"):
            parts_of(segments)
        return
    parts = parts_of(segments)
    for segment in segments:
        own = [part.frames or 0 for part in parts if part.prompt == segment.prompt]
        assert sum(own) == segment.frames
        assert all(8 <= count <= 64 for count in own)
        assert max(own) - min(own) <= 1


@UNHURRIED
@given(
    frames=st.integers(8, 128),
    sides=st.tuples(*[st.integers(32, 128).map(lambda n: 8 * n)] * 2),
    steps=st.integers(1, 50),
    guidance_scale=st.floats(1, 30),
    clip_skip=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
    negative_prompt=st.text(max_size=1024),
)
def test_whatever_passes_the_check_is_within_the_documented_ranges(
    frames: int, sides: tuple[int, int], **values: Any
) -> None:
    request = ask(frames=frames, width=sides[0], height=sides[1], **values)
    check_order(request)
    read = Submit.model_validate(body_of(request))
    assert sum(part.frames for part in read.prompts) == frames


@pytest.mark.parametrize(
    ("overrides", "warning"),
    [
        ({"scheduler": Scheduler.DDIM}, "Novita takes no `scheduler`; it uses its own."),
        ({"fps": 12}, "Novita takes no `fps`; it chooses how fast the video plays."),
        ({"strength": 0.5}, "`strength` has no effect without an init image."),
        (
            {"enhance_prompt": True},
            "Novita does not enhance prompts, so `enhance_prompt` has no effect.",
        ),
    ],
)
def test_what_cannot_be_honoured_is_said(overrides: dict[str, Any], warning: str) -> None:
    assert check_order(ask()) == []
    assert check_order(ask(**overrides)) == [warning]


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"image": "i1"}, "image"),
        ({"frames": 129}, "frames"),
        ({"width": 248}, "width"),
        ({"height": 1032}, "height"),
        ({"steps": 51}, "steps"),
        ({"guidance_scale": 30.5}, "guidance_scale"),
        ({"clip_skip": 13}, "clip_skip"),
        ({"loras": tuple(LoraUse(id=str(n)) for n in range(6))}, "loras"),
        ({"embeddings": tuple(map(str, range(6)))}, "embeddings"),
        ({"prompt": "x" * 1025}, "prompt"),
        ({"negative_prompt": "x" * 1025}, "negative_prompt"),
    ],
)
def test_what_makes_no_sense_is_refused(overrides: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as refused:
        check_order(ask(**overrides))
    assert refused.value.field == field
