"""The levers that change frames: by how little, always in the same way, and told in the receipt.

torch is loaded by the fixtures only: collecting these tests must stay cheap.
"""

from collections.abc import Callable
from itertools import product
from math import log10
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from providers.local import levers
from providers.local.wire import RenderFiles, RenderOrder
from tests.factories import make_request
from tests.local.videos import SHAPES

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own warnings

Make = Callable[..., Any]
# On the clip below, in dB; what was measured is in docs/performance.md.
LEAST_DB = {"fp8": 30.0, "deep_reuse": 20.0, "guidance_reuse": 30.0, "wide_stride": 20.0}
NAMES = list(LEAST_DB)


@pytest.fixture(scope="module")
def parts() -> Any:
    """The worker's modules, and torch."""
    import torch  # noqa: PLC0415

    from providers.local.engine import fp8, reuse, speed  # noqa: PLC0415
    from providers.local.engine.pipeline import PipelineShelf  # noqa: PLC0415
    from tests.local import making  # noqa: PLC0415

    torch.set_num_threads(1)
    return SimpleNamespace(
        torch=torch, fp8=fp8, reuse=reuse, speed=speed, shelf=PipelineShelf, making=making
    )


@pytest.fixture(scope="module")
def made(parts: Any, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a function that makes a clip with levers on a fresh engine."""
    scratch = tmp_path_factory.mktemp("lossy")

    def make(order: RenderOrder, *names: str) -> Any:
        return parts.making.make(parts.speed.speed_of(names), order, scratch=scratch)

    return make


def asked(**overrides: Any) -> RenderOrder:
    files = overrides.pop("files", RenderFiles(model=SHAPES))
    small = {"width": 64, "height": 64, "frames": 20, "steps": 4, "model": "shapes"}
    return RenderOrder(id="r", request=make_request(**{**small, **overrides}), files=files)


def psnr(one: Any, other: Any) -> float:
    error = float(np.mean((one.frames.astype(float) - other.frames.astype(float)) ** 2))
    return 10 * log10(255**2 / error)


@pytest.fixture(scope="module")
def shown() -> RenderOrder:
    """A clip that shows something: the embedded model's own size and steps, in two windows."""
    return asked(
        width=128,
        height=128,
        frames=24,
        steps=12,
        guidance_scale=4.0,
        prompt="a red circle moving left on a blue background",
    )


@pytest.fixture(scope="module")
def plain(made: Make, shown: RenderOrder) -> Any:
    return made(shown)


def test_the_names_that_the_bot_knows_are_those_of_the_engine(parts: Any) -> None:
    assert sorted(parts.speed.LEVERS) == sorted(levers.NAMES)
    assert set(NAMES) == set(levers.LOSSY)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", NAMES)
def test_a_lossy_lever_changes_the_frames_by_little(
    made: Make, shown: RenderOrder, plain: Any, name: str
) -> None:
    found = psnr(made(shown, name), plain)
    assert LEAST_DB[name] <= found < 100


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_receipt_names_its_levers_and_gives_the_same_frames_again(
    parts: Any, made: Make, name: str
) -> None:
    first = made(asked(), name)
    assert first.facts["levers"] == [name]
    parts.making.make_with(first.studio, asked(steps=3, seed=8))
    again = parts.making.make_with(first.studio, asked())
    assert parts.torch.equal(again.latents, first.latents)
    assert parts.torch.equal(made(asked(), name).latents, first.latents)


def test_a_plain_receipt_names_no_levers(made: Make) -> None:
    assert "levers" not in made(asked(steps=1)).facts


def test_in_slices_only_the_levers_that_act_there_are_named(parts: Any, made: Make) -> None:
    studio = made(asked(steps=1), "deep_reuse", "channels_last", "wide_stride").studio
    thrifty = parts.making.make_with(studio, asked(steps=1), is_thrifty=True)
    assert thrifty.facts["levers"] == ["channels_last", "wide_stride"]
    assert thrifty.facts["in_slices"] is True


@pytest.mark.parametrize("side", [8, 9])
def test_a_whole_call_says_what_the_unet_says_to_the_last_bit(
    parts: Any, tmp_path: Path, side: int
) -> None:
    from tests.local import tiny  # noqa: PLC0415

    torch = parts.torch
    folder = tiny.write_folder(tmp_path / "model", seed=1)
    motion = tiny.write_motion_folder(tmp_path / "motion", seed=2)
    for files in (RenderFiles(model=SHAPES), RenderFiles(model=folder, motion=motion)):
        unet = parts.shelf(device="cpu").get(files).unet
        torch.manual_seed(3)
        latents, moment = torch.randn(2, 4, 3, side, side), torch.tensor(500)
        states = torch.randn(6, 7, unet.config.cross_attention_dim)
        with torch.inference_mode():
            expected = unet(latents, moment, encoder_hidden_states=states).sample
            said, deep = parts.reuse.whole(unet, latents, moment, encoder_hidden_states=states)
            again = parts.reuse.outer(unet, latents, moment, deep, encoder_hidden_states=states)
        assert torch.equal(said, expected)
        assert torch.equal(again, expected)


def test_deep_features_of_another_number_of_rows_are_not_reused(parts: Any, made: Make) -> None:
    both = made(asked(), "deep_reuse", "guidance_reuse")
    assert parts.making.apart(both, made(asked(), "deep_reuse")) > 0
    assert both.facts["unet_calls"] == 7


def test_guidance_is_asked_for_at_every_second_call_of_the_second_half(parts: Any) -> None:
    guidance = parts.reuse.Guidance(is_reused=True)
    guidance.keep(parts.torch.zeros(1))
    due = [guidance.is_due(call, 8) for call in range(8)]
    assert due == [True, True, True, True, True, False, True, False]


def test_without_guidance_there_is_nothing_to_reuse(parts: Any, made: Make) -> None:
    order = asked(guidance_scale=1.0)
    assert parts.torch.equal(made(order, "guidance_reuse").latents, made(order).latents)


def test_a_wide_stride_has_half_the_windows_and_leaves_no_frame_out() -> None:
    from providers.local.engine.windows import windows_of  # noqa: PLC0415

    for count, is_loop in product(range(17, 129), (False, True)):
        few = windows_of(count, is_loop=is_loop, stride=8)
        assert set(few.frames.flatten().tolist()) == set(range(count))
        assert 2 * len(few.frames) <= len(windows_of(count, is_loop=is_loop).frames) + 2


@pytest.mark.timeout(240)  # it writes and reads two models, on a core that others may use
def test_models_and_loras_reach_weights_in_8_bits_and_leave_them_as_they_were(
    parts: Any, made: Make, tmp_path: Path
) -> None:
    first, second = (asked(**needs) for needs in parts.making.two_models(tmp_path))
    before = made(first, "fp8")
    layers = [part for part in before.pipe.unet.modules() if isinstance(part, parts.fp8.Fp8Linear)]
    places = [layer.rounded.data_ptr() for layer in layers]
    between = parts.making.make_with(before.studio, second)
    after = parts.making.make_with(before.studio, first)
    assert len(layers) > 10
    assert [layer.rounded.data_ptr() for layer in layers] == places
    assert parts.torch.equal(after.latents, before.latents)
    assert parts.torch.equal(between.latents, made(second, "fp8").latents)
    assert parts.making.apart(between, before) > 1e-3


def test_a_layer_in_8_bits_keeps_its_names_and_is_right_to_some_percent(parts: Any) -> None:
    torch = parts.torch
    torch.manual_seed(0)
    plain = torch.nn.Linear(64, 48)
    fast, rows = parts.fp8.Fp8Linear(plain), torch.randn(2, 5, 64) * 3
    with torch.no_grad():
        expected, made = plain(rows), fast(rows)
    assert list(fast.state_dict()) == list(plain.state_dict())
    assert made.shape == expected.shape
    assert 0 < (made - expected).norm() / expected.norm() < 0.06


def test_a_cpu_does_the_arithmetic_of_the_kernel(parts: Any) -> None:
    torch, fp8 = parts.torch, parts.fp8
    torch.manual_seed(0)
    rows, weight = torch.randn(20, 64), torch.randn(48, 64)
    given = (*fp8.in_8_bits(rows), *fp8.in_8_bits(weight))
    kernel, ours = fp8.with_kernel(*given).float(), fp8.in_float32(*given).float()
    assert torch.allclose(kernel, ours, rtol=2**-7, atol=1e-6)
    assert not torch.allclose(ours, rows @ weight.t(), rtol=2**-7, atol=1e-6)


def test_rows_of_zeros_stay_zeros_in_8_bits(parts: Any) -> None:
    fast = parts.fp8.Fp8Linear(parts.torch.nn.Linear(32, 32, bias=False))
    assert not fast(parts.torch.zeros(1, 2, 32)).any()
