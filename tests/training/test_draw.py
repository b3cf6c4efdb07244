"""Drawn clips: what is asked for is what the pixels show."""

import pytest
import torch

from training.shapes.networks.latents import latents_of
from training.shapes.scenes.draw import FRAMES, SIDE, Clips, Look, draw
from training.shapes.scenes.world import PALETTE, Colour, Figure, Motion, Scene, Shape, Size


def scene(
    motion: Motion = Motion.STILL, *, shape: Shape = Shape.SQUARE, size: Size = Size.MEDIUM
) -> Scene:
    figure = Figure(shape=shape, colour=Colour.RED, size=size, motion=motion)
    return Scene(figures=(figure,), background=Colour.BLUE)


def drawn(what: Scene, *, seed: int = 1, side: int = SIDE, look: Look | None = None) -> Clips:
    generator = torch.Generator().manual_seed(seed)
    return draw([what], generator=generator, side=side, look=look or Look())


def middles(clips: Clips) -> tuple[list[float], list[float]]:
    """Return the figure's middle in each frame, 0-1 from the left and from the top."""
    cover = clips.cover[0, :, 0]
    side = cover.shape[-1]
    places = (torch.arange(side) + 0.5) / side
    area = cover.sum(dim=(1, 2))
    x = (cover.sum(1) * places).sum(1) / area
    y = (cover.sum(2) * places).sum(1) / area
    return x.tolist(), y.tolist()


def test_a_clip_has_sixteen_frames_of_colours_between_nothing_and_one() -> None:
    clips = drawn(scene())
    assert clips.pixels.shape == (1, FRAMES, 3, SIDE, SIDE)
    assert clips.cover.shape == (1, FRAMES, 1, SIDE, SIDE)
    assert 0 <= float(clips.pixels.min()) <= float(clips.pixels.max()) <= 1


def test_the_same_seed_draws_the_same_and_another_something_else() -> None:
    assert torch.equal(drawn(scene(), seed=5).pixels, drawn(scene(), seed=5).pixels)
    assert not torch.equal(drawn(scene(), seed=5).pixels, drawn(scene(), seed=6).pixels)


def test_figure_and_background_have_the_palettes_colours() -> None:
    clips = drawn(scene())
    pixels, cover = clips.pixels[0, 0], clips.cover[0, 0, 0]
    figure = pixels[:, cover == 1].mean(1)
    ground = pixels[:, cover == 0].mean(1)
    assert torch.allclose(figure, torch.tensor(PALETTE[Colour.RED]), atol=0.06)
    assert torch.allclose(ground, torch.tensor(PALETTE[Colour.BLUE]), atol=0.06)


@pytest.mark.parametrize(
    ("motion", "axis", "sign"),
    [
        (Motion.LEFT, 0, -1),
        (Motion.RIGHT, 0, 1),
        (Motion.UP, 1, -1),
        (Motion.DOWN, 1, 1),
    ],
)
def test_a_figure_goes_where_it_is_told(motion: Motion, axis: int, sign: int) -> None:
    track = middles(drawn(scene(motion)))
    steps = [(b - a) * sign for a, b in zip(track[axis], track[axis][1:], strict=False)]
    assert min(steps) > 0
    assert max(track[1 - axis]) - min(track[1 - axis]) < 0.01


def test_growing_grows_shrinking_shrinks_and_still_stays() -> None:
    def areas(motion: Motion) -> list[float]:
        return drawn(scene(motion)).cover[0].sum(dim=(1, 2, 3)).tolist()

    assert areas(Motion.GROWING) == sorted(areas(Motion.GROWING))
    assert areas(Motion.SHRINKING) == sorted(areas(Motion.SHRINKING), reverse=True)
    assert len({round(area) for area in areas(Motion.STILL)}) == 1


def test_bouncing_comes_back_twice_and_orbiting_ends_where_it_began() -> None:
    _, y = middles(drawn(scene(Motion.BOUNCING)))
    turns = sum((b - a) * (c - b) < 0 for a, b, c in zip(y, y[1:], y[2:], strict=False))
    assert turns == 3
    x, y = middles(drawn(scene(Motion.ORBITING)))
    assert abs(x[0] - x[-1]) < 0.02
    assert abs(y[0] - y[-1]) < 0.02
    assert max(x) - min(x) > 0.3
    assert max(y) - min(y) > 0.3


def test_spinning_changes_the_outline_but_neither_place_nor_area() -> None:
    clips = drawn(scene(Motion.SPINNING))
    area = clips.cover[0].sum(dim=(1, 2, 3))
    assert float(area.max() / area.min()) < 1.01
    assert float((clips.cover[0, 0] - clips.cover[0, 4]).abs().sum()) > 100


@pytest.mark.parametrize("shape", list(Shape))
@pytest.mark.parametrize("size", list(Size))
@pytest.mark.parametrize("motion", [Motion.LEFT, Motion.UP, Motion.ORBITING, Motion.BOUNCING])
def test_no_figure_leaves_the_picture(shape: Shape, size: Size, motion: Motion) -> None:
    for seed in range(5):
        cover = drawn(scene(motion, shape=shape, size=size), seed=seed, side=64).cover
        edges = (cover[..., 0, :], cover[..., -1, :], cover[..., :, 0], cover[..., :, -1])
        assert sum(float(edge.sum()) for edge in edges) < 1


def test_an_outline_is_hollow_on_the_ground_that_its_look_names() -> None:
    look = Look(outline=0.12, background=(0, 0, 0))
    clips = drawn(scene(size=Size.BIG), look=look)
    filled = drawn(scene(size=Size.BIG))
    assert float(clips.cover.sum()) < 0.6 * float(filled.cover.sum())
    ground = clips.pixels[0, 0][:, clips.cover[0, 0, 0] == 0]
    assert float(ground.max()) < 0.06


def test_two_figures_stand_side_by_side() -> None:
    left = Figure(shape=Shape.STAR, colour=Colour.RED, size=Size.BIG, motion=Motion.LEFT)
    right = Figure(shape=Shape.HEART, colour=Colour.WHITE, size=Size.BIG, motion=Motion.UP)
    pixels = drawn(Scene(figures=(left, right), background=Colour.BLUE)).pixels[0, 8]
    half = SIDE // 2
    red = (pixels[0] > 0.7) & (pixels[1] < 0.3)
    white = pixels.min(0).values > 0.8
    assert int(red[:, :half].sum()) > 200
    assert int(white[:, half:].sum()) > 200
    assert int(red[:, half + 8 :].sum()) == 0


def test_latents_are_the_averaged_picture_and_do_not_depend_on_its_size() -> None:
    fine = latents_of(drawn(scene(), side=128).pixels)
    coarse = latents_of(drawn(scene(), side=64).pixels)
    assert fine.shape == (1, FRAMES, 4, 16, 16)
    assert float((fine - coarse)[:, :, :3].abs().mean()) < 0.01
    ground = fine[0, 0, :3, 0, 0] * 0.7 / 2 + 0.5
    assert torch.allclose(ground, torch.tensor(PALETTE[Colour.BLUE]), atol=0.06)


def test_the_fourth_latent_tells_upright_edges_from_level_ones() -> None:
    picture = torch.zeros(3, 128, 128)
    picture[:, :, 20:] = 1
    assert float(latents_of(picture)[3, 8, 2]) > 0.5
    assert float(latents_of(picture.transpose(1, 2))[3, 2, 8]) < -0.5
