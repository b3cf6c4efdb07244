"""What is put into a prompt is said beforehand, acts, and is told with the video."""

import json
import shutil
from pathlib import Path

import pytest

from jobs.prompts import parse_prompt
from providers.local.provider import LocalProvider
from providers.local.wording import enhanced
from tests.local.videos import SHAPES, Opener, distance, render, small

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def toon_engine(open_provider: Opener, tmp_path: Path) -> LocalProvider:
    """An engine with the embedded model and a copy of it that has a trigger word."""
    shutil.copytree(SHAPES, tmp_path / "toon")
    card = tmp_path / "toon" / "flipbook.json"
    content = json.loads(card.read_text())
    card.write_text(json.dumps({**content, "trigger_words": ["blue background"]}))
    return open_provider(models_dir=tmp_path)


@pytest.mark.slow
async def test_trigger_words_and_style_are_said_act_and_are_told(
    toon_engine: LocalProvider,
) -> None:
    async with toon_engine as engine:
        asked = small(model="toon", prompt="a (red circle", enhance_prompt=True, seed=4)
        (trigger, *_) = engine.check(asked.request)
        assert trigger == "The model's trigger word “blue background” is put in front of `prompt`."
        made = await render(engine, asked)
        expected = enhanced("blue background, a (red circle", seed=4)
        assert made.effective["prompt"] == expected
        by_hand = small(prompt=expected, seed=4)
        assert (await render(engine, by_hand)).content == made.content
        bare = await render(engine, small(prompt="a (red circle", seed=4))
        assert distance(bare, made) > 0
    assert parse_prompt(expected)[0].prompt == expected


async def test_weights_of_a_prompt_and_of_a_negative_prompt_act(engine: LocalProvider) -> None:
    plain = await render(engine, small(prompt="a red circle", negative_prompt="blue"))
    heavy = await render(engine, small(prompt="a (red:1.5) circle", negative_prompt="blue"))
    against = await render(engine, small(prompt="a red circle", negative_prompt="(blue:1.5)"))
    even = await render(engine, small(prompt="a (red:1) circle", negative_prompt="blue"))
    assert min(distance(plain, heavy), distance(plain, against)) > 0
    assert even.content == plain.content
