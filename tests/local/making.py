"""Makes small clips with some levers on. It loads torch, so tests import it inside fixtures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from jobs.request import LoraUse
from providers.local.engine.decoding import decode
from providers.local.engine.speed import Speed
from providers.local.engine.studio import Studio, prompts_of
from providers.local.engine.ticket import Ticket
from providers.local.wire import RenderFiles, RenderOrder
from tests.local import tiny


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a clip came to, and what made it."""

    latents: torch.Tensor
    frames: np.ndarray
    facts: dict[str, object]
    pipe: Any
    studio: Any


def make(speed: Speed, order: RenderOrder, *, scratch: Path) -> Made:
    """Make a clip on a fresh engine."""
    torch.set_num_threads(1)
    return make_with(Studio(scratch=scratch, device="cpu", speed=speed), order)


def make_with(studio: Any, order: RenderOrder, *, is_thrifty: bool = False) -> Made:
    """Make a clip on an engine that may have made others."""
    ticket = Ticket(render_id="r", is_cancelled=lambda: False, send=lambda _: None)
    segments = prompts_of(order.request)
    done = studio._denoise(order, segments, ticket, is_thrifty=is_thrifty)
    return Made(
        latents=done.latents,
        frames=decode(done.pipe, done.latents, ticket),
        facts=done.facts,
        pipe=done.pipe,
        studio=studio,
    )


def apart(one: Made, other: Made) -> float:
    """Return how far latents are apart, relative to the largest of them."""
    return float((one.latents - other.latents).abs().max() / other.latents.abs().max())


def two_models(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write two models, and a LoRA for the second; return what requests of them name."""
    one, other = (tiny.write_folder(folder / f"m{seed}", seed=seed) for seed in (1, 2))
    motion = tiny.write_motion_folder(folder / "motion", seed=3)
    lora = folder / "lora.safetensors"
    tiny.write_lora(lora, seed=4)
    files = RenderFiles(model=other, motion=motion, loras={"l": lora})
    return (
        {"files": RenderFiles(model=one, motion=motion)},
        {"files": files, "loras": (LoraUse(id="l", strength=1.0),)},
    )
