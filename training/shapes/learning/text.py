"""Trains the text encoder to understand captions: every layer learns to say what a scene holds.

In CLIP pictures teach the words. Here the meaning of each caption is known, so it is taught
directly: from any position after a caption's end, a linear reading must tell every attribute.
Because the encoder only looks back, those positions (CLIP pads with its end token) all know the
whole caption, and the denoiser's cross-attention finds the meaning wherever it looks.
"""

import random
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from training.shapes.networks.tokens import COMMON
from training.shapes.scenes.captions import Said, SaidFigure, caption, empty_caption
from training.shapes.scenes.world import Colour, Motion, Shape, Size, World

EMPTY = 0.08  # share of captions that say nothing
FOREIGN = 0.25  # share of captions with words that nobody can draw
SHORT, LONG = 40, 77  # positions in most of the steps, and in the others
FIGURES = 2
FIRST_TAUGHT = 3  # layers below it still put words together
ATTRIBUTES: tuple[tuple[str, Sequence[str]], ...] = (
    ("shape", tuple(Shape)),
    ("colour", tuple(Colour)),
    ("size", tuple(Size)),
    ("motion", tuple(Motion)),
)
# One group of classes for each attribute of each figure and for the background; the last is "none".
CLASSES = [len(names) + 1 for _ in range(FIGURES) for _, names in ATTRIBUTES] + [len(Colour) + 1]


def meaning(said: Said) -> list[int]:
    """Return the class of each group that the caption names."""
    classes: list[int] = []
    for place in range(FIGURES):
        figure = said.figures[place] if place < len(said.figures) else None
        classes += [_class_of(figure, name, names) for name, names in ATTRIBUTES]
    named = said.background
    return [*classes, len(Colour) if named is None else tuple(Colour).index(named)]


def _class_of(figure: SaidFigure | None, name: str, names: Sequence[str]) -> int:
    value = None if figure is None else getattr(figure, name)
    return len(names) if value is None else names.index(value)


def captions_of(world: World, rng: random.Random) -> Iterator[Said]:
    """Yield captions for ever."""
    while True:
        if rng.random() < EMPTY:
            yield empty_caption(rng)
        else:
            said = caption(world.training_scene(rng), rng)
            yield _with_foreign_words(said, rng) if rng.random() < FOREIGN else said


def _with_foreign_words(said: Said, rng: random.Random) -> Said:
    known = {*Shape, *Colour, *Size, *Motion}
    words = [word for word in rng.sample(COMMON, rng.randint(1, 5)) if word not in known]
    text = (
        f"{said.text}, {' '.join(words)}"
        if rng.random() < 0.7
        else f"{' '.join(words)}, {said.text}"
    )
    return Said(text=text, figures=said.figures, background=said.background)


def hidden_states(encoder: CLIPTextModel, ids: Tensor) -> list[Tensor]:
    """Return what leaves each layer, normalised as the pipeline does: embeddings first."""
    out = encoder(ids, output_hidden_states=True)
    return [encoder.final_layer_norm(each) for each in out.hidden_states]


def ids_of(tokenizer: CLIPTokenizer, texts: Sequence[str], length: int = LONG) -> Tensor:
    """Return token ids of shape (texts, length)."""
    got = tokenizer(
        list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    )
    return got.input_ids


def end_of(tokenizer: CLIPTokenizer) -> int:
    """Return the id of the token that ends a caption and fills what is left."""
    end = tokenizer.eos_token_id
    if not isinstance(end, int):
        raise TypeError("the tokenizer has no end token")
    return end


class Readings(nn.Module):
    """The linear readings, one for all layers; thrown away after training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, sum(CLASSES))

    def loss(self, states: Tensor, classes: Tensor) -> Tensor:
        """Return the mean cross-entropy of states (captions, positions, width)."""
        groups = self.linear(states).split(CLASSES, dim=-1)
        losses = [
            nn.functional.cross_entropy(
                group.flatten(0, 1), classes[:, number].repeat_interleave(states.shape[1])
            )
            for number, group in enumerate(groups)
        ]
        return torch.stack(losses).mean()


def after_the_end(states: Tensor, ids: Tensor, end: int, generator: torch.Generator) -> Tensor:
    """Return the states at two positions from each caption's end on: (captions, 2, width)."""
    first = (ids == end).int().argmax(1)
    length = ids.shape[1]
    rows = torch.arange(len(ids))
    chance = torch.rand(len(ids), generator=generator).to(ids.device)
    further = first + (chance * (length - first)).long()
    return torch.stack([states[rows, first], states[rows, further]], dim=1)
