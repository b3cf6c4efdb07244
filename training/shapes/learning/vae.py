"""Trains the VAE towards the given code: the encoder to make it, the decoder to draw from it.

The decoder also sees codes that are a little wrong, as a denoiser's are, so that it draws clean
outlines from them.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn

from training.shapes.networks.latents import CELL, SCALING_FACTOR, latents_of
from training.shapes.scenes.draw import FRAMES, SIDE, Look, draw
from training.shapes.scenes.world import Scene, World

OUTLINED = 0.2  # share of pictures drawn as lines, for the LoRA's style
LINE = (0.1, 0.2)  # their widths
WRONG = 0.12  # largest spread of the error that is added to a code
CERTAIN = -12.0  # log variance that the encoder is taught: the code has no noise
CROP = 8  # cells
EDGE_WEIGHT = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Pixels (pictures, 3, height, width), -1 to 1, and their unscaled code."""

    pixels: Tensor
    code: Tensor

    def to(self, device: str) -> "Pictures":
        """Return the same pictures elsewhere."""
        return Pictures(pixels=self.pixels.to(device), code=self.code.to(device))

    def some(self, count: int, rng: random.Random) -> "Pictures":
        """Return some of the pictures, drawn with repetition."""
        rows = [rng.randrange(len(self.code)) for _ in range(count)]
        return Pictures(pixels=self.pixels[rows], code=self.code[rows])


def pictures(
    world: World, count: int, rng: random.Random, generator: torch.Generator, *, cropped: bool
) -> Pictures:
    """Draw single frames of scenes; cropped ones are 64 pixels wide, around a piece of an edge."""
    drawn = [_frame(world.draw_scene(rng), rng, generator) for _ in range(count)]
    pixels = torch.cat(drawn)
    code = latents_of(pixels) / SCALING_FACTOR
    if cropped:
        corners = [_corner(each, rng) for each in pixels]
        code = _cut(code, corners, 1)
        pixels = _cut(pixels, corners, CELL)
    return Pictures(pixels=pixels * 2 - 1, code=code)


def _frame(scene: Scene, rng: random.Random, generator: torch.Generator) -> Tensor:
    outline = rng.uniform(*LINE) if rng.random() < OUTLINED else 0.0
    frame = rng.randrange(FRAMES)
    return draw([scene], generator=generator, frames=[frame], look=Look(outline=outline)).pixels[0]


def _corner(picture: Tensor, rng: random.Random) -> tuple[int, int]:
    """Return a corner of a crop, in cells, around a pixel that differs from its left neighbour."""
    edges = (picture[:, :, 1:] - picture[:, :, :-1]).abs().sum(0) > 0.2
    places = edges.nonzero()
    last = SIDE // CELL - CROP
    if not len(places):
        return rng.randint(0, last), rng.randint(0, last)
    row, column = (places[rng.randrange(len(places))] // CELL).tolist()
    return (
        min(max(row - rng.randrange(CROP), 0), last),
        min(max(column - rng.randrange(CROP), 0), last),
    )


def _cut(values: Tensor, corners: Sequence[tuple[int, int]], scale: int) -> Tensor:
    size = CROP * scale
    pieces = [
        each[:, row * scale : row * scale + size, column * scale : column * scale + size]
        for each, (row, column) in zip(values, corners, strict=True)
    ]
    return torch.stack(pieces)


def decoder_loss(vae: AutoencoderKL, given: Pictures, generator: torch.Generator) -> Tensor:
    """Return how far the decoded pictures are from the drawn ones, edges counting more."""
    spread = WRONG * torch.rand((len(given.code), 1, 1, 1), generator=generator)
    error = spread * torch.randn(given.code.shape, generator=generator)
    got = decode(vae, given.code + error.to(given.code.device))
    off = got - given.pixels
    weight = 1 + EDGE_WEIGHT * _edges(given.pixels)
    return (weight * (off.abs() + off.square())).mean()


def _edges(pixels: Tensor) -> Tensor:
    local = nn.functional.max_pool2d(pixels, 5, stride=1, padding=2)
    least = -nn.functional.max_pool2d(-pixels, 5, stride=1, padding=2)
    return ((local - least).amax(1, keepdim=True) > 0.1).float()


def encoder_loss(vae: AutoencoderKL, given: Pictures) -> Tensor:
    """Return how far the encoded pictures are from their code."""
    coded: Any = vae.encode(given.pixels)
    found = coded.latent_dist
    return (found.mean - given.code).abs().mean() + 1e-3 * (found.logvar - CERTAIN).abs().mean()


def decode(vae: AutoencoderKL, code: Tensor) -> Tensor:
    """Return the pixels of a code, -1 to 1."""
    any_vae: Any = vae  # typed as if it wanted another kind of tensor
    return any_vae.decode(code).sample


def psnr(vae: AutoencoderKL, given: Pictures) -> float:
    """Return the peak signal-to-noise ratio of drawn, coded and decoded pictures, in dB."""
    with torch.no_grad():
        got = decode(vae, given.code).clamp(-1, 1)
    error = ((got - given.pixels) / 2).square().mean()
    return float(-10 * error.log10())
