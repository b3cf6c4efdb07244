"""Says what is in a clip by its pixels alone, or that it cannot be said.

It gates what is claimed of the model, so it is strict: what it names must be there, whole, in
nearly every frame; a blob has no shape, and a wobble is no motion. `sighting` finds the figure,
`outlines` and `motions` know what it may be.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.shapes.judging.motions import motion_of
from training.shapes.judging.outlines import overlaps_of, root_of, shape_of
from training.shapes.judging.sighting import Floats, Track, look
from training.shapes.scenes.draw import RADII
from training.shapes.scenes.world import PALETTE, Colour, Motion, Shape, Size

NEAR_COLOUR = 0.3  # RGB, 0-1: farther from the whole palette, a colour has no name
NEAR_SIZE = 1.3  # times larger or smaller, a radius is that of no size
LEAST_FRAMES = 8  # below, no motion can be told
MIDDLE_SCALE = 0.775  # of a growing or shrinking figure, in the middle of the clip (`draw`)
CLOSED = 1.5  # how much larger the step from the last frame to the first may be than others
QUIET = 0.01  # mean difference of two frames (0-1) that counts as none


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a clip of one figure shows; None is what cannot be said."""

    shape: Shape | None = None
    colour: Colour | None = None
    background: Colour | None = None
    motion: Motion | None = None
    size: Size | None = None


def judge(frames: NDArray[np.uint8]) -> Judgement:
    """Look at a clip of one figure.

    Args:
        frames: Shape (frames, height, width, 3); with fewer than 8 no motion is named, and a
            spinning figure has a shape only while it is upright.
    """
    sighting = look(frames)
    seen = Judgement(colour=_name_of(sighting.colour), background=_name_of(sighting.background))
    track = sighting.track
    if track is None:
        return seen
    overlaps = overlaps_of(track)
    motion = motion_of(track, overlaps) if len(frames) >= LEAST_FRAMES else None
    shape = shape_of(track, overlaps, is_spinning=motion is Motion.SPINNING)
    size = None if shape is None else _size(track, shape, motion)
    return replace(seen, shape=shape, motion=motion, size=size)


def judge_ends(frames: NDArray[np.uint8], *, first: int, last: int) -> tuple[Judgement, Judgement]:
    """Look at the first frames of a storyboard and at its last ones, as at two clips."""
    return judge(frames[:first]), judge(frames[-last:])


def is_closed(frames: NDArray[np.uint8]) -> bool:
    """Return whether the step from the last frame to the first is like those between the others."""
    pixels = frames.astype(np.float32) / 255
    steps = np.abs(np.diff(pixels, axis=0)).mean(axis=(1, 2, 3))
    back = float(np.abs(pixels[0] - pixels[-1]).mean())
    return back <= max(QUIET, CLOSED * float(steps.mean()))


def _name_of(colour: Floats | None) -> Colour | None:
    """Return the nearest of the palette: in RGB, since that is where the shades are jittered."""
    if colour is None:
        return None
    distances = {
        name: float(np.linalg.norm(colour - np.array(value))) for name, value in PALETTE.items()
    }
    nearest = min(distances, key=distances.__getitem__)
    return nearest if distances[nearest] < NEAR_COLOUR else None


def _size(track: Track, shape: Shape, motion: Motion | None) -> Size | None:
    radius = float(np.median(track.scale)) / root_of(shape)
    if motion in (Motion.GROWING, Motion.SHRINKING):
        radius /= MIDDLE_SCALE
    ratios = {size: max(radius / each, each / radius) for size, each in RADII.items()}
    nearest = min(ratios, key=ratios.__getitem__)
    return nearest if ratios[nearest] < NEAR_SIZE else None
