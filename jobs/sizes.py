"""Finds the size to render where a model cannot do the one that was asked.

The doors of the hosted protocols take any size that those protocols take. The video is rendered at
the nearest size of that shape, and scaled to the size that was asked.
"""

import math
from collections.abc import Iterable

from jobs.request import SIDE_STEP, ModelInfo


def nearest_size(model: ModelInfo, width: int, height: int) -> tuple[int, int]:
    """Return the size in pixels that a model can do and that comes nearest to the one asked.

    The shape counts first, then the area. A size that the model can do is returned as it is.

    Args:
        model: The one that renders.
        width: Pixels that were asked, at least 1.
        height: The same.
    """
    low, high = _bounds(model)
    factor = _factor(width, height, low, high)
    pairs = [
        (across, down)
        for across in _steps_at(width * factor, low, high)
        for down in _steps_at(height * factor, low, high)
    ]

    def distance(pair: tuple[int, int]) -> tuple[float, float]:
        across, down = math.log(pair[0] / width), math.log(pair[1] / height)
        return round(abs(across - down), 9), round(abs(across + down), 9)

    return min(pairs, key=distance)


def _bounds(model: ModelInfo) -> tuple[int, int]:
    """Return the shortest and the longest side that is a multiple of eight."""
    low = math.ceil(model.min_side / SIDE_STEP) * SIDE_STEP
    return low, max(low, model.max_side // SIDE_STEP * SIDE_STEP)


def _factor(width: int, height: int, low: int, high: int) -> float:
    """Return by how much both sides grow so that they fit; of a shape too long, the longer one."""
    grows, shrinks = low / min(width, height), high / max(width, height)
    return min(max(1.0, grows), shrinks)


def _steps_at(side: float, low: int, high: int) -> Iterable[int]:
    """Return the multiples of eight on both sides of a side, within the bounds."""
    below = math.floor(side / SIDE_STEP + 1e-9) * SIDE_STEP
    above = math.ceil(side / SIDE_STEP - 1e-9) * SIDE_STEP
    return sorted({max(low, min(high, step)) for step in (below, above)})
