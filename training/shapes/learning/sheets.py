"""Shows people how a training goes: sample sheets and loss curves, as pictures."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from PIL import Image, ImageDraw
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from training.shapes.learning.denoiser import guided
from training.shapes.learning.text import hidden_states, ids_of
from training.shapes.learning.vae import decode
from training.shapes.networks import parts
from training.shapes.networks.folder import STEPS
from training.shapes.networks.latents import SCALING_FACTOR
from training.shapes.scenes.draw import FRAMES

PROMPTS = (
    "a red circle moving left on a blue background",
    "a yellow star orbiting on a purple background",
    "a white triangle growing on a green background",
    "a black square bouncing on an orange background",
)
SEED = 7
SHOWN = (0, 3, 6, 9, 12, 15)  # frames of a clip on a sheet
CURVE = (800, 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Painter:
    """What is needed to see what a denoiser makes of the prompts, without the pipeline."""

    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    vae: AutoencoderKL
    device: str = "cpu"

    @torch.no_grad()
    def sheet(self, unet: nn.Module, path: Path, *, frames: int = FRAMES) -> None:
        """Write a sheet: a row for each prompt; one frame is an image, sixteen are a clip."""
        latents = self._sample(unet, frames) / SCALING_FACTOR
        shown = [0] if frames == 1 else list(SHOWN)
        picked = latents[:, :, shown].transpose(1, 2)
        pixels = decode(self.vae, picked.flatten(0, 1)) / 2 + 0.5
        rows = pixels.clamp(0, 1).unflatten(0, (len(PROMPTS), len(shown)))
        save_rows([torch.cat(list(row), dim=-1) for row in rows], path)

    def _sample(self, unet: nn.Module, frames: int) -> Tensor:
        texts = [*PROMPTS, *("" for _ in PROMPTS)]
        states = hidden_states(self.text_encoder, ids_of(self.tokenizer, texts).to(self.device))
        text = states[-1].repeat_interleave(frames, dim=0)
        scheduler: Any = parts.scheduler()
        scheduler.set_timesteps(STEPS)
        generator = torch.Generator().manual_seed(SEED)
        shape = (len(PROMPTS), parts.LATENTS, frames, parts.SIDE // 8, parts.SIDE // 8)
        latents = torch.randn(shape, generator=generator).to(self.device)
        if frames == 1:
            latents = latents[:, :, 0]
        for time in scheduler.timesteps:
            latents = scheduler.step(
                guided(unet, latents, int(time), text), time, latents
            ).prev_sample
        return latents.view(shape)


def save_rows(rows: Sequence[Tensor], path: Path) -> None:
    """Write pictures of shape (3, height, width), 0-1, below each other."""
    together = torch.cat(list(rows), dim=-2).clamp(0, 1).cpu()
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((together * 255).byte().permute(1, 2, 0).numpy()).save(path)


def save_curve(log: Path, path: Path) -> None:
    """Draw a stage's loss over its steps; the log is the CSV that the loop writes."""
    with log.open(newline="") as file:
        rows = [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(file)]
    if len(rows) < 2:
        return
    width, height = CURVE
    last, highest = max(step for step, _ in rows), max(loss for _, loss in rows)
    picture = Image.new("RGB", CURVE, "white")
    pen = ImageDraw.Draw(picture)
    points = [
        (40 + (width - 60) * step / max(1, last), 20 + (height - 50) * (1 - loss / highest))
        for step, loss in rows
    ]
    pen.line(points, fill="navy", width=2)
    pen.line([(40, 20), (40, height - 30), (width - 20, height - 30)], fill="black")
    pen.text((45, 5), f"loss, at most {highest:.3f}; now {rows[-1][1]:.4f}", fill="black")
    pen.text((width - 140, height - 25), f"step {last}", fill="black")
    picture.save(path)
