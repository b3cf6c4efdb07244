"""Makes what a denoiser learns from: captions already read, and scenes drawn anew at each step."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from training.shapes.learning.text import hidden_states, ids_of
from training.shapes.networks.latents import latents_of
from training.shapes.scenes.captions import caption, empty_caption
from training.shapes.scenes.draw import FRAMES, PLAIN, Look, draw, mean_paths
from training.shapes.scenes.world import Scene, World

UNCONDITIONED = 0.1  # share of captions that say nothing, for guidance
EARLY_EXIT = 0.3  # share of captions read from an earlier layer, for clip_skip
EARLIEST = 5  # layers at least
DRAWN_SIDE = 64  # pictures drawn at half their size have the same latents
FIGURE_WEIGHT = 5.0  # how much more a cell counts that holds a piece of a figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A batch.

    Attributes:
        latents: Shape (clips, 4, frames, rows, columns).
        text: Shape (clips, positions, width).
        weight: Shape (clips, 1, frames, rows, columns), of the loss; one on average.
        paths: Shape (clips, frames, 3), where the figures are, by `draw.mean_paths`.
    """

    latents: Tensor
    text: Tensor
    weight: Tensor
    paths: Tensor

    def to(self, device: str) -> "Lesson":
        """Return the same lesson elsewhere."""
        return Lesson(
            latents=self.latents.to(device),
            text=self.text.to(device),
            weight=self.weight.to(device),
            paths=self.paths.to(device),
        )


class CaptionBank:
    """Many captions of training scenes and what the text encoder makes of them."""

    def __init__(self, scenes: Sequence[Scene], states: Tensor, look: Look = PLAIN) -> None:
        self._scenes = scenes
        self._states = states
        self._look = look

    def looking(self, look: Look) -> "CaptionBank":
        """Return the same captions for clips of another style."""
        return CaptionBank(self._scenes, self._states, look)

    @classmethod
    @torch.no_grad()
    def read(
        cls, tokenizer: CLIPTokenizer, encoder: CLIPTextModel, world: World, *, size: int, seed: int
    ) -> "CaptionBank":
        """Write `size` captions and read them; a pure function of the seed and the encoder."""
        rng = random.Random(seed)
        scenes = [world.training_scene(rng) for _ in range(size)]
        texts = [_text(scene, rng) for scene in scenes]
        layers = len(encoder.encoder.layers)
        chunks = []
        for start in range(0, size, 128):
            ids = ids_of(tokenizer, texts[start : start + 128]).to(encoder.device)
            states = hidden_states(encoder, ids)
            exits = [_exit(layers, rng) for _ in range(len(states[0]))]
            chosen = [states[layer][row] for row, layer in enumerate(exits)]
            chunks.append(torch.stack(chosen).half().cpu())
        return cls(scenes, torch.cat(chunks))

    def one(self, rng: random.Random) -> tuple[Scene, Tensor]:
        """Return a scene and its caption as the encoder read it, (1, positions, width)."""
        row = rng.randrange(len(self._scenes))
        return self._scenes[row], self._states[row : row + 1].float()

    def images(self, count: int, rng: random.Random, generator: torch.Generator) -> Lesson:
        """Return single frames."""
        rows = [rng.randrange(len(self._scenes)) for _ in range(count)]
        lessons = [self._lesson([row], [rng.randrange(FRAMES)], generator) for row in rows]
        return Lesson(
            latents=torch.cat([each.latents for each in lessons]),
            text=self._states[rows].float(),
            weight=torch.cat([each.weight for each in lessons]),
            paths=torch.cat([each.paths for each in lessons]),
        )

    def clips(
        self, count: int, frames: Sequence[int], rng: random.Random, generator: torch.Generator
    ) -> Lesson:
        """Return clips, or some of their frames."""
        rows = [rng.randrange(len(self._scenes)) for _ in range(count)]
        return self._lesson(rows, frames, generator)

    def _lesson(
        self, rows: Sequence[int], frames: Sequence[int], generator: torch.Generator
    ) -> Lesson:
        scenes = [self._scenes[row] for row in rows]
        text = self._states[list(rows)].float()
        return lesson_of(scenes, text, frames, generator, look=self._look)


def lesson_of(
    scenes: Sequence[Scene],
    text: Tensor,
    frames: Sequence[int],
    generator: torch.Generator,
    *,
    look: Look = PLAIN,
) -> Lesson:
    """Draw the scenes as a lesson; `text` is what the encoder makes of their captions."""
    drawn = draw(scenes, generator=generator, side=DRAWN_SIDE, frames=frames, look=look)
    latents = latents_of(drawn.pixels).transpose(1, 2)
    cells = torch.nn.functional.max_pool2d(drawn.cover.flatten(0, 1), DRAWN_SIDE // 16)
    cells = torch.nn.functional.max_pool2d(cells, 3, stride=1, padding=1)
    weight = 1 + FIGURE_WEIGHT * cells.unflatten(0, (len(scenes), -1)).transpose(1, 2)
    return Lesson(
        latents=latents,
        text=text,
        weight=weight / weight.mean(),
        paths=mean_paths(scenes, frames),
    )


def _text(scene: Scene, rng: random.Random) -> str:
    nothing = rng.random() < UNCONDITIONED
    return (empty_caption(rng) if nothing else caption(scene, rng)).text


def _exit(layers: int, rng: random.Random) -> int:
    return rng.randint(EARLIEST, layers - 1) if rng.random() < EARLY_EXIT else layers
