"""Compares the outline of a seen figure with those that are drawn, at all angles."""

from functools import lru_cache

import numpy as np
import torch

from training.shapes.judging.sighting import Floats, Track, grid
from training.shapes.scenes.draw import OUTLINES
from training.shapes.scenes.world import Shape

ANGLE_STEP = 3  # degrees between the angles at which outlines are compared
UPRIGHT = 12  # degrees that a figure may lean
PERIODS = {  # degrees after which a turned outline is the same again
    Shape.CIRCLE: ANGLE_STEP,
    Shape.SQUARE: 90,
    Shape.TRIANGLE: 120,
    Shape.STAR: 72,
    Shape.HEART: 360,
    Shape.CROSS: 90,
}
LARGE = 0.8  # of the largest scale: frames in which the shape is looked at

# Overlap (intersection over union) that a shape must have. Drawn ones have 0.88 to 1, also
# blurred; round blobs and boxes of no clear shape have up to 0.9 with the four compact ones.
# Soft edges cost those with thin arms more.
LEAST_FIT = {
    Shape.CIRCLE: 0.92,
    Shape.SQUARE: 0.9,
    Shape.TRIANGLE: 0.9,
    Shape.STAR: 0.84,
    Shape.HEART: 0.9,
    Shape.CROSS: 0.84,
}
LEAST_LEAD = 0.05  # over the next best shape; drawn ones have 0.1

Overlaps = dict[
    Shape, Floats
]  # for each shape (frames, angles): a turn goes in steps of ANGLE_STEP


def overlaps_of(track: Track) -> Overlaps:
    """Return for each shape its overlap with each frame's outline, at each angle."""
    return {shape: overlap(track.outlines, _templates(shape)) for shape in Shape}


def overlap(some: Floats, others: Floats) -> Floats:
    """Return the intersection over union of each of some outlines with each of others."""
    common = some @ others.T
    return common / (some.sum(axis=1)[:, None] + others.sum(axis=1) - common)


def shape_of(track: Track, overlaps: Overlaps, *, is_spinning: bool) -> Shape | None:
    """Return the shape that fits best where the figure is large, if it does so clearly."""
    large = track.scale >= LARGE * track.scale.max()
    fits = {
        shape: float(_at_best(each, is_spinning=is_spinning)[large].mean())
        for shape, each in overlaps.items()
    }
    second, best = sorted(fits, key=fits.__getitem__)[-2:]
    is_clear = fits[best] >= LEAST_FIT[best] and fits[best] - fits[second] >= LEAST_LEAD
    return best if is_clear else None


def turns_of(overlaps: Overlaps) -> Floats:
    """Return by how many degrees the figure turns from frame to frame, as the best fit says."""
    shape = max(overlaps, key=lambda each: float(overlaps[each].max(axis=1).mean()))
    angles = overlaps[shape].argmax(axis=1).astype(np.float32) * ANGLE_STEP
    return np.diff(np.unwrap(angles, period=PERIODS[shape]))


@lru_cache(maxsize=len(Shape))
def root_of(shape: Shape) -> float:
    """Return the square root of the area of a shape of radius 1."""
    return _measured(shape)[0]


def _at_best(each: Floats, *, is_spinning: bool) -> Floats:
    """Return each frame's overlap at its best angle; only a spinning figure may have any."""
    if is_spinning:
        return each.max(axis=1)
    lean = UPRIGHT // ANGLE_STEP
    upright = np.unique(np.arange(-lean, lean + 1) % each.shape[1])
    return each[:, upright].max(axis=1)


@lru_cache(maxsize=len(Shape))
def _templates(shape: Shape) -> Floats:
    """Draw an outline around its centroid, with an area of 1, at each of its angles."""
    root, middle_x, middle_y = _measured(shape)
    x, y = (torch.from_numpy(each) * root for each in grid())
    rows: list[Floats] = []
    for degrees in range(0, PERIODS[shape], ANGLE_STEP):
        cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        left, top = x * cos + y * sin + middle_x, y * cos - x * sin + middle_y
        rows.append((OUTLINES[shape](left, top) < 0).float().numpy())
    return np.stack(rows)


def _measured(shape: Shape) -> tuple[float, float, float]:
    """Return the square root of the area and the centroid, at radius 1."""
    fine = torch.linspace(-1.5, 1.5, 301)
    down, across = torch.meshgrid(fine, fine, indexing="ij")
    inside = OUTLINES[shape](across, down) < 0
    root = float(inside.sum()) ** 0.5 * float(fine[1] - fine[0])
    return root, float(across[inside].mean()), float(down[inside].mean())
