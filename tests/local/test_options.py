"""Each option of a request really acts on the video, and only on its own."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jobs.errors import RenderFailedError, RequestError
from jobs.request import LoraUse, Scheduler, Segment, VideoFormat
from providers.local.capabilities import UNUSABLE_SCHEDULERS
from providers.local.provider import LocalProvider
from tests.local.videos import distance, render, small, submitted

pytestmark = pytest.mark.asyncio(loop_scope="session")

USABLE = [scheduler for scheduler in Scheduler if scheduler not in UNUSABLE_SCHEDULERS]


@pytest.mark.slow  # test_oracle.py follows each of them step by step, without a model
@pytest.mark.parametrize("scheduler", USABLE)
async def test_each_of_the_17_schedulers_that_begin_with_noise_renders(
    engine: LocalProvider, scheduler: Scheduler
) -> None:
    made = await render(engine, small(scheduler=scheduler, steps=4))
    assert made.effective["scheduler"] == scheduler
    assert made.effective["unet_calls"] == 2 * scheduler.calls(4)
    assert made.frames.std() > 5


@pytest.mark.parametrize("steps", [1, 2, 3])
async def test_a_step_count_at_the_edge_renders(engine: LocalProvider, steps: int) -> None:
    made = await render(engine, small(steps=steps, guidance_scale=1))
    assert made.effective["unet_calls"] == steps
    assert made.frames.std() > 5


async def test_the_prompt_and_the_negative_prompt_act(engine: LocalProvider) -> None:
    plain = await render(engine, small(prompt="a red ball", steps=4))
    other = await render(engine, small(prompt="a blue cube", steps=4))
    against = await render(engine, small(prompt="a red ball", negative_prompt="blur", steps=4))
    assert min(distance(plain, other), distance(plain, against)) > 0


async def test_guidance_of_1_halves_the_work(engine: LocalProvider) -> None:
    made = await render(engine, small(steps=4, guidance_scale=1, negative_prompt="blur"))
    assert made.effective["unet_calls"] == 4


async def test_every_clip_skip_gives_its_own_picture(engine: LocalProvider) -> None:
    made = [await render(engine, small(clip_skip=skip)) for skip in (1, 2, 6, 12)]
    assert len({video.content for video in made}) == 4


async def test_a_prompt_longer_than_clip_can_read_is_read_to_its_end(
    engine: LocalProvider,
) -> None:
    long = "a ball rolls on " * 64
    ends = [await render(engine, small(prompt=f"{long[:1010]} {end}")) for end in ("red", "blue")]
    assert ends[0].content != ends[1].content


async def test_any_characters_are_a_prompt(engine: LocalProvider) -> None:
    prompt = "naïve 🌋 漢字 <|endoftext|> (x:1.3) \\ \x7f"
    assert (await render(engine, small(prompt=prompt))).effective["prompt"].startswith("naïve 🌋")


async def test_enhance_prompt_adds_fixed_words_and_says_so(engine: LocalProvider) -> None:
    made = await render(engine, small(prompt="a red ball.", enhance_prompt=True))
    assert made.effective["prompt"].startswith("a red ball, ")
    assert "best quality" in made.effective["prompt"]


async def test_sizes_frames_and_rate_are_those_that_were_asked(engine: LocalProvider) -> None:
    made = await render(engine, small(width=136, height=184, frames=9, fps=3))
    assert made.frames.shape == (9, 184, 136, 3)
    assert made.effective["fps"] == 3


async def test_a_gif_is_a_gif(engine: LocalProvider) -> None:
    made = await render(engine, small(format=VideoFormat.GIF))
    assert made.content.startswith(b"GIF89a")
    assert made.frames.shape == (8, 128, 128, 3)


async def test_the_most_parts_fit_into_the_fewest_frames(engine: LocalProvider) -> None:
    segments = tuple(Segment(prompt=f"part {n}", frames=1) for n in range(16))
    assert len((await render(engine, small(frames=16, segments=segments))).frames) == 16


@pytest.mark.parametrize("frames", [12, pytest.param(20, marks=pytest.mark.slow)])
async def test_a_closed_loop_is_another_video_that_renders_again(
    engine: LocalProvider, frames: int
) -> None:
    loop = await render(engine, small(frames=frames, closed_loop=True))
    assert len(loop.frames) == frames
    assert distance(loop, await render(engine, small(frames=frames))) > 0
    assert (await render(engine, small(frames=frames, closed_loop=True))).content == loop.content
    assert loop.effective["closed_loop"] is True


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An init image: left half red, right half blue."""
    pixels = np.zeros((96, 128, 3), np.uint8)
    pixels[:, :64, 0] = pixels[:, 64:, 2] = 230
    Image.fromarray(pixels).save(tmp_path / "image.png")
    return tmp_path / "image.png"


@pytest.mark.parametrize(("strength", "calls"), [(0, 0), (0.05, 1), (0.5, 5), (0.99, 9), (None, 8)])
async def test_an_init_image_saves_the_steps_that_it_replaces(
    engine: LocalProvider, image: Path, strength: float | None, calls: int
) -> None:
    job = small(steps=10, guidance_scale=1, image="0" * 64, strength=strength)
    made = await render(engine, job, image)
    assert made.effective["unet_calls"] == calls
    assert made.effective["strength"] == (0.8 if strength is None else strength)


async def test_an_init_image_acts_unless_its_strength_is_1(
    engine: LocalProvider, image: Path
) -> None:
    without = await render(engine, small(steps=4))
    weak = await render(engine, small(steps=4, image="0" * 64, strength=0.5), image)
    ignored = await render(engine, small(steps=4, image="0" * 64, strength=1), image)
    assert distance(without, weak) > 0
    assert ignored.content == without.content


@pytest.mark.slow  # as above
@pytest.mark.parametrize("scheduler", Scheduler)
async def test_an_init_image_goes_with_every_scheduler(
    engine: LocalProvider, image: Path, scheduler: Scheduler
) -> None:
    job = small(steps=4, image="0" * 64, strength=0.5, scheduler=scheduler, guidance_scale=1)
    assert (await render(engine, job, image)).frames.std() > 5


async def test_a_strength_of_0_is_a_still_of_the_image(engine: LocalProvider, image: Path) -> None:
    still = await render(engine, small(image="0" * 64, strength=0), image)
    assert np.abs(np.diff(still.frames.astype(int), axis=0)).max() < 8  # the encoder's own noise
    left, right = still.frames[0, :, :60].mean((0, 1)), still.frames[0, :, 68:].mean((0, 1))
    assert left[0] > left[2] + 100
    assert right[2] > right[0] + 100


async def test_an_image_that_went_away_fails_the_job_in_a_sentence(
    engine: LocalProvider, tmp_path: Path
) -> None:
    job = await submitted(engine, small(image="0" * 64), tmp_path / "gone.png")
    with pytest.raises(RenderFailedError, match="init image"):
        _ = [progress async for progress in engine.watch(job)]


async def test_a_lora_acts_by_its_strength_and_leaves_no_trace(engine: LocalProvider) -> None:
    before = await render(engine, small())
    full, half, none = [
        await render(engine, small(loras=(LoraUse(id="glow", strength=strength),)))
        for strength in (1, 0.5, 0)
    ]
    assert 0 < distance(before, half) != distance(before, full) > 0
    assert none.content == before.content
    assert (await render(engine, small())).content == before.content
    assert full.effective["loras"] == {"glow": 1.0}


async def test_a_lora_for_another_model_is_refused_before_the_job_is_queued(
    engine: LocalProvider,
) -> None:
    uses = (LoraUse(id="glow"), LoraUse(id="for-another-model"))
    with pytest.raises(RequestError, match="for-another-model does not fit this model"):
        engine.check(small(loras=uses).request)


async def test_an_embedding_acts_where_it_is_named_and_leaves_no_trace(
    engine: LocalProvider,
) -> None:
    prompt = "a swirl of leaves"
    before = await render(engine, small(prompt=prompt))
    named = await render(engine, small(prompt=prompt, embeddings=("swirl",)))
    assert distance(before, named) > 0
    assert named.effective["prompt"] == prompt
    added = await render(engine, small(prompt="leaves", embeddings=("swirl",)))
    assert added.effective["prompt"] == "leaves, swirl"
    assert (await render(engine, small(prompt=prompt))).content == before.content


async def test_a_model_that_only_looks_whole_fails_its_job_and_no_other(
    engine: LocalProvider,
) -> None:
    job = await submitted(engine, small(model="crooked"))
    with pytest.raises(RenderFailedError, match="model crooked cannot be loaded"):
        _ = [progress async for progress in engine.watch(job)]
    assert len((await render(engine, small())).frames) == 8
