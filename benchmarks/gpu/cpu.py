"""The rows of a machine without a GPU: the model that comes with Flipbook.

Where a job's time goes shows in how much longer it takes than its UNet calls alone.
"""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.gpu.embedded import (
    HALVES,
    ON_A_CPU,
    embedded_order,
    measure_half,
    measure_lever,
)
from benchmarks.gpu.engines import Ours, Place
from benchmarks.gpu.notes import Notes, Values, timed
from benchmarks.processes import memory_of
from providers.local.engine.encode import Recipe, write_video
from providers.local.engine.speed import PLAIN
from storage.media.orders import PyAvMedia

STEPS = (4, 12, 25)
RUNS = 3


def rows(place: Place, notes: Notes) -> dict[str, Callable[[], Values]]:
    """Return what is measured, by name; rows of one kind are gathered in the notes."""

    def gather(name: str, found: Values) -> Values:
        return {"embedded": {**notes.values.get("embedded", {}), name: found}}

    ours = Ours(place, PLAIN)
    table: dict[str, Callable[[], Values]] = {
        f"clip_{steps}_steps": lambda steps=steps: _clip(ours, place, steps) for steps in STEPS
    }
    for name in ON_A_CPU:
        table[f"lever_{name}"] = lambda name=name: gather(name, measure_lever(place, name))
    for name, dtype in HALVES.items():
        table[name] = lambda name=name, dtype=dtype: gather(name, measure_half(dtype, place))
    return table | {
        "unet_calls": lambda: _unet_calls(ours, place),
        "encode": lambda: _encode(ours, place),
        "fit": lambda: asyncio.run(_fit(ours, place)),
    }


def _clip(ours: Ours, place: Place, steps: int) -> Values:
    """Time 16 frames of 128 x 128 from text to file; and weigh the process that made them."""
    order = embedded_order(steps=steps)
    ours.make(order)
    found = timed(
        f"clip_{steps}_steps", [place.time(lambda: ours.make(order)) for _ in range(RUNS)]
    )
    return found | {"memory_mib": round(memory_of(os.getpid()).rss)}


@torch.inference_mode()
def _unet_calls(ours: Ours, place: Place) -> Values:
    """Time the twelve UNet calls of a clip alone; the aim is a clip within three times that."""
    order = embedded_order()
    unet: Any = ours.shelf.get(order.files).unet
    width = unet.config.cross_attention_dim
    latents, states = torch.randn(2, 4, 16, 16, 16), torch.randn(32, 77, width)

    def calls() -> None:
        for step in range(order.request.steps):
            unet(latents, torch.tensor(step), encoder_hidden_states=states)

    calls()
    alone = [place.time(calls) for _ in range(RUNS)]
    whole = [place.time(lambda: ours.make(order)) for _ in range(RUNS)]
    ratio = round(median(whole) / median(alone), 2)
    return timed("unet_calls", alone) | {"clip_over_unet_calls": ratio}


def _recipe() -> Recipe:
    request = embedded_order().request
    return Recipe(kind=request.format, width=request.width, height=request.height, fps=request.fps)


def _encode(ours: Ours, place: Place) -> Values:
    frames = ours.frames(embedded_order())[1]
    path = place.scratch / "alone.mp4"
    took = [
        place.time(lambda: write_video([frames], path, _recipe(), tell=lambda _: None))
        for _ in range(RUNS)
    ]
    return timed("encode", took)


async def _fit(ours: Ours, place: Place) -> Values:
    """Time what happens to a file that is larger than the channel takes: half its bytes."""
    frames, took = ours.frames(embedded_order())[1], list[float]()
    path = place.scratch / "fit.mp4"
    write_video([frames], path, _recipe(), tell=lambda _: None)
    for number in range(RUNS):
        copy = Path(shutil.copy(path, place.scratch / f"fit{number}.mp4"))
        started = asyncio.get_running_loop().time()
        await PyAvMedia().fit(copy, path.stat().st_size // 2)
        took.append(asyncio.get_running_loop().time() - started)
    return timed("fit_to_half_its_size", took)
