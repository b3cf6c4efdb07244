"""Draws scenes: anti-aliased clips as tensors, on whatever device, a pure function of a seed.

A shape is a signed distance: negative inside, in units of half a side of the picture. The picture
is the square from -1 to 1, y points down. Formulas of distances follow Inigo Quilez, "2D distance
functions" (https://iquilezles.org/articles/distfunctions2d/).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.shapes.scenes.world import PALETTE, Figure, Motion, Scene, Shape, Size

FRAMES = 16
SIDE = 128
MARGIN = 0.95  # as far out as a shape's edge goes
RADII = {Size.SMALL: 0.24, Size.MEDIUM: 0.36, Size.BIG: 0.5}
SHADE = 0.05  # how far a shade's channels stray from the palette's
BOUNCES = 2
TURN = math.pi  # how far a spinning shape turns in a clip
NARROW = 0.62  # how much smaller the figures of a pair are, so that two fit beside each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Where a figure is in each frame: tensors of shape (frames,)."""

    x: Tensor
    y: Tensor
    radius: Tensor
    angle: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How scenes are drawn: what the extras (a LoRA, an embedding) change about them.

    Attributes:
        outline: Width of a line along the edge, drawn instead of a filled shape; 0 fills.
        background: The background's sRGB, whatever the scene says.
        figure: The figures' sRGB, whatever the scene says.
    """

    outline: float = 0.0
    background: tuple[float, float, float] | None = None
    figure: tuple[float, float, float] | None = None


PLAIN = Look()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clips:
    """Drawn clips.

    Attributes:
        pixels: Shape (clips, frames, 3, side, side), 0-1.
        cover: Shape (clips, frames, 1, side, side), the share of each pixel that a shape covers.
    """

    pixels: Tensor
    cover: Tensor


def draw(
    scenes: Sequence[Scene],
    *,
    generator: torch.Generator,
    side: int = SIDE,
    frames: Sequence[int] = tuple(range(FRAMES)),
    look: Look = PLAIN,
) -> Clips:
    """Draw the scenes.

    Args:
        scenes: What to draw, one clip each.
        generator: Of the CPU; draws where things start and their shades.
        side: Width and height in pixels.
        frames: Which of a clip's sixteen frames to draw.
        look: Changes of the style.
    """
    times = torch.tensor(list(frames)) / (FRAMES - 1)
    grid = (torch.arange(side) + 0.5) * 2 / side - 1
    y, x = torch.meshgrid(grid, grid, indexing="ij")
    pixels, cover = zip(
        *(_clip(each, times, (x, y), look, generator) for each in scenes), strict=True
    )
    return Clips(pixels=torch.stack(pixels), cover=torch.stack(cover))


def _clip(
    scene: Scene,
    times: Tensor,
    grid: tuple[Tensor, Tensor],
    look: Look,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    x, y = grid
    softness = 2 / x.shape[-1]  # one pixel
    ground = _shade(look.background or PALETTE[scene.background], generator)
    pixels = ground.expand(len(times), 3, *x.shape)
    cover = torch.zeros(len(times), 1, *x.shape)
    for place, figure in enumerate(scene.figures):
        path = path_of(figure, times, generator)
        if len(scene.figures) > 1:
            path = _in_half(path, right=place == 1)
        distance = _distances(figure.shape, path, x, y)
        if look.outline:
            distance = (distance + look.outline / 2).abs() - look.outline / 2
        alpha = (0.5 - distance / softness).clamp(0, 1)[:, None]
        colour = _shade(look.figure or PALETTE[figure.colour], generator)
        pixels = pixels + alpha * (colour - pixels)
        cover = torch.maximum(cover, alpha)
    return pixels, cover


def _shade(colour: tuple[float, float, float], generator: torch.Generator) -> Tensor:
    jitter = (torch.rand(3, generator=generator) * 2 - 1) * SHADE
    return (torch.tensor(colour) + jitter).clamp(0, 1)[None, :, None, None]


def path_of(figure: Figure, times: Tensor, generator: torch.Generator) -> Path:
    """Return where the figure is at each of the times (0-1), jittered by the generator."""
    radius = RADII[figure.size] * (0.94 + 0.12 * float(torch.rand((), generator=generator)))
    u, v = (torch.rand(2, generator=generator) * 2 - 1).tolist()
    x, y = _places(figure.motion, times, MARGIN - radius, (u, v))
    return Path(
        x=x, y=y, radius=radius * _scales(figure.motion, times), angle=_angles(figure, times, v)
    )


def mean_paths(scenes: Sequence[Scene], frames: Sequence[int]) -> Tensor:
    """Return where the first figures are without any jitter.

    Returns:
        Shape (scenes, frames, 3): x and y, and how much larger than usual it is; each doubled, so
        that they spread about as far as other values do.
    """
    times = torch.tensor(list(frames)) / (FRAMES - 1)
    return torch.stack([_mean_path(each.figures[0], times) for each in scenes])


def _mean_path(figure: Figure, times: Tensor) -> Tensor:
    x, y = _places(figure.motion, times, MARGIN - RADII[figure.size], (0.0, 0.0))
    return torch.stack([x, y, _scales(figure.motion, times) - 1], dim=-1) * 2


def _places(
    motion: Motion, times: Tensor, reach: float, jitter: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """Return the middles; `reach` is how far one may be from the picture's without being cut."""
    u, v = jitter
    across, down = torch.full_like(times, 0.7 * reach * u), torch.full_like(times, 0.7 * reach * v)
    sweep = reach * (1 - 0.15 * abs(v)) * (1 - 2 * times)
    turn = 2 * math.pi * times + 0.6 * v
    hop = reach - 2 * reach * torch.sin(BOUNCES * math.pi * times).abs()
    places = {
        Motion.LEFT: (sweep, down),
        Motion.RIGHT: (-sweep, down),
        Motion.UP: (across, sweep),
        Motion.DOWN: (across, -sweep),
        Motion.BOUNCING: (across, hop),
        Motion.ORBITING: (reach * torch.sin(turn), -reach * torch.cos(turn)),
    }
    return places.get(motion, (across, down))


def _scales(motion: Motion, times: Tensor) -> Tensor:
    if motion is Motion.GROWING:
        return 0.4 + 0.75 * times
    if motion is Motion.SHRINKING:
        return 1.15 - 0.75 * times
    return torch.ones_like(times)


def _angles(figure: Figure, times: Tensor, jitter: float) -> Tensor:
    if figure.motion is Motion.SPINNING:
        return times * TURN + 0.5 * jitter
    return torch.zeros_like(times)


def _in_half(path: Path, *, right: bool) -> Path:
    middle = 0.5 if right else -0.5
    return Path(
        x=path.x * 0.4 + middle,
        y=path.y,
        radius=path.radius * NARROW,
        angle=path.angle,
    )


def _distances(shape: Shape, path: Path, x: Tensor, y: Tensor) -> Tensor:
    """Return signed distances of shape (frames, side, side)."""

    def each(values: Tensor) -> Tensor:
        return values[:, None, None]

    left, top = x - each(path.x), y - each(path.y)
    cos, sin = each(path.angle.cos()), each(path.angle.sin())
    across, down = (left * cos + top * sin), (top * cos - left * sin)
    radius = each(path.radius)
    return OUTLINES[shape](across / radius, down / radius) * radius


def circle(x: Tensor, y: Tensor) -> Tensor:
    """Return the distance to a disc of about the same area as the other shapes."""
    return torch.hypot(x, y) - 0.9


def square(x: Tensor, y: Tensor) -> Tensor:
    """Return the distance to an upright square."""
    return _box(x, y, 0.8, 0.8)


def triangle(x: Tensor, y: Tensor) -> Tensor:
    """Return the distance to an equilateral triangle, tip up, its centroid in the middle."""
    half = 0.94  # of its side
    root = math.sqrt(3)
    x, y = x.abs() - half, -y + half / root
    folded = x + root * y > 0
    x, y = torch.where(folded, (x - root * y) / 2, x), torch.where(folded, (-root * x - y) / 2, y)
    x = x - x.clamp(-2 * half, 0)
    return -torch.hypot(x, y) * y.sign()


def star(x: Tensor, y: Tensor) -> Tensor:
    """Return the distance to a five-pointed star, one tip up."""
    return _polygon(x, y, STAR)


def heart(x: Tensor, y: Tensor) -> Tensor:
    """Return the distance to a heart, tip down."""
    return _polygon(x, y, HEART)


def cross(x: Tensor, y: Tensor) -> Tensor:
    """Return the distance to an upright cross of two bars."""
    return torch.minimum(_box(x, y, 0.95, 0.32), _box(x, y, 0.32, 0.95))


OUTLINES: dict[Shape, Callable[[Tensor, Tensor], Tensor]] = {
    Shape.CIRCLE: circle,
    Shape.SQUARE: square,
    Shape.TRIANGLE: triangle,
    Shape.STAR: star,
    Shape.HEART: heart,
    Shape.CROSS: cross,
}


def _star() -> list[tuple[float, float]]:
    corners: list[tuple[float, float]] = []
    for number in range(10):
        radius = 0.45 if number % 2 else 1.08
        angle = math.pi * number / 5
        corners.append((radius * math.sin(angle), -radius * math.cos(angle)))
    return corners


def _heart(points: int = 20) -> list[tuple[float, float]]:
    # The well-known curve x = 16 sin^3 t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t.
    turns = [2 * math.pi * number / points for number in range(points)]
    return [
        (
            16 * math.sin(t) ** 3 / 17,
            -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t) + 2)
            / 16,
        )
        for t in turns
    ]


STAR = _star()
HEART = _heart()


def _box(x: Tensor, y: Tensor, width: float, height: float) -> Tensor:
    across, down = x.abs() - width, y.abs() - height
    outside = torch.hypot(across.clamp(min=0), down.clamp(min=0))
    return outside + torch.maximum(across, down).clamp(max=0)


def _polygon(x: Tensor, y: Tensor, corners: Sequence[tuple[float, float]]) -> Tensor:
    nearest = torch.full_like(x, math.inf)
    inside = torch.zeros_like(x, dtype=torch.bool)
    for (ax, ay), (bx, by) in zip(corners, (corners[-1], *corners[:-1]), strict=True):
        ex, ey = bx - ax, by - ay
        wx, wy = x - ax, y - ay
        along = ((wx * ex + wy * ey) / (ex * ex + ey * ey)).clamp(0, 1)
        nearest = torch.minimum(nearest, torch.hypot(wx - ex * along, wy - ey * along))
        crosses = (ay > y) != (by > y)
        inside ^= crosses & (wx < wy * ex / (ey or math.inf))
    return torch.where(inside, -nearest, nearest)
