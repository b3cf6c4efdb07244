"""Every lever makes the frames of the plain path, and whatever is swapped in reaches it.

torch is loaded by the fixtures only: collecting these tests must stay cheap.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from jobs.request import Scheduler
from providers.local.wire import RenderFiles, RenderOrder
from tests.factories import make_request
from tests.local.videos import SHAPES

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own warnings

FRAMES = 20  # more than one window
TOLERANCE = 1e-3  # of the largest latent: rounding, added up over two steps
ROOT = Path(__file__).parents[2]
Make = Callable[..., Any]


@pytest.fixture(scope="module")
def parts() -> Any:
    """The worker's modules, and torch."""
    import torch  # noqa: PLC0415

    from providers.local.engine import speed  # noqa: PLC0415
    from providers.local.engine.windows import windows_at_once  # noqa: PLC0415
    from tests.local import making  # noqa: PLC0415

    return SimpleNamespace(torch=torch, speed=speed, making=making, windows_at_once=windows_at_once)


def asked(**overrides: Any) -> RenderOrder:
    files = overrides.pop("files", RenderFiles(model=SHAPES))
    small = {"width": 64, "height": 64, "frames": FRAMES, "steps": 2, "model": "shapes"}
    return RenderOrder(id="r", request=make_request(**{**small, **overrides}), files=files)


@pytest.fixture(scope="module")
def made(parts: Any, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a function that denoises and decodes: latents, frames, and what was used."""
    scratch = tmp_path_factory.mktemp("speed")

    def make(speed: Any, order: RenderOrder | None = None, studio: Any = None) -> Any:
        if studio is not None:
            return parts.making.make_with(studio, order or asked())
        return parts.making.make(speed, order or asked(), scratch=scratch)

    return make


@pytest.fixture(scope="module")
def plain(parts: Any, made: Make) -> Any:
    return made(parts.speed.PLAIN)


@pytest.mark.parametrize(
    "name", ["channels_last", "fused", "split_guidance", "two_windows", "efficient", "flash"]
)
def test_a_lever_makes_the_frames_of_the_plain_path(
    parts: Any, made: Make, plain: Any, name: str
) -> None:
    fast = made(parts.speed.speed_of([name]))
    assert parts.making.apart(fast, plain) < TOLERANCE
    assert np.abs(fast.frames.astype(int) - plain.frames).max() <= 1


def test_levers_go_together(parts: Any, made: Make, plain: Any) -> None:
    names = ("channels_last", "fused", "two_windows", "split_guidance")
    assert parts.making.apart(made(parts.speed.speed_of(names)), plain) < TOLERANCE


def test_no_lever_is_the_plain_path_to_the_last_bit(parts: Any, made: Make, plain: Any) -> None:
    assert plain.pipe.call_unet is None
    assert parts.torch.equal(made(parts.speed.speed_of([])).latents, plain.latents)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_what_is_compiled_makes_the_same_frames_and_other_shapes_wait_for_no_compiler() -> None:
    words = [sys.executable, "-m", "tests.local.compiling"]
    subprocess.run(words, check=True, cwd=ROOT)  # noqa: S603 - our own words


@pytest.mark.timeout(240)  # it writes and reads two models, on a core that others may use
def test_a_lora_and_another_model_reach_weights_that_are_fused(
    parts: Any, made: Make, tmp_path: Path
) -> None:
    first, second = (asked(**needs) for needs in parts.making.two_models(tmp_path))
    fused = made(parts.speed.speed_of(["fused"]), first)
    swapped = made(None, second, studio=fused.studio)
    expected = made(parts.speed.PLAIN, second)
    assert parts.making.apart(swapped, expected) < TOLERANCE
    assert parts.making.apart(expected, made(parts.speed.PLAIN, first)) > TOLERANCE


def test_slices_leave_the_bound_of_windows_as_it_was(parts: Any, made: Make) -> None:
    from providers.local.engine.thrift import in_slices  # noqa: PLC0415

    pipe = made(parts.speed.speed_of(["two_windows"]), asked(steps=1)).pipe
    with in_slices(pipe.unet):
        assert parts.windows_at_once(pipe.unet) == 4
    assert parts.windows_at_once(pipe.unet) == 2


@pytest.mark.parametrize("scheduler", [Scheduler.UNI_PC_MULTISTEP, Scheduler.DDIM])
def test_a_scheduler_keeps_its_timesteps_in_host_memory(parts: Any, scheduler: Scheduler) -> None:
    from providers.local.engine import schedulers  # noqa: PLC0415

    built = schedulers.build(scheduler, {})
    schedulers.lay_out(built, steps=4, device=parts.torch.device("meta"))
    assert built.timesteps.device.type == "cpu"
