"""Counts the work of a job, and measures what the card can do at best: how far is it still?

The work is counted on meta tensors, which cost nothing, with torch's own counter. The card's rate
is that of a matrix product and of a convolution as the UNet has them, random numbers in both.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from statistics import median
from typing import Any

import torch
from torch.nn.functional import conv2d
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu.engines import Place
from benchmarks.gpu.orders import Job
from providers.local.engine.blueprints import Blueprint, blueprints
from providers.local.engine.checkpoints import SHIPPED, Checkpoint, Motion
from providers.local.engine.windows import lay_out_windows, put_windows_into

TIMES = 20
# Rows x inner x columns: the first feed-forward layer of the UNet's second level for 2 x 40 frames
# of 512 x 512, and the square one by which cards are usually compared.
PRODUCTS = ((80 * 1024, 640, 5120), (8192, 8192, 8192))
CONVOLUTION = (80, 640, 32, 3)  # frames, channels in and out, side, kernel


@lru_cache(maxsize=32)
def teraflop(job: Job) -> float:
    """Return the work of a job: UNet calls and VAE decoding, in 10^12 operations."""
    plans, meta = _plans(), torch.device("meta")
    unet: Any = plans["unet"].build().to(meta)
    vae: Any = plans["vae"].build().to(meta)
    put_windows_into(unet)
    lay_out_windows(unet, frames=job.frames, device=meta)
    height, width = job.height // 8, job.width // 8
    latents = torch.empty(1, 4, job.frames, height, width, device=meta)
    states = torch.empty(job.frames, 77, 768, device=meta)
    moment = torch.zeros((), device=meta)
    call = _counted(lambda: unet(latents, moment, encoder_hidden_states=states))
    frame = _counted(lambda: vae.decode(torch.empty(1, 4, height, width, device=meta)))
    return (call * job.calls + frame * job.frames) / 1e12


def measure_ceiling(place: Place) -> dict[str, float]:
    """Return the card's best rates in 10^12 operations a second."""
    found: dict[str, float] = {}
    for rows, inner, columns in PRODUCTS:
        one, other = _random(place, _few(place, rows), inner), _random(place, inner, columns)
        rate = _rate(place, 2 * one.numel() * columns, lambda a=one, b=other: a @ b)
        found[f"matmul_{rows}x{inner}x{columns}_tflops"] = rate
    frames, channels, side, kernel = CONVOLUTION
    images = _random(place, _few(place, frames), channels, side, side).to(
        memory_format=torch.channels_last
    )
    weight = _random(place, channels, channels, kernel, kernel)
    weight = weight.to(memory_format=torch.channels_last)
    work = 2 * images.numel() * channels * kernel**2
    found["convolution_tflops"] = _rate(place, work, lambda: conv2d(images, weight, padding=1))
    return found


def _rate(place: Place, work: int, run: Callable[[], object]) -> float:
    times = TIMES if place.is_gpu else 1
    for _ in range(3 if place.is_gpu else 1):
        run()

    def several() -> None:
        for _ in range(times):
            run()

    seconds = median(place.time(several) for _ in range(5 if place.is_gpu else 1))
    return round(work * times / seconds / 1e12, 3)


def _random(place: Place, *shape: int) -> torch.Tensor:
    return torch.randn(shape, device=place.device, dtype=place.dtype)


def _few(place: Place, rows: int) -> int:
    """Return how many rows there are; a CPU, which only proves the code, has fewer."""
    return rows if place.is_gpu else max(1, rows // 80)


def _counted(run: Callable[[], object]) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


@lru_cache(maxsize=1)
def _plans() -> dict[str, Blueprint]:
    def read(*names: str) -> dict[str, Any]:
        return json.loads(SHIPPED.joinpath(*names).read_text())

    configs = {part: read("sd15", part, "config.json") for part in ("unet", "vae", "text_encoder")}
    checkpoint = Checkpoint(configs=configs, states={}, tokenizer=None)
    return blueprints(checkpoint, Motion(config=read("motion", "v3.json"), state={}))
