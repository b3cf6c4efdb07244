"""Workers that die, hang or have nothing to do, and a bot that is killed."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.settings import child_environment
from jobs.errors import (
    InterruptedRenderError,
    ProviderError,
    RenderCancelledError,
    RenderFailedError,
    UnavailableError,
)
from jobs.model import Job
from providers.local.process import WorkerProcess
from providers.local.provider import LocalProvider
from providers.local.pulse import Patience
from tests.fakes.clock import FakeClock
from tests.local.videos import (
    ENVIRONMENT,
    SHAPES,
    Opener,
    gone,
    impostor,
    render,
    small,
    submitted,
    write_terabytes,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

READY = '{"event":"ready","device":"cpu","versions":{}}'
PROGRESS = '{"event":"progress","id":"ID","stage":"denoising"}'
FAILED = '{"event":"failed","id":"ID","code":"broken","message":"It broke."}'
READ_ORDER = (
    f"echo '{READY}'",
    "read order",
    """id=$(echo "$order" | sed 's/.*"id":"\\([^"]*\\)","request".*/\\1/')""",
)
PARENT = """
import asyncio, sys
from pathlib import Path
from bot.clock import SystemClock
from bot.settings import child_environment
from providers.local.provider import LocalProvider
from tests.local.videos import small, submitted

async def main():
    models, scratch = map(Path, sys.argv[1:])
    async with LocalProvider(
        models_dir=models, scratch_dir=scratch, devices=("cpu",), clock=SystemClock(),
        env=child_environment(),
    ) as provider:
        job = await submitted(provider, small(steps=50, frames=128))
        async for progress in provider.watch(job):
            if progress.stage == "denoising":
                print(*provider.worker_pids, flush=True)

asyncio.run(main())
"""


async def watched(provider: LocalProvider, job: Job, *, then: Callable[[], None]) -> None:
    """Watch a render and do something once it is in the middle of its steps."""
    async for progress in provider.watch(job):
        if progress.stage == "denoising":
            then()


def say(event: str) -> str:
    """Return the shell's command that writes an event about the order that was read."""
    return f"echo '{event}' | sed \"s/ID/$id/\""


@pytest.mark.slow
async def test_a_killed_worker_interrupts_its_render_and_a_new_one_takes_over(
    engine: LocalProvider,
) -> None:
    reference = await render(engine, small(seed=3))
    before = engine.worker_pids[0]
    job = await submitted(engine, small(steps=50, frames=32))
    with pytest.raises(InterruptedRenderError):
        await watched(engine, job, then=lambda: os.kill(before, signal.SIGKILL))
    job = await submitted(engine, small(steps=50))
    await engine.cancel(job)  # before the new process has said a word
    with pytest.raises(RenderCancelledError):
        await watched(engine, job, then=lambda: None)
    assert (await render(engine, small(seed=3))).content == reference.content
    assert engine.worker_pids != [before]


@pytest.mark.slow
async def test_a_bot_that_is_killed_leaves_no_worker_behind(models: Path, tmp_path: Path) -> None:
    parent = subprocess.Popen(  # noqa: S603, ASYNC220 - our own code, and read line by line
        [sys.executable, "-c", PARENT, str(models), str(tmp_path / "scratch")],
        env=child_environment(ENVIRONMENT | {"PYTHONPATH": "."}),
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        handle = os.pidfd_open(worker)
        parent.kill()
    await gone(handle)


async def test_a_worker_that_never_gets_ready_is_killed(
    open_provider: Opener, tmp_path: Path
) -> None:
    clock = FakeClock()
    python = impostor(tmp_path, "exec sleep 1000")
    async with open_provider(clock=clock, python=python) as provider:
        job = await submitted(provider, small())
        handle = os.pidfd_open(provider.worker_pids[0])
        await clock.until_asleep(5)
        clock.advance(200)
        with pytest.raises(InterruptedRenderError):
            await watched(provider, job, then=lambda: None)
        await gone(handle)


async def test_a_worker_that_hangs_in_a_render_is_killed(
    open_provider: Opener, tmp_path: Path
) -> None:
    clock = FakeClock()
    python = impostor(tmp_path, *READ_ORDER, say(PROGRESS), "exec sleep 1000")
    patience = Patience(start_s=1e9, render_s=60)
    async with open_provider(clock=clock, python=python, patience=patience) as provider:
        job = await submitted(provider, small())
        await clock.until_asleep(5)
        with pytest.raises(InterruptedRenderError):
            await watched(provider, job, then=lambda: clock.advance(61))


async def test_an_idle_worker_is_ended_and_frees_its_memory(
    open_provider: Opener, tmp_path: Path
) -> None:
    clock = FakeClock()
    python = impostor(tmp_path, *READ_ORDER, say(FAILED), "cat >/dev/null")
    async with open_provider(clock=clock, python=python, idle_unload_s=600) as provider:
        job = await submitted(provider, small())
        with pytest.raises(RenderFailedError):
            await watched(provider, job, then=lambda: None)
        await clock.until_asleep(5)
        clock.advance(601)
        await gone(os.pidfd_open(provider.worker_pids[0]))


async def test_a_worker_that_was_short_of_memory_takes_the_next_job(
    open_provider: Opener, tmp_path: Path
) -> None:
    failed = say(FAILED.replace("broken", "out_of_memory"))
    python = impostor(tmp_path, *READ_ORDER, failed, *READ_ORDER[1:], failed, "cat >/dev/null")
    async with open_provider(python=python) as provider:
        for _ in range(2):
            job = await submitted(provider, small())
            with pytest.raises(RenderFailedError):
                await watched(provider, job, then=lambda: None)
        assert len(provider.worker_pids) == 1


async def test_a_worker_that_does_not_end_is_killed_and_replaced(
    open_provider: Opener, tmp_path: Path
) -> None:
    clock, note = FakeClock(), f"echo $$ >> {tmp_path}/pids"
    python = impostor(tmp_path, note, *READ_ORDER, say(FAILED), "exec sleep 1000")
    async with open_provider(clock=clock, python=python, idle_unload_s=600) as provider:
        for _ in range(2):
            job = await submitted(provider, small())
            with pytest.raises(RenderFailedError):
                await watched(provider, job, then=lambda: None)
            handle = os.pidfd_open(provider.worker_pids[0])
            for seconds in (601, 5):  # its stdin is closed, and at the next look it is killed
                await clock.until_asleep(5)
                clock.advance(seconds)
            await gone(handle)
    assert len(set((tmp_path / "pids").read_text().split())) == 2


async def hang(provider: LocalProvider, clock: FakeClock, job: Job) -> Exception:
    """Submit a job to a worker that hangs in its steps, and return what becomes of it."""
    job = await submitted(provider, job)
    await clock.until_asleep(5)
    with pytest.raises(ProviderError) as caught:
        await watched(provider, job, then=lambda: clock.advance(61))
    return caught.value


async def test_a_second_hang_fails_the_job_and_not_another_one(
    open_provider: Opener, tmp_path: Path
) -> None:
    clock = FakeClock()
    python = impostor(tmp_path, *READ_ORDER, say(PROGRESS), "exec sleep 1000")
    patience = Patience(start_s=1e9, render_s=60)
    async with open_provider(clock=clock, python=python, patience=patience) as provider:
        one, other = small(), small()
        assert isinstance(await hang(provider, clock, one), InterruptedRenderError)
        assert isinstance(await hang(provider, clock, other), InterruptedRenderError)
        error = await hang(provider, clock, one)
        assert isinstance(error, RenderFailedError)
        assert str(error) == "The local engine hung twice on this video, so it was given up."
        assert isinstance(await hang(provider, clock, one), InterruptedRenderError)


async def test_a_hung_worker_that_cannot_be_ended_holds_up_no_job(
    open_provider: Opener, tmp_path: Path
) -> None:
    clock = FakeClock()
    # A process of another session keeps stdout open, as a driver keeps a process that is killed.
    os.mkfifo(tmp_path / "ready")
    keep = f"echo $$ > {tmp_path}/keeper; echo > {tmp_path}/ready; exec sleep 1000"
    kept = (f"setsid sh -c '{keep}' &", f"read -r _ < {tmp_path}/ready")
    python = impostor(tmp_path, *READ_ORDER, *kept, say(PROGRESS), "exec sleep 1000")
    patience = Patience(start_s=1e9, render_s=60, kill_s=0)
    async with open_provider(clock=clock, python=python, patience=patience) as provider:
        assert isinstance(await hang(provider, clock, small()), InterruptedRenderError)
        with pytest.raises(UnavailableError):
            await submitted(provider, small())
        workers = provider._workers  # pyright: ignore[reportPrivateUsage] - nobody else waits
        (life,) = workers._lives.values()  # pyright: ignore[reportPrivateUsage]
        os.kill(int((tmp_path / "keeper").read_text()), signal.SIGKILL)
        await life


async def test_a_second_render_at_once_is_told_to_come_back(
    open_provider: Opener, tmp_path: Path
) -> None:
    python = impostor(tmp_path, f"echo '{READY}'", "cat >/dev/null")
    async with open_provider(python=python) as provider:
        await submitted(provider, small())
        with pytest.raises(UnavailableError) as caught:
            await submitted(provider, small())
    assert caught.value.retry_after_s


async def test_an_engine_that_cannot_be_started_says_that_nothing_was_sent(
    open_provider: Opener, tmp_path: Path
) -> None:
    async with open_provider(python=str(tmp_path / "no-such-python")) as provider:
        with pytest.raises(UnavailableError):
            await submitted(provider, small())


DONE = '{"event":"done","id":"ID","path":"PLACE","effective":{},"versions":{},"timings_s":{}}'
CANCELLED = '{"event":"cancelled","id":"ID"}'


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (say(FAILED), RenderFailedError),
        (say(CANCELLED), RenderCancelledError),
        ("exit 1", InterruptedRenderError),
    ],
    ids=["failed", "cancelled", "lost"],
)
async def test_a_render_that_ends_without_a_video_is_not_kept(
    open_provider: Opener, tmp_path: Path, end: str, error: type[Exception]
) -> None:
    python = impostor(tmp_path, *READ_ORDER, end, "cat >/dev/null")
    async with open_provider(python=python) as provider:
        job = await submitted(provider, small())
        with pytest.raises(error):
            await watched(provider, job, then=lambda: None)
        with pytest.raises(InterruptedRenderError, match="restarted"):
            await watched(provider, job, then=lambda: None)


async def test_an_order_that_cannot_be_given_is_not_kept(
    open_provider: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise UnavailableError("It is restarting.")

    monkeypatch.setattr(WorkerProcess, "give", refuse)
    python = impostor(tmp_path, "cat >/dev/null")
    async with open_provider(python=python) as provider:
        with pytest.raises(UnavailableError):
            await submitted(provider, small())
        kept = provider._renders  # pyright: ignore[reportPrivateUsage] - a leak shows nowhere else
        assert kept == {}


async def test_a_video_that_is_done_in_spite_of_its_cancel_is_removed(
    open_provider: Opener, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    files = f"{scratch}/$id.mp4 {scratch}/$id.jpg"
    steps = ("read cancel", f"touch {files} {tmp_path}/made", say(DONE))
    python = impostor(tmp_path, *READ_ORDER, *steps)
    async with open_provider(python=python, scratch_dir=scratch) as provider:
        job = await submitted(provider, small())
        handle = os.pidfd_open(provider.worker_pids[0])
        watching = provider.watch(job)
        await anext(watching)
        await watching.aclose()  # pyright: ignore[reportAttributeAccessIssue] - it is a generator
        await gone(handle)
    assert (tmp_path / "made").exists()
    assert await asyncio.to_thread(files_in, scratch) == []


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_submit_does_not_wait_until_the_model_is_hashed(
    open_provider: Opener, tmp_path: Path
) -> None:
    await asyncio.to_thread(shutil.copytree, SHAPES, tmp_path / "models" / "shapes")
    write_terabytes(tmp_path / "models/shapes/unet/diffusion_pytorch_model.safetensors")
    python = impostor(tmp_path, f"echo '{READY}'", "cat >/dev/null")
    async with (
        asyncio.timeout(20),
        open_provider(embedded_dir=tmp_path / "models", python=python) as provider,
    ):
        await submitted(provider, small())
        assert provider.models()[0].hash == ""
