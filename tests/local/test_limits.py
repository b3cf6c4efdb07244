"""Real workers at the limits of their machine: little memory, a full disk, and a sudden end."""

import asyncio
import sys
from pathlib import Path

import pytest

from jobs.errors import InterruptedRenderError, RenderFailedError
from jobs.request import Quality, VideoFormat
from providers.local.provider import LocalProvider
from providers.local.wire import Stage
from tests.local.videos import Opener, impostor, render, small, submitted

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

HERE = Path(__file__).parent
REAL = f'exec "{sys.executable}" "$@"'


async def failed(engine: LocalProvider, **overrides: object) -> str:
    """Return the sentence that a job fails with."""
    job = await submitted(engine, small(**overrides))
    with pytest.raises(RenderFailedError) as caught:
        _ = [progress async for progress in engine.watch(job)]
    return caught.value.user_message


async def test_a_video_too_large_for_the_memory_fails_and_the_worker_goes_on(
    open_provider: Opener, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    python = impostor(tmp_path, f'exec "{sys.executable}" "{HERE / "cramped.py"}" "$@"')
    async with open_provider(python=python, scratch_dir=scratch) as engine:
        before = await render(engine, small())
        (worker,) = engine.worker_pids
        message = await failed(engine, width=1024, height=1024, frames=128, steps=1)
        assert "too little memory for the video; ask for fewer frames" in message
        assert await asyncio.to_thread(files_in, scratch) == []
        assert (await render(engine, small())).content == before.content
        assert engine.worker_pids == [worker]


@pytest.mark.parametrize("kind", list(VideoFormat))
async def test_a_full_disk_fails_the_job_and_the_worker_goes_on(
    open_provider: Opener, tmp_path: Path, kind: VideoFormat
) -> None:
    scratch = tmp_path / "scratch"
    python = impostor(tmp_path, "ulimit -f 24", REAL)  # 512 bytes each
    async with open_provider(python=python, scratch_dir=scratch) as engine:
        message = await failed(engine, format=kind, frames=32, quality=Quality.BEST, steps=1)
        assert message == "Flipbook's disk is full, so the video could not be written."
        assert await asyncio.to_thread(files_in, scratch) == []
        (worker,) = engine.worker_pids
        small_one = await render(engine, small(quality=Quality.DRAFT, steps=8))
        assert len(small_one.frames) == 8
        assert engine.worker_pids == [worker]


@pytest.mark.parametrize("stage", [Stage.LOADING, Stage.DENOISING, Stage.DECODING, Stage.ENCODING])
async def test_a_worker_killed_at_any_stage_leaves_nothing_in_the_scratch_folder(
    open_provider: Opener, tmp_path: Path, stage: Stage
) -> None:
    scratch = tmp_path / "scratch"
    python = impostor(tmp_path, f'exec "{sys.executable}" "{HERE / "doomed.py"}" "{stage}" "$@"')
    async with open_provider(python=python, scratch_dir=scratch) as engine:
        job = await submitted(engine, small())
        with pytest.raises(InterruptedRenderError):
            _ = [progress async for progress in engine.watch(job)]
        assert await asyncio.to_thread(files_in, scratch) == []


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())
