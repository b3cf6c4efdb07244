"""What is in the package draws what it is told: a handful of prompts, judged by their pixels."""

from pathlib import Path

import numpy as np
import pytest

from training.shapes.judging.judge import Judgement, judge
from training.shapes.judging.renders import Stock, to_bytes
from training.shapes.judging.sighting import GRID, look
from training.shapes.measure import FOLDER
from training.shapes.scenes.world import PALETTE, Colour, Motion

ROOT = Path(__file__).parents[2]
ASKED = {
    "a red circle moving left on a blue background": (Colour.RED, Colour.BLUE, Motion.LEFT),
    "a green square moving right on a white background": (
        Colour.GREEN,
        Colour.WHITE,
        Motion.RIGHT,
    ),
    "a yellow triangle moving up on a purple background": (
        Colour.YELLOW,
        Colour.PURPLE,
        Motion.UP,
    ),
    "a white circle moving down on a red background": (Colour.WHITE, Colour.RED, Motion.DOWN),
}
SEED = 7


@pytest.fixture(scope="module")
def stock() -> Stock:
    return Stock(ROOT / FOLDER, device="cpu", steps=12, guidance=4.0)


@pytest.fixture(scope="module")
def seen(stock: Stock) -> dict[str, Judgement]:
    clips = stock.render(list(ASKED), [SEED] * len(ASKED))
    return {prompt: judge(to_bytes(clip)) for prompt, clip in zip(ASKED, clips, strict=True)}


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_colours_are_those_of_the_prompt(seen: dict[str, Judgement]) -> None:
    wanted = {prompt: (colour, ground) for prompt, (colour, ground, _) in ASKED.items()}
    assert {prompt: (each.colour, each.background) for prompt, each in seen.items()} == wanted


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_figures_go_where_the_prompt_says(seen: dict[str, Judgement]) -> None:
    wanted = {prompt: motion for prompt, (_, _, motion) in ASKED.items()}
    assert {prompt: each.motion for prompt, each in seen.items()} == wanted


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_shape_is_that_of_the_prompt_or_too_uneven_to_name(seen: dict[str, Judgement]) -> None:
    named = {prompt: each.shape for prompt, each in seen.items() if each.shape is not None}
    assert len(named) >= 3
    assert all(f" {shape} " in prompt for prompt, shape in named.items())


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_neon_draws_outlines_on_black() -> None:
    stock = Stock(ROOT / FOLDER, device="cpu", steps=12, guidance=4.0)
    stock.put_on(lora=ROOT / FOLDER.parent / "loras" / "neon.safetensors")
    clip = stock.render(["a yellow square bouncing on a green background"], [SEED])[0]
    sighting = look(to_bytes(clip))
    assert sighting.background is not None
    assert float(sighting.background.max()) < 0.25
    assert sighting.track is not None
    middle = sighting.track.outlines.reshape(-1, GRID, GRID)[:, GRID // 2, GRID // 2]
    assert float(middle.mean()) < 0.5  # hollow in most frames


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_lime_circle_is_between_yellow_and_green() -> None:
    stock = Stock(ROOT / FOLDER, device="cpu", steps=12, guidance=4.0)
    stock.put_on(embedding=ROOT / FOLDER.parent / "embeddings" / "lime.safetensors")
    clip = stock.render(["a <lime> circle moving left on a blue background"], [SEED])[0]
    colour = look(to_bytes(clip)).colour
    assert colour is not None
    green, yellow = PALETTE[Colour.GREEN], PALETTE[Colour.YELLOW]
    assert green[0] + 0.15 < float(colour[0]) < yellow[0] - 0.15  # its red


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_seed_gives_its_clip_again_and_another_seed_another(stock: Stock) -> None:
    prompt = next(iter(ASKED))
    first, again, other = (stock.render([prompt], [seed])[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert float(np.abs(first - other).mean()) > 0.01
