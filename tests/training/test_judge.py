"""The judge names everything in a drawn clip, and nothing that is not there.

torch is loaded by the fixtures only: collecting these tests must stay cheap.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from training.shapes.scenes.world import (
    PALETTE,
    Colour,
    Figure,
    Motion,
    Scene,
    Shape,
    Size,
    World,
    can_be_seen,
)

Frames = NDArray[np.uint8]

EVERY_SIZE, EVERY_COLOUR = list(Size), list(Colour)
RED, WHITE, BLUE = (PALETTE[each] for each in (Colour.RED, Colour.WHITE, Colour.BLUE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What draws clips as the judge takes them, and what judges them."""

    draw: Callable[..., Frames]
    judge: Callable[[Frames], Any]
    judge_ends: Callable[..., tuple[Any, Any]]
    is_closed: Callable[[Frames], bool]


@pytest.fixture(scope="module")
def room() -> Room:
    import torch  # noqa: PLC0415 - seconds of torch

    from training.shapes.judging.judge import is_closed, judge, judge_ends  # noqa: PLC0415
    from training.shapes.scenes.draw import draw  # noqa: PLC0415

    torch.set_num_threads(1)

    def drawn(scene: Scene, seed: int = 0, **options: Any) -> Frames:
        generator = torch.Generator().manual_seed(seed)
        pixels = draw([scene], generator=generator, **options).pixels[0]
        return to_frames(pixels.permute(0, 2, 3, 1).numpy())

    return Room(draw=drawn, judge=judge, judge_ends=judge_ends, is_closed=is_closed)


def to_frames(pixels: NDArray[Any]) -> Frames:
    return (pixels.clip(0, 1) * 255).round().astype(np.uint8)


def of_every_kind() -> list[Scene]:
    """One scene for each shape with each of its motions; sizes and colours change in turn."""
    kinds = [(shape, motion) for shape in Shape for motion in Motion if can_be_seen(shape, motion)]
    rng = random.Random(5)
    scenes: list[Scene] = []
    for number, (shape, motion) in enumerate(kinds):
        colour, background = rng.sample(EVERY_COLOUR, 2)
        size = EVERY_SIZE[number % 3]
        figure = Figure(shape=shape, colour=colour, size=size, motion=motion)
        scenes.append(Scene(figures=(figure,), background=background))
    return scenes


def truth(scene: Scene) -> dict[str, Any]:
    (figure,) = scene.figures
    return {
        "shape": figure.shape,
        "colour": figure.colour,
        "background": scene.background,
        "motion": figure.motion,
        "size": figure.size,
    }


def said(judgement: Any) -> dict[str, Any]:
    return {name: getattr(judgement, name) for name in truth(of_every_kind()[0])}


def red_on_white(shape: Shape, motion: Motion, size: Size = Size.MEDIUM) -> Scene:
    figure = Figure(shape=shape, colour=Colour.RED, size=size, motion=motion)
    return Scene(figures=(figure,), background=Colour.WHITE)


def painted(masks: Sequence[NDArray[np.bool_]]) -> Frames:
    """Paint red where the masks say so, on white."""
    inside = np.stack(masks)[..., None]
    return to_frames(np.where(inside, np.array(RED), np.array(WHITE)))


def grid(side: int = 128) -> tuple[NDArray[Any], NDArray[Any]]:
    line = (np.arange(side) + 0.5) * 2 / side - 1
    y, x = np.meshgrid(line, line, indexing="ij")
    return x, y


def disc(x: float = 0, y: float = 0, radius: float = 0.3) -> NDArray[np.bool_]:
    across, down = grid()
    return np.hypot(across - x, down - y) < radius


def test_everything_in_a_drawn_clip_is_named(room: Room) -> None:
    for seed, scene in enumerate(of_every_kind()):
        assert said(room.judge(room.draw(scene, seed))) == truth(scene)


def test_everything_in_a_blurred_and_noisy_clip_is_named(room: Room) -> None:
    from scipy import ndimage  # noqa: PLC0415

    noise = np.random.default_rng(1)
    for seed, scene in enumerate(of_every_kind()):
        blurred = ndimage.gaussian_filter(room.draw(scene, seed) / 255, (0, 1, 1, 0))
        frames = to_frames(blurred + noise.normal(0, 0.02, blurred.shape))
        assert said(room.judge(frames)) == truth(scene)


@pytest.mark.parametrize("count", [8, 32])
def test_a_clip_may_have_fewer_or_more_frames(room: Room, count: int) -> None:
    times = [15 * number / (count - 1) for number in range(count)]
    for seed, scene in enumerate(of_every_kind()[::5]):
        assert said(room.judge(room.draw(scene, seed, frames=times))) == truth(scene)


@pytest.mark.parametrize("side", [64, 256])
def test_a_clip_may_be_smaller_or_larger(room: Room, side: int) -> None:
    world = World(pairs=0, sizes=(Size.MEDIUM, Size.BIG))
    rng = random.Random(3)
    for seed in range(8):
        scene = world.draw_scene(rng)
        assert said(room.judge(room.draw(scene, seed, side=side))) == truth(scene)


def test_a_clip_played_backwards_moves_the_other_way(room: Room) -> None:
    frames = room.draw(red_on_white(Shape.STAR, Motion.LEFT))
    assert room.judge(frames[::-1]).motion is Motion.RIGHT


def test_an_empty_clip_has_nothing_but_a_background(room: Room) -> None:
    judgement = room.judge(to_frames(np.full((16, 128, 128, 3), BLUE)))
    nothing = dict.fromkeys(("shape", "colour", "motion", "size"))
    assert said(judgement) == {"background": Colour.BLUE, **nothing}


def test_nothing_is_named_in_noise(room: Room) -> None:
    noise = np.random.default_rng(2).random((16, 128, 128, 3))
    assert set(said(room.judge(to_frames(noise))).values()) == {None}


def test_blobs_have_no_shape(room: Room) -> None:
    from scipy import ndimage  # noqa: PLC0415

    noise = np.random.default_rng(4)
    for _ in range(20):
        hills = ndimage.gaussian_filter(noise.normal(size=(128, 128)), 10)
        hills[:4], hills[-4:], hills[:, :4], hills[:, -4:] = 0, 0, 0, 0
        pieces = cast("tuple[Any, int]", ndimage.label(hills > np.quantile(hills, 0.85)))[0]
        largest = pieces == np.bincount(pieces[pieces > 0]).argmax()
        assert room.judge(painted([largest] * 16)).shape is None


@pytest.mark.parametrize("ratio", [1.4, 1.7, 2.0])
def test_ovals_and_long_boxes_have_no_shape(room: Room, ratio: float) -> None:
    x, y = grid()
    wide, low = x / ratio**0.5, y * ratio**0.5
    assert room.judge(painted([np.hypot(wide, low) < 0.3] * 16)).shape is None
    assert room.judge(painted([np.maximum(abs(wide), abs(low)) < 0.3] * 16)).shape is None


def test_a_square_on_its_corner_that_does_not_spin_is_not_named(room: Room) -> None:
    x, y = grid()
    judgement = room.judge(painted([abs(x) + abs(y) < 0.4] * 16))
    assert (judgement.shape, judgement.motion) == (None, Motion.STILL)


def test_an_empty_ring_has_no_shape(room: Room) -> None:
    ring = disc(radius=0.4) & ~disc(radius=0.3)
    assert room.judge(painted([ring] * 16)).shape is None


def test_a_torn_figure_has_a_colour_but_no_shape_and_no_motion(room: Room) -> None:
    judgement = room.judge(painted([disc(-0.5) | disc(0.5)] * 16))
    assert (judgement.colour, judgement.shape, judgement.motion) == (Colour.RED, None, None)


def test_a_second_piece_of_another_colour_tears_a_figure_as_well(room: Room) -> None:
    frames = painted([disc(-0.5)] * 16)
    frames[:, disc(0.5, radius=0.2)] = to_frames(np.array(BLUE))
    assert room.judge(frames).shape is None


def test_a_figure_of_two_colours_has_no_colour(room: Room) -> None:
    frames = painted([disc()] * 16)
    x, _ = grid()
    frames[:, disc() & (x > 0)] = to_frames(np.array(BLUE))
    assert room.judge(frames).colour is None


def test_a_background_of_two_colours_has_no_colour(room: Room) -> None:
    frames = room.draw(red_on_white(Shape.CIRCLE, Motion.STILL))
    frames[:, :, 90:] = 15
    assert room.judge(frames).background is None


def test_grey_is_no_colour(room: Room) -> None:
    frames = painted([disc()] * 16)
    frames[:, disc()] = 128
    assert room.judge(frames).colour is None


def test_a_figure_that_is_away_for_a_quarter_of_the_clip_is_not_named(room: Room) -> None:
    frames = room.draw(red_on_white(Shape.HEART, Motion.STILL))
    frames[6:10] = frames[0, 0, 0]
    judgement = room.judge(frames)
    assert (judgement.shape, judgement.motion) == (None, None)


def test_a_figure_that_jumps_about_has_a_shape_but_no_motion(room: Room) -> None:
    places = np.random.default_rng(8).uniform(-0.6, 0.6, (16, 2))
    judgement = room.judge(painted([disc(x, y) for x, y in places]))
    assert (judgement.shape, judgement.motion) == (Shape.CIRCLE, None)


def test_a_figure_that_goes_aslant_has_no_motion(room: Room) -> None:
    places = np.linspace(-0.6, 0.6, 16)
    assert room.judge(painted([disc(at, at) for at in places])).motion is None


def test_a_figure_that_goes_there_and_back_does_not_move_right(room: Room) -> None:
    places = [*np.linspace(-0.6, 0.6, 10), *np.linspace(0.5, 0.1, 6)]
    assert room.judge(painted([disc(at) for at in places])).motion is None


def test_a_figure_that_wobbles_does_not_spin(room: Room) -> None:
    frames = room.draw(red_on_white(Shape.CROSS, Motion.SPINNING))
    there_and_back = np.concatenate([frames[:4], frames[3::-1]] * 2)
    assert room.judge(there_and_back).motion is None


def test_a_half_circle_is_no_orbit(room: Room) -> None:
    angles = np.linspace(0, np.pi, 16)
    frames = painted([disc(0.6 * np.cos(at), 0.6 * np.sin(at)) for at in angles])
    assert room.judge(frames).motion is None


def test_a_figure_that_pulses_neither_grows_nor_shrinks(room: Room) -> None:
    frames = room.draw(red_on_white(Shape.STAR, Motion.GROWING))
    assert room.judge(np.concatenate([frames[::2], frames[::-2]])).motion is None


def test_few_frames_show_no_motion(room: Room) -> None:
    frames = room.draw(red_on_white(Shape.STAR, Motion.STILL))[:4]
    judgement = room.judge(frames)
    assert (judgement.shape, judgement.motion) == (Shape.STAR, None)


def test_the_two_ends_of_a_storyboard_are_judged_by_themselves(room: Room) -> None:
    before = room.draw(red_on_white(Shape.HEART, Motion.STILL))
    figure = Figure(shape=Shape.STAR, colour=Colour.CYAN, size=Size.BIG, motion=Motion.GROWING)
    scene = Scene(figures=(figure,), background=Colour.BLACK)
    first, last = room.judge_ends(np.concatenate([before, room.draw(scene)]), first=4, last=16)
    assert (first.shape, first.colour, first.background) == (Shape.HEART, Colour.RED, Colour.WHITE)
    assert said(last) == truth(scene)


@pytest.mark.parametrize("motion", [Motion.STILL, Motion.BOUNCING, Motion.ORBITING])
def test_a_path_that_comes_back_is_closed(room: Room, motion: Motion) -> None:
    assert room.is_closed(room.draw(red_on_white(Shape.STAR, motion)))


@pytest.mark.parametrize("motion", [Motion.LEFT, Motion.UP, Motion.GROWING])
def test_a_path_that_ends_elsewhere_is_not_closed(room: Room, motion: Motion) -> None:
    assert not room.is_closed(room.draw(red_on_white(Shape.STAR, motion)))
