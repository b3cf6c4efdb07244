"""Renders with everything compiled, and counts what the compiler did.

In a process of its own, since torch keeps hollow tensors of what it compiled, and other tests count
tensors. The backend is the one that needs no C++ compiler.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch._dynamo.utils import counters

from providers.local.engine.speed import PLAIN, Shape, Speed
from providers.local.engine.studio import Studio, prompts_of
from providers.local.engine.ticket import Ticket
from providers.local.wire import RenderFiles, RenderOrder
from tests.factories import make_request
from tests.local.videos import SHAPES

FRAMES = 20  # more than one window
TOLERANCE = 1e-3  # of the largest latent
KINDS = (replace(PLAIN, is_fused=True), replace(PLAIN, is_fp8=True, is_depth_reused=True))
COMPILED = dict[str, Any](
    compiler="aot_eager",
    is_unet_compiled=True,
    is_vae_compiled=True,
    is_text_compiled=True,
    shapes=(Shape(width=64, height=64, frames=FRAMES),),
)
OTHERS = ({"frames": FRAMES + 3}, {"guidance_scale": 1.0}, {"closed_loop": True})


def studio(speed: Speed, scratch: str) -> Any:
    """Return what renders; its inner steps are called one by one."""
    return Studio(scratch=Path(scratch), device="cpu", speed=speed)


def latents(made_by: Any, **overrides: Any) -> torch.Tensor:
    """Return what a small order comes to."""
    small = {"width": 64, "height": 64, "frames": FRAMES, "steps": 2, "model": "shapes"}
    request = make_request(**{**small, **overrides})
    order = RenderOrder(id="r", request=request, files=RenderFiles(model=SHAPES))
    ticket = Ticket(render_id="r", is_cancelled=lambda: False, send=lambda _: None)
    return made_by._denoised(order, prompts_of(request), ticket).latents


def graphs() -> int:
    """Return how often something was compiled."""
    return counters["stats"]["unique_graphs"]


def main() -> None:
    """Compare, and count."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        for kind in KINDS:
            compare(kind, scratch)


def compare(kind: Speed, scratch: str) -> None:
    """Compare what is compiled with what is not; other shapes compile nothing."""
    before = graphs()
    expected, fast = latents(studio(kind, scratch)), studio(replace(kind, **COMPILED), scratch)
    assert graphs() == before
    made = latents(fast)
    assert (made - expected).abs().max() < TOLERANCE * expected.abs().max()
    compiled = graphs()
    assert compiled > before
    assert torch.equal(latents(fast), made)
    for other in OTHERS:
        latents(fast, **other)
    assert graphs() == compiled


if __name__ == "__main__":
    main()
