"""Renders by a real worker process: the same seed, progress, and a cancel in the middle."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from jobs.errors import InterruptedRenderError, RenderCancelledError
from jobs.request import Segment
from providers.local.provider import LocalProvider
from tests.local.videos import Opener, distance, render, small, submitted

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.slow
async def test_the_same_seed_gives_the_same_bytes_in_two_processes(
    engine: LocalProvider, open_provider: Opener
) -> None:
    first = await render(engine, small(seed=7))
    async with open_provider() as other:
        second = await render(other, small(seed=7))
    assert first.content == second.content
    assert first.frames.shape == (8, 128, 128, 3)


async def test_the_same_seed_gives_the_same_bytes_after_other_renders(
    engine: LocalProvider,
) -> None:
    first = await render(engine, small(seed=11))
    await render(engine, small(seed=12, frames=24, clip_skip=3, closed_loop=True))
    assert (await render(engine, small(seed=11))).content == first.content


async def test_another_seed_gives_another_picture(engine: LocalProvider) -> None:
    first, second = [await render(engine, small(seed=seed)) for seed in (1, 2)]
    assert distance(first, second) > 5


async def test_progress_goes_through_the_stages_and_never_back(engine: LocalProvider) -> None:
    made = await render(engine, small(steps=6))
    stages = list(dict.fromkeys(progress.stage for progress in made.news))
    expected = [
        "starting the engine",
        "loading the model",
        "denoising",
        "decoding",
        "encoding",
    ]
    assert stages == expected
    steps = [progress for progress in made.news if progress.stage == "denoising"]
    assert [progress.done for progress in steps] == list(range(7))
    shares = [progress.fraction or 0 for progress in made.news]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert all(progress.total in (0, 6) for progress in made.news)
    assert any(progress.eta_s is not None for progress in steps)


async def test_the_receipt_says_what_was_really_used(engine: LocalProvider) -> None:
    made = await render(engine, small(seed=5, steps=3, guidance_scale=4, prompt="a red ball"))
    assert made.effective | {"prompt": "a red ball", "seed": 5, "steps": 3} == made.effective
    assert made.effective["scheduler"] == "DDIMScheduler"
    assert made.effective["unet_calls"] == 6
    assert (made.effective["device"], made.effective["dtype"]) == ("cpu", "float32")
    assert {"torch", "diffusers", "transformers", "av", "python"} <= set(made.versions)


async def test_a_finished_video_says_the_hash_of_its_model(engine: LocalProvider) -> None:
    made = await render(engine, small())
    assert made.effective["model_hash"] == engine.models()[0].hash
    assert len(engine.models()[0].hash) == 64


async def test_a_cancel_stops_within_a_step_and_the_next_video_is_made(
    engine: LocalProvider,
) -> None:
    job = await submitted(engine, small(steps=50, frames=16))
    seen: list[int] = []

    async def watch_and_cancel() -> None:
        async for progress in engine.watch(job):
            seen.append(progress.done)
            if progress.stage == "denoising" and progress.done == 1:
                await engine.cancel(job)

    with pytest.raises(RenderCancelledError):
        await watch_and_cancel()
    assert max(seen) <= 3
    assert (await render(engine, small())).frames.shape[0] == 8


async def test_who_stops_watching_ends_the_render(engine: LocalProvider) -> None:
    job = await submitted(engine, small(steps=50, frames=16))
    watching = engine.watch(job)
    await anext(watching)
    await watching.aclose()  # pyright: ignore[reportAttributeAccessIssue] - it is a generator
    with pytest.raises(InterruptedRenderError):
        _ = [progress async for progress in engine.watch(job)]
    assert (await render(engine, small(), patience_s=20)).frames.shape[0] == 8


async def test_a_render_of_another_process_cannot_be_watched(engine: LocalProvider) -> None:
    job = small().evolve(provider_job_id="j-0000-from-before-the-restart")
    with pytest.raises(InterruptedRenderError):
        _ = [progress async for progress in engine.watch(job)]
    with pytest.raises(InterruptedRenderError):
        async with engine.fetch(job):
            pass


async def test_a_fetched_video_leaves_nothing_on_the_disk(
    engine: LocalProvider, scratch: Path
) -> None:
    job = await submitted(engine, small())
    _ = [progress async for progress in engine.watch(job)]
    async with engine.fetch(job):
        names = [path.name for path in await asyncio.to_thread(files_in, scratch)]
        assert sorted(names) == [f"{job.provider_job_id}.{kind}" for kind in ("jpg", "mp4")]
    assert await asyncio.to_thread(files_in, scratch) == []


async def test_a_finished_video_that_is_asked_for_again_is_removed(
    engine: LocalProvider, scratch: Path
) -> None:
    job = await submitted(engine, small())
    _ = [progress async for progress in engine.watch(job)]
    forgotten = await asyncio.to_thread(files_in, scratch)
    again = await submitted(engine, job)
    left = await asyncio.to_thread(files_in, scratch)
    assert forgotten
    assert not {*forgotten} & {*left}
    _ = [progress async for progress in engine.watch(again)]
    async with engine.fetch(again):
        pass
    assert await asyncio.to_thread(files_in, scratch) == []


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.slow
async def test_a_prompt_travels_over_40_frames(engine: LocalProvider) -> None:
    parts = [("red", 12), ("green", 16), ("blue", 12)]
    segments = tuple(Segment(prompt=text * 8, frames=frames) for text, frames in parts)
    travelled = await render(engine, small(frames=40, segments=segments, steps=1))
    held = await render(engine, small(frames=40, prompt="red" * 8, steps=1))
    assert travelled.frames.shape[0] == 40
    assert travelled.effective["prompt"].count("|") == 2
    far = np.abs(travelled.frames.astype(int) - held.frames.astype(int)).mean(axis=(1, 2, 3))
    assert far[30] > far[0]
