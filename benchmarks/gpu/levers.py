"""Tries the engine's levers one at a time, each against the plain path in the same process.

The predictions were written before anything was measured (docs/performance.md says what from), so
that a miss tells something. The error is that of the latents and of the frames; with random
weights the frames are flat, so the embedded model's frames, which show something, are compared too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import median
from types import MappingProxyType

import torch

from benchmarks.gpu.embedded import order_for, shapes_of
from benchmarks.gpu.engines import Ours, Place
from benchmarks.gpu.likeness import latents_db, psnr
from benchmarks.gpu.notes import Values
from providers.local.engine.encode import Frames
from providers.local.engine.speed import PLAIN, Shape, Speed, speed_of
from providers.local.levers import KERNELS, LOSSY
from providers.local.wire import RenderOrder

# The time of the plain path over the lever's, for the UNet calls alone.
PREDICTED: Mapping[str, float] = MappingProxyType(
    {
        "channels_last": 1.08,
        "fused": 1.02,
        "tuned_convolutions": 1.03,
        "flash": 1.0,
        "cudnn": 1.03,
        "efficient": 0.95,
        "two_windows": 0.98,
        "split_guidance": 0.99,
        "vae": 1.0,
        "text": 1.0,
        "compile": 1.35,
        "graphs": 1.36,
        "fp8": 1.25,
        "deep_reuse": 1.45,
        "guidance_reuse": 1.14,
        "wide_stride": 1.11,
    }
)
UNET_COMPILED = ("graphs", "compile")
BEST_DB = 40.0  # what is on by default keeps this PSNR
WORTH = 1.01
RUNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The plain path: what every lever is measured against."""

    seconds: float
    latents: torch.Tensor
    frames: Frames
    shown: Frames


class Trials:
    """The trials of one run.

    Args:
        place: Where.
        order: What is rendered.
        compiler: The backend for those levers that compile.
    """

    def __init__(self, place: Place, order: RenderOrder, *, compiler: str) -> None:
        self._place = place
        self._order = order
        self._compiler = compiler

    def speed(self, *names: str) -> Speed:
        """Return what is switched on, compiled for the order that is rendered."""
        request, speed = self._order.request, speed_of(names)
        shape = Shape(
            width=request.width,
            height=request.height,
            frames=request.frames,
            is_guided=request.guidance_scale > 1,
        )
        graphs = speed.has_graphs and self._place.is_gpu
        return replace(speed, compiler=self._compiler, has_graphs=graphs, shapes=(shape,))

    def measure(self, name: str) -> Values:
        """Try one lever, right after the plain path: a machine's pace drifts."""
        clip = order_for((name,))
        base = self._run(PLAIN, clip)[0]
        made, first_s, peak = self._run(self.speed(name), clip)
        return {
            "predicted": PREDICTED[name],
            "measured": round(base.seconds / made.seconds, 3),
            "denoise_s": round(made.seconds, 4),
            "plain_denoise_s": round(base.seconds, 4),
            "first_s": round(first_s, 2),
            "peak_gib": peak,
            "latents_db": latents_db(made.latents, base.latents),
            "frames_psnr_db": psnr(made.frames, base.frames),
            "embedded_psnr_db": psnr(made.shown, base.shown),
        }

    def _run(self, speed: Speed, clip: RenderOrder) -> tuple[Base, float, float]:
        place, order = self._place, self._order
        place.tidy()
        ours = Ours(place, speed)
        ours.shelf.get(order.files)
        first_s = place.time(lambda: ours.denoise(order))
        ours.denoise(order)
        seconds = median(place.time(lambda: ours.denoise(order)) for _ in range(RUNS))
        latents, frames = ours.frames(order)
        peak = place.peak_gib()
        shown = Ours(place, replace(speed, shapes=shapes_of(clip))).frames(clip)[1]
        return Base(seconds=seconds, latents=latents, frames=frames, shown=shown), first_s, peak


def chosen(levers: Mapping[str, Values]) -> list[str]:
    """Return the levers that gained and kept the frames, so that they are tried together.

    Those that leave work out are options, never defaults, whatever they gained.

    Of two attention kernels, and of compiling with graphs and without, only the faster is taken.
    """
    good = {
        name: found["measured"]
        for name, found in levers.items()
        if name not in LOSSY
        and found.get("measured", 0) > WORTH
        and min(found["frames_psnr_db"], found["embedded_psnr_db"]) >= BEST_DB
    }
    for rivals in (UNET_COMPILED, KERNELS):
        inside = sorted((name for name in rivals if name in good), key=lambda name: -good[name])
        for slower in inside[1:]:
            del good[slower]
    return list(good)
