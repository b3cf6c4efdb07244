"""What each lever does to a clip of the embedded model, whose frames show something.

Errors are the same wherever the same arithmetic is done, so a CPU tells them for every lever that
acts there. Speed is told, too: plain and fast in turns, for a machine's pace drifts, and in the
time that one thread of this process worked, so that other programs hardly count.
"""

from collections.abc import Mapping
from dataclasses import replace
from statistics import median
from time import process_time
from types import MappingProxyType

import torch

from benchmarks.gpu.engines import Ours, Place
from benchmarks.gpu.likeness import latents_db, psnr
from benchmarks.gpu.notes import Values
from jobs.request import ProviderName, ResolvedRequest, Segment
from providers.local.engine.speed import PLAIN, Shape, speed_of
from providers.local.levers import COMPILED, NAMES
from providers.local.library.roots import EMBEDDED
from providers.local.wire import RenderFiles, RenderOrder

STEPS, FRAMES = 12, 16
MANY_FRAMES = 40  # for levers that act on the windows of longer clips
OF_WINDOWS = ("two_windows", "wide_stride")
PAIRS = 5
NEED_CUDA = ("graphs", "tuned_convolutions", "cudnn")
ON_A_CPU = tuple(name for name in NAMES if name not in NEED_CUDA)
HALVES: Mapping[str, torch.dtype] = MappingProxyType(
    {"bfloat16": torch.bfloat16, "float16": torch.float16}
)


def embedded_order(*, steps: int = STEPS, frames: int = FRAMES) -> RenderOrder:
    """Return a job for the model that comes with Flipbook."""
    prompt = "a red circle moving left on a blue background"
    request = ResolvedRequest(
        segments=(Segment(prompt=prompt, frames=frames),),
        provider=ProviderName.LOCAL,
        model="shapes",
        width=128,
        height=128,
        fps=8,
        frames=frames,
        steps=steps,
        guidance_scale=4.0,
        seed=7,
    )
    return RenderOrder(id="shapes", request=request, files=RenderFiles(model=EMBEDDED / "shapes"))


def order_for(names: tuple[str, ...]) -> RenderOrder:
    """Return a clip that levers act on."""
    is_long = any(name in OF_WINDOWS for name in names)
    return embedded_order(frames=MANY_FRAMES if is_long else FRAMES)


def shapes_of(order: RenderOrder) -> tuple[Shape, ...]:
    """Return what has to be compiled for a clip."""
    request = order.request
    return (Shape(width=request.width, height=request.height, frames=request.frames),)


def measure_lever(place: Place, name: str) -> Values:
    """Compare a lever with the plain path: frames, latents, and the time of a clip.

    What compiles is taken without the compiler's own rewriting, so its time says nothing.
    """
    order = order_for((name,))
    speed = replace(speed_of([name]), compiler="aot_eager", shapes=shapes_of(order))
    plain, fast = Ours(place, PLAIN), Ours(place, speed)
    found = _error(fast, plain, order)
    if name not in COMPILED:
        found |= _gain(fast, plain, order)
    return found


def measure_half(dtype: torch.dtype, place: Place) -> Values:
    """Compare a type of half the size with float32."""
    order = embedded_order()
    return _error(Ours(replace(place, dtype=dtype), PLAIN), Ours(place, PLAIN), order)


def _error(one: Ours, other: Ours, order: RenderOrder) -> Values:
    latents, frames = one.frames(order)
    true_latents, true_frames = other.frames(order)
    return {
        "psnr_db": psnr(frames, true_frames),
        "latents_db": latents_db(latents, true_latents),
    }


def _gain(fast: Ours, plain: Ours, order: RenderOrder) -> Values:
    """Time pairs of clips, each engine first in every second one; both are warm."""
    gains: list[float] = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for number in range(PAIRS):
        first, second = (plain, fast) if number % 2 else (fast, plain)
        took = {first: _worked_s(first, order), second: _worked_s(second, order)}
        gains.append(round(took[plain] / took[fast], 3))
    torch.set_num_threads(threads)
    return {"gain": round(median(gains), 3), "gain_range": [min(gains), max(gains), len(gains)]}


def _worked_s(ours: Ours, order: RenderOrder) -> float:
    started = process_time()
    ours.denoise(order)
    return process_time() - started
