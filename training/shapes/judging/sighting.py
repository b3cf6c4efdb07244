"""Finds the one figure of a clip by its pixels: its colour, its place and size, its outline.

Nothing here knows which shapes, colours or motions there are; that is `judge`'s.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.floating[Any]]
Numbers = NDArray[np.integer[Any]]

BORDER = 2 / 128  # of a side: pixels at the edge, which no figure reaches
EVEN = 0.25  # how far apart colours are that count as one (RGB, 0-1)
EVEN_SHARE = 0.8  # of the border that must have the one colour
FIGURE_SHARE = 0.6  # of the figure; the rest may be soft edges
CLEARLY = 0.1  # how far from the background's a colour is that is something else
LEAST_AREA = 0.001  # of the picture
MOST_AREA = 0.5
WHOLE = 0.85  # share of the foreground that one piece must hold
SEEN_SHARE = 0.85  # of the frames that must show one whole figure
GRID = 48  # points along an outline's side
REACH = 1.15  # how far the grid goes to either side, in square roots of the figure's area


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One whole figure through a clip; only the frames that show it so.

    Attributes:
        x: Centroids, -1 to 1, left to right: (seen,).
        y: Centroids, -1 to 1, top to bottom: (seen,).
        scale: Square roots of the areas; the picture's side is 2: (seen,).
        outlines: Whether the points of a grid around the centroid, scaled by `scale`, are
            inside: (seen, GRID * GRID), 0 or 1.
    """

    x: Floats
    y: Floats
    scale: Floats
    outlines: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What is seen: colours (RGB, 0-1) and the figure's track, None where there is no such one."""

    background: Floats | None = None
    colour: Floats | None = None
    track: Track | None = None


def look(frames: NDArray[np.uint8]) -> Sighting:
    """Find the background and the figure of a clip.

    Args:
        frames: Shape (frames, height, width, 3), at least one frame.
    """
    pixels = frames.astype(np.float32) / 255
    border = _border(pixels)
    background = np.median(border, axis=0)
    if _share(border, background) < EVEN_SHARE:
        return Sighting()
    far = np.linalg.norm(pixels - background, axis=-1)
    colour = _figure_colour(pixels, far)
    if colour is None:
        return Sighting(background=background)
    cover = far / np.linalg.norm(colour - background)
    inside = cover > 0.5
    is_even = _share(pixels[_inner(inside)], colour) >= FIGURE_SHARE
    return Sighting(
        background=background,
        colour=colour if is_even else None,
        track=_track(cover, inside),
    )


def grid() -> tuple[Floats, Floats]:
    """Return the points of an outline, x and y, in square roots of the figure's area."""
    line = np.linspace(-REACH, REACH, GRID, dtype=np.float32)
    y, x = np.meshgrid(line, line, indexing="ij")
    return x.ravel(), y.ravel()


def _border(pixels: Floats) -> Floats:
    width = max(1, round(BORDER * min(pixels.shape[1:3])))
    rows = np.concatenate([pixels[:, :width], pixels[:, -width:]], axis=1)
    columns = np.concatenate([pixels[:, :, :width], pixels[:, :, -width:]], axis=2)
    return np.concatenate([rows.reshape(-1, 3), columns.reshape(-1, 3)])


def _share(colours: Floats, colour: Floats) -> float:
    """Return how many of the colours are about this one."""
    return float((np.linalg.norm(colours - colour, axis=-1) < EVEN).mean())


def _figure_colour(pixels: Floats, far: Floats) -> Floats | None:
    """Return the median colour of what clearly is not background; soft edges are left out."""
    differs = far > CLEARLY
    if differs.mean() < LEAST_AREA:
        return None
    distances = far[differs]
    full = distances > 0.75 * np.quantile(distances, 0.8)
    return np.median(pixels[differs][full], axis=0)


def _inner(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the figure without the pixels of its edge, whose colours are mixed."""
    eroded = cast("NDArray[np.bool_]", ndimage.binary_erosion(inside, _in_frame()))
    return eroded if eroded.any() else inside


def _in_frame() -> NDArray[np.bool_]:
    """Return the neighbourhood of a pixel: its own frame only."""
    neighbours = np.zeros((3, 3, 3), dtype=bool)
    neighbours[1] = True
    return neighbours


def _track(cover: Floats, inside: NDArray[np.bool_]) -> Track | None:
    """Follow the figure; None if too many frames show none, a torn one, or little else."""
    pieces, number = cast("tuple[Numbers, int]", ndimage.label(inside, _in_frame()))
    areas = np.bincount(pieces.ravel(), minlength=number + 1)
    frame_of = np.zeros(number + 1, dtype=int)
    frame_of[pieces[inside]] = np.nonzero(inside)[0]
    seen: list[tuple[int, int]] = []
    for frame in range(len(inside)):
        mine = np.flatnonzero(frame_of[1:] == frame) + 1
        if mine.size and _is_whole(areas[mine], inside[0].size):
            seen.append((frame, int(mine[areas[mine].argmax()])))
    if len(seen) < SEEN_SHARE * len(inside):
        return None
    return _measured(cover, pieces, seen)


def _is_whole(areas: Numbers, picture: int) -> bool:
    share = areas.max() / picture
    return bool(LEAST_AREA <= share <= MOST_AREA and areas.max() >= WHOLE * areas.sum())


def _measured(cover: Floats, pieces: Numbers, seen: list[tuple[int, int]]) -> Track:
    height, width = pieces.shape[1:]
    half = min(height, width) / 2
    rows: list[tuple[float, float, float]] = []
    outlines: list[Floats] = []
    across, down = grid()
    for frame, piece in seen:
        ys, xs = np.nonzero(pieces[frame] == piece)
        y, x, root = float(ys.mean()), float(xs.mean()), float(np.sqrt(ys.size))
        rows.append(((x + 0.5 - width / 2) / half, (y + 0.5 - height / 2) / half, root / half))
        points = np.stack([y + down * root, x + across * root])
        sampled = ndimage.map_coordinates(cover[frame], points, order=1, mode="nearest")
        outlines.append((sampled > 0.5).astype(np.float32))
    x, y, scale = np.array(rows, dtype=np.float32).T
    return Track(x=x, y=y, scale=scale, outlines=np.stack(outlines))
