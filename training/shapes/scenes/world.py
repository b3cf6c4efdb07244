"""Says what can be in a clip: shapes, colours, sizes, motions, and which scenes are held out.

A scene is the meaning of a caption and the whole truth about a clip but for the jitter (where it
starts, which shade). Everything here is a pure function of a seed.
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Shape(StrEnum):
    """The outlines that are drawn."""

    CIRCLE = "circle"
    SQUARE = "square"
    TRIANGLE = "triangle"
    STAR = "star"
    HEART = "heart"
    CROSS = "cross"


class Colour(StrEnum):
    """The colours of shapes and of backgrounds."""

    RED = "red"
    GREEN = "green"
    BLUE = "blue"
    YELLOW = "yellow"
    PURPLE = "purple"
    ORANGE = "orange"
    WHITE = "white"
    BLACK = "black"
    PINK = "pink"
    CYAN = "cyan"


class Size(StrEnum):
    """How large a shape is."""

    SMALL = "small"
    MEDIUM = "medium"
    BIG = "big"


class Motion(StrEnum):
    """What a shape does in the clip."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    BOUNCING = "bouncing"
    SPINNING = "spinning"
    GROWING = "growing"
    SHRINKING = "shrinking"
    ORBITING = "orbiting"
    STILL = "still"


# sRGB, 0-1: far enough apart that the nearest one is the right one after any jitter of a shade.
PALETTE: dict[Colour, tuple[float, float, float]] = {
    Colour.RED: (0.86, 0.13, 0.15),
    Colour.GREEN: (0.13, 0.62, 0.24),
    Colour.BLUE: (0.14, 0.28, 0.85),
    Colour.YELLOW: (0.97, 0.87, 0.18),
    Colour.PURPLE: (0.50, 0.18, 0.68),
    Colour.ORANGE: (0.96, 0.53, 0.10),
    Colour.WHITE: (0.96, 0.96, 0.96),
    Colour.BLACK: (0.06, 0.06, 0.07),
    Colour.PINK: (0.98, 0.55, 0.78),
    Colour.CYAN: (0.20, 0.83, 0.90),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One shape of a scene."""

    shape: Shape
    colour: Colour
    size: Size
    motion: Motion


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One or two figures on a background; with two, the first is the left one."""

    figures: tuple[Figure, ...]
    background: Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The part of all scenes that a model is trained on; `pairs` is the share of two figures."""

    shapes: Sequence[Shape] = tuple(Shape)
    colours: Sequence[Colour] = tuple(Colour)
    sizes: Sequence[Size] = tuple(Size)
    motions: Sequence[Motion] = tuple(Motion)
    pairs: float = 0.2

    def draw_scene(self, rng: random.Random) -> Scene:
        """Return a scene of this world, also one that is held out."""
        background = rng.choice(self.colours)
        first = self._draw_figure(rng, not_in=(background,))
        if rng.random() >= self.pairs:
            return Scene(figures=(first,), background=background)
        second = self._draw_figure(rng, not_in=(background, first.colour))
        return Scene(figures=(first, second), background=background)

    def _draw_figure(self, rng: random.Random, *, not_in: Sequence[Colour]) -> Figure:
        motion = rng.choice(self.motions)
        shapes = [each for each in self.shapes if can_be_seen(each, motion)]
        return Figure(
            shape=rng.choice(shapes),
            colour=rng.choice([each for each in self.colours if each not in not_in]),
            size=rng.choice(self.sizes),
            motion=motion,
        )

    def training_scene(self, rng: random.Random) -> Scene:
        """Return a scene that may be trained on."""
        while is_held_out(scene := self.draw_scene(rng)):
            pass
        return scene

    def held_out_scene(self, rng: random.Random) -> Scene:
        """Return a scene of one figure that no training has seen."""
        while len((scene := self.draw_scene(rng)).figures) > 1 or not is_held_out(scene):
            pass
        return scene


WHOLE = World()


def can_be_seen(shape: Shape, motion: Motion) -> bool:
    """Return whether the motion shows: a spinning circle looks still."""
    return not (shape is Shape.CIRCLE and motion is Motion.SPINNING)


def is_held_out(scene: Scene) -> bool:
    """Return whether the scene is in the fixed tenth that is never trained on.

    What counts is the combination of shape, colour, background and motion of a figure; a pair is
    held out with either of its figures.
    """
    return any(_in_the_tenth(figure, scene.background) for figure in scene.figures)


def _in_the_tenth(figure: Figure, background: Colour) -> bool:
    words = f"{figure.shape} {figure.colour} {background} {figure.motion}"
    return hashlib.sha256(words.encode()).digest()[0] < 26  # of 256
