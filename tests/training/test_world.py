"""What can be in a clip, and which of it no training sees."""

import random

from training.shapes.scenes.captions import caption, plain_caption
from training.shapes.scenes.world import (
    Colour,
    Figure,
    Motion,
    Scene,
    Shape,
    Size,
    World,
    can_be_seen,
    is_held_out,
)

RED_CIRCLE = Scene(
    figures=(Figure(shape=Shape.CIRCLE, colour=Colour.RED, size=Size.BIG, motion=Motion.LEFT),),
    background=Colour.BLUE,
)


def every_scene() -> list[Scene]:
    return [
        Scene(
            figures=(Figure(shape=shape, colour=colour, size=Size.BIG, motion=motion),),
            background=background,
        )
        for shape in Shape
        for motion in Motion
        if can_be_seen(shape, motion)
        for colour in Colour
        for background in Colour
        if colour is not background
    ]


def test_about_a_tenth_of_all_combinations_is_held_out() -> None:
    scenes = every_scene()
    held_out = sum(is_held_out(scene) for scene in scenes)
    assert 0.09 < held_out / len(scenes) < 0.115


def test_each_shape_colour_and_motion_is_held_out_somewhere_and_trained_on_somewhere() -> None:
    scenes = every_scene()
    for scene_set in (
        [each for each in scenes if is_held_out(each)],
        [each for each in scenes if not is_held_out(each)],
    ):
        figures = [each.figures[0] for each in scene_set]
        assert {each.shape for each in figures} == set(Shape)
        assert {each.colour for each in figures} == set(Colour)
        assert {each.motion for each in figures} == set(Motion)
        assert {each.background for each in scene_set} == set(Colour)


def test_a_training_scene_is_never_held_out_and_a_held_out_scene_always_is() -> None:
    rng = random.Random(3)
    world = World(pairs=0.5)
    assert not any(is_held_out(world.training_scene(rng)) for _ in range(500))
    assert all(is_held_out(world.held_out_scene(rng)) for _ in range(100))


def test_which_scenes_are_held_out_does_not_depend_on_the_size() -> None:
    for size in Size:
        figure = Figure(shape=Shape.STAR, colour=Colour.RED, size=size, motion=Motion.UP)
        scene = Scene(figures=(figure,), background=Colour.PINK)
        first = Figure(shape=Shape.STAR, colour=Colour.RED, size=Size.BIG, motion=Motion.UP)
        same = Scene(figures=(first,), background=Colour.PINK)
        assert is_held_out(scene) == is_held_out(same)


def test_nothing_is_drawn_in_its_backgrounds_colour_and_no_circle_spins() -> None:
    rng = random.Random(4)
    world = World(pairs=0.3)
    for _ in range(1000):
        scene = world.draw_scene(rng)
        colours = [each.colour for each in scene.figures]
        assert scene.background not in colours
        assert len(set(colours)) == len(colours)
        assert all(can_be_seen(each.shape, each.motion) for each in scene.figures)


def test_the_plain_caption_says_everything() -> None:
    words = plain_caption(RED_CIRCLE)
    assert words == "a big red circle moving left on a blue background"


def test_a_complete_caption_names_what_is_measured_in_some_wording() -> None:
    rng = random.Random(5)
    texts = set()
    for _ in range(200):
        said = caption(RED_CIRCLE, rng, complete=True)
        figure = said.figures[0]
        assert (figure.shape, figure.colour, figure.motion) == (
            Shape.CIRCLE,
            Colour.RED,
            Motion.LEFT,
        )
        assert said.background is Colour.BLUE
        texts.add(said.text)
    assert len(texts) > 150


def test_a_caption_in_training_leaves_things_out_and_says_so() -> None:
    rng = random.Random(6)
    said = [caption(RED_CIRCLE, rng) for _ in range(400)]
    silent = [each for each in said if each.background is None]
    assert silent
    assert not any("blue" in each.text or "navy" in each.text for each in silent)
    assert any(each.figures[0].motion is None for each in said)


def test_articles_fit_what_follows() -> None:
    rng = random.Random(7)
    world = World(pairs=0.5)
    for _ in range(500):
        text = f" {caption(world.draw_scene(rng), rng).text.lower()}"
        assert not any(f" a {vowel}" in text for vowel in "aeio")
