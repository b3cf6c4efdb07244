"""What is measured is what was asked for, and the tables say no more than was counted.

torch is loaded by the fixtures only: collecting these tests must stay cheap.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from training.shapes.scenes.world import (
    Colour,
    Figure,
    Motion,
    Scene,
    Shape,
    Size,
    World,
    is_held_out,
)

WORLD = World(sizes=(Size.MEDIUM, Size.BIG), pairs=0)
RED_STAR = Figure(shape=Shape.STAR, colour=Colour.RED, size=Size.BIG, motion=Motion.LEFT)
SCENE = Scene(figures=(RED_STAR,), background=Colour.WHITE)


@pytest.fixture(scope="module")
def parts() -> Any:
    """The modules of the measure, and torch."""
    import torch  # noqa: PLC0415 - seconds of torch

    from training.shapes import measure  # noqa: PLC0415
    from training.shapes.judging import cases, judge, tables  # noqa: PLC0415
    from training.shapes.scenes import draw  # noqa: PLC0415

    torch.set_num_threads(1)
    return SimpleNamespace(
        torch=torch, cases=cases, draw=draw, judge=judge, measure=measure, tables=tables
    )


@pytest.fixture(scope="module")
def verdict(parts: Any) -> Callable[..., Any]:
    """Return a verdict on a big red star that moves left, seen as it is but for the changes."""
    seen = {"shape": Shape.STAR, "colour": Colour.RED, "background": Colour.WHITE}

    def make(**changes: Any) -> Any:
        values: dict[str, Any] = {**seen, "motion": Motion.LEFT, "size": Size.BIG, **changes}
        return parts.tables.Verdict(scene=SCENE, judgement=parts.judge.Judgement(**values))

    return make


@pytest.fixture(scope="module")
def named_trials(parts: Any) -> dict[str, Any]:
    """Two trials of every case."""
    base = parts.cases.base_request(steps=12, guidance=4)
    named = parts.cases.trials(base, WORLD, count=2, seed=1)
    return {name: list(each) for name, each in named.items()}


@pytest.fixture(scope="module")
def drawing(parts: Any) -> Callable[..., Any]:
    """Return a function that makes models: each draws its scenes, whatever it is asked for."""

    def make(scenes: Sequence[Scene]) -> Any:
        def render(_: object, __: object) -> Any:
            generator = parts.torch.Generator().manual_seed(1)
            clips = parts.draw.draw(scenes, generator=generator).pixels
            frames = clips.permute(0, 1, 3, 4, 2).flatten(0, 1).numpy()
            return (frames * 255).round().astype(np.uint8)

        return render

    return make


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [(8, 10, 0.490, 0.943), (0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (270, 300, 0.861, 0.929)],
)
def test_the_interval_is_wilsons(parts: Any, right: int, of: int, low: float, high: float) -> None:
    interval = parts.tables.Share(right=right, of=of).interval
    assert interval == pytest.approx((low, high), abs=0.0006)


def test_nothing_is_known_of_none(parts: Any) -> None:
    share = parts.tables.Share.of_those([])
    assert (share.value, share.interval) == (0.0, (0.0, 1.0))


def test_all_four_counts_clips_that_are_right_in_everything(
    parts: Any, verdict: Callable[..., Any]
) -> None:
    verdicts = [verdict(), verdict(shape=Shape.HEART), verdict(motion=None, shape=None)]
    shares = parts.tables.by_attribute(verdicts)
    assert {name: each.right for name, each in shares.items()} == {
        "foreground colour": 3,
        "background colour": 3,
        "motion": 2,
        "shape": 1,
        "all four": 1,
    }


def test_the_size_does_not_count_since_a_caption_may_leave_it_out(
    verdict: Callable[..., Any],
) -> None:
    assert verdict(size=Size.SMALL).is_all_right


def test_confusions_come_with_the_most_frequent_first(
    parts: Any, verdict: Callable[..., Any]
) -> None:
    seen = [Shape.STAR, Shape.HEART, None, None]
    wrong = parts.tables.confusions([verdict(shape=each) for each in seen], "shape")
    assert wrong == [("star", "nothing", 2), ("star", "heart", 1)]


def test_a_class_that_nobody_asked_for_has_no_row(parts: Any, verdict: Callable[..., Any]) -> None:
    shares = parts.tables.by_class([verdict(), verdict(shape=None)], "shape")
    assert {name: (each.right, each.of) for name, each in shares.items()} == {"star": (1, 2)}


def test_what_is_asked_is_held_out_and_the_same_for_the_same_seed(parts: Any) -> None:
    rows = parts.measure.asked(WORLD, count=30, seed=1)
    assert all(is_held_out(scene) for scene, _, _ in rows)
    assert parts.measure.asked(WORLD, count=10, seed=1) == rows[:10]
    assert parts.measure.asked(WORLD, count=10, seed=2) != rows[:10]


def test_every_prompt_names_all_four(parts: Any) -> None:
    for scene, said, _ in parts.measure.asked(WORLD, count=30, seed=1):
        (figure,) = said.figures
        named = (figure.shape, figure.colour, figure.motion, said.background)
        asked = scene.figures[0]
        assert named == (asked.shape, asked.colour, asked.motion, scene.background)


def test_clips_that_differ_in_one_value_are_not_the_same(parts: Any) -> None:
    clips = np.zeros((2, 3, 4, 4, 3), dtype=np.float32)
    changed = clips.copy()
    changed[1, 0, 0, 0, 0] = 1e-6
    repeats = parts.measure.Repeats()
    parts.measure.compare(repeats, clips, same=changed, other=clips + 0.5)
    assert repeats.same == [True, False]
    assert repeats.differences == [0.5, 0.5]


def test_every_case_is_asked_for_as_its_name_says(named_trials: dict[str, Any]) -> None:
    requests = {name: each[0].request for name, each in named_trials.items()}
    assert requests["closed loop"].closed_loop
    assert [part.frames for part in requests["storyboard of two scenes"].segments] == [16, 16]
    assert requests["clip_skip 2"].clip_skip == 2
    assert requests["init image, strength 0.6"].strength == 0.6
    assert requests["PNDMScheduler, 15 steps"].scheduler == "PNDMScheduler"
    assert requests["PNDMScheduler, 15 steps"].steps == 15
    # All 18 but DDIMInverse, which takes an image first.
    assert len([name for name in requests if "Scheduler" in name]) == 17


def test_the_scenes_of_every_case_are_held_out(named_trials: dict[str, Any]) -> None:
    for trials in named_trials.values():
        assert all(is_held_out(trial.scenes[0]) for trial in trials)


def test_a_model_that_draws_what_it_is_asked_for_is_right_in_every_case(
    parts: Any, named_trials: dict[str, Any], drawing: Callable[..., Any]
) -> None:
    for name, trials in named_trials.items():
        outcomes = [parts.cases.try_out(each, drawing(each.scenes)) for each in trials]
        shares = parts.cases.shares_of(outcomes)
        assert {each.right for each in shares.values()} == {2}, name


def test_a_storyboard_that_never_leaves_its_first_scene_is_wrong(
    parts: Any, named_trials: dict[str, Any], drawing: Callable[..., Any]
) -> None:
    trial = named_trials["storyboard of two scenes"][0]
    outcome = parts.cases.try_out(trial, drawing([trial.scenes[0]] * 2))
    right = {name: outcome.is_right(name) for name in parts.tables.ATTRIBUTES}
    assert right == {"colour": False, "background": False, "motion": True, "shape": True}
    assert not outcome.is_all_right


def test_a_loop_that_does_not_close_is_wrong(
    parts: Any, named_trials: dict[str, Any], drawing: Callable[..., Any]
) -> None:
    request = named_trials["closed loop"][0].request
    outcome = parts.cases.try_out(
        parts.cases.Trial(scenes=(SCENE,), request=request), drawing([SCENE])
    )
    assert all(each.is_all_right for each in outcome.verdicts)
    assert not outcome.is_all_right


def test_the_init_image_is_the_scenes_first_frame(parts: Any, named_trials: dict[str, Any]) -> None:
    from PIL import Image  # noqa: PLC0415

    trial = named_trials["init image, strength 0.6"][0]

    def held(_: object, image: Path | None) -> Any:
        assert image is not None
        return np.stack([np.array(Image.open(image))] * 16)

    outcome = parts.cases.try_out(trial, held)
    for attribute in ("colour", "background", "shape"):
        assert outcome.is_right(attribute)


def test_a_report_counts_what_it_was_given(
    parts: Any, verdict: Callable[..., Any], named_trials: dict[str, Any]
) -> None:
    clips = [
        parts.measure.Clip(prompt="a star", seed=1, verdict=each, names_size=each.is_all_right)
        for each in (verdict(), verdict(), verdict(shape=Shape.HEART))
    ]
    outcome = parts.cases.Outcome(verdicts=(verdict(),))
    report = parts.measure.Report(
        clips=clips,
        repeats=parts.measure.Repeats(same=[True], differences=[0.25]),
        cases={name: parts.cases.shares_of([outcome]) for name in named_trials},
        seconds_per_clip=2.0,
        megabytes=12.0,
    )
    text = parts.measure.written(report)
    assert "| all four | 2 | 3 | 0.667 | 0.208-0.939 |" in text
    assert "| size, where it is named | 2 | 2 |" in text
    assert "| star | 2 | 3 | heart (1) |" in text
    for block in text.split("\n\n"):
        assert len({line.count("|") for line in block.splitlines()}) == 1


@pytest.mark.parametrize("option", ["--prompts", "--special"])
def test_a_measure_of_none_is_refused_at_once(
    parts: Any,
    option: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["measure", option, "0"])
    with pytest.raises(SystemExit):
        parts.measure.main()
    assert f"argument {option}: 0 is too few; it takes at least 1" in capsys.readouterr().err


def test_a_folder_is_as_large_as_all_its_files(parts: Any, tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "weights").write_bytes(random.Random(1).randbytes(1_500_000))
    (tmp_path / "index.json").write_bytes(b" " * 500_000)
    assert parts.measure.megabytes(tmp_path) == 2.0
