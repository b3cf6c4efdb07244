"""Puts scenes into words, in many wordings and orders, with synonyms and with attributes missing.

A missing attribute means that any will do: the clip beside the caption has a drawn one.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

from training.shapes.scenes.world import WHOLE, Colour, Motion, Scene, Shape, Size, World

SHAPES: dict[Shape, tuple[str, ...]] = {
    Shape.CIRCLE: ("circle", "circle", "disc", "ball", "dot"),
    Shape.SQUARE: ("square", "square", "box", "block"),
    Shape.TRIANGLE: ("triangle", "triangle", "pyramid"),
    Shape.STAR: ("star", "star", "five-pointed star"),
    Shape.HEART: ("heart", "heart", "love heart"),
    Shape.CROSS: ("cross", "cross", "plus", "plus sign"),
}
COLOURS: dict[Colour, tuple[str, ...]] = {
    Colour.RED: ("red", "red", "red", "crimson", "scarlet"),
    Colour.GREEN: ("green", "green", "green", "emerald"),
    Colour.BLUE: ("blue", "blue", "blue", "navy blue"),
    Colour.YELLOW: ("yellow", "yellow", "yellow", "golden"),
    Colour.PURPLE: ("purple", "purple", "purple", "violet"),
    Colour.ORANGE: ("orange", "orange", "orange", "tangerine"),
    Colour.WHITE: ("white", "white", "white", "snow white"),
    Colour.BLACK: ("black", "black", "black", "jet black"),
    Colour.PINK: ("pink", "pink", "pink", "rose"),
    Colour.CYAN: ("cyan", "cyan", "cyan", "turquoise"),
}
SIZES: dict[Size, tuple[str, ...]] = {
    Size.SMALL: ("small", "small", "little", "tiny"),
    Size.MEDIUM: ("medium", "medium-sized", "mid-sized"),
    Size.BIG: ("big", "big", "large", "huge"),
}
MOTIONS: dict[Motion, tuple[str, ...]] = {
    Motion.LEFT: (
        "moving left",
        "moving to the left",
        "going left",
        "sliding left",
        "drifting to the left",
        "flying left",
        "moving from right to left",
    ),
    Motion.RIGHT: (
        "moving right",
        "moving to the right",
        "going right",
        "sliding right",
        "drifting to the right",
        "flying right",
        "moving from left to right",
    ),
    Motion.UP: ("moving up", "going up", "rising", "floating up", "moving upwards", "flying up"),
    Motion.DOWN: (
        "moving down",
        "going down",
        "falling",
        "sinking",
        "moving downwards",
        "dropping down",
    ),
    Motion.BOUNCING: ("bouncing", "bouncing up and down", "hopping", "jumping up and down"),
    Motion.SPINNING: ("spinning", "rotating", "turning around", "spinning in place", "whirling"),
    Motion.GROWING: ("growing", "getting bigger", "expanding", "becoming larger", "swelling"),
    Motion.SHRINKING: ("shrinking", "getting smaller", "contracting", "becoming smaller"),
    Motion.ORBITING: (
        "orbiting",
        "circling around",
        "going around in a circle",
        "moving in circles",
    ),
    Motion.STILL: ("still", "standing still", "not moving", "resting", "motionless"),
}
BEHIND = (
    "on a {} background",
    "on a {} background",
    "on {}",
    "against a {} background",
    "over {}",
    "in front of a {} background",
    "on a {} backdrop",
    "with a {} background",
)
AHEAD = ("on a {} background, ", "{} background, ", "on {}, ", "against a {} backdrop, ")
QUALITY = (
    "high quality",
    "best quality",
    "masterpiece",
    "4k",
    "8k",
    "detailed",
    "highly detailed",
    "sharp",
    "animation",
    "clean",
    "beautiful",
    "cinematic",
)
LEADS = ("", "", "", "", "a video of ", "an animation of ", "a clip of ", "a picture of ")
MISSING = {"colour": 0.08, "shape": 0.06, "size": 0.45, "motion": 0.1, "background": 0.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A caption and what it says: for each figure and the background, None where it is silent."""

    text: str
    figures: tuple["SaidFigure", ...] = ()
    background: Colour | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidFigure:
    """What a caption says of one figure."""

    shape: Shape | None
    colour: Colour | None
    size: Size | None
    motion: Motion | None


def caption(
    scene: Scene,
    rng: random.Random,
    *,
    complete: bool = False,
    colours: Mapping[Colour, tuple[str, ...]] = COLOURS,
) -> Said:
    """Return one of many captions of the scene.

    Args:
        scene: What is in the clip.
        rng: Chooses the wording.
        complete: Whether nothing but the size may be left out.
        colours: The words for colours.
    """

    def says(attribute: str) -> bool:
        silent = attribute != "size" if complete else False
        return silent or rng.random() >= MISSING[attribute]

    said = [
        SaidFigure(
            shape=each.shape if says("shape") else None,
            colour=each.colour if says("colour") else None,
            size=each.size if says("size") else None,
            motion=each.motion if says("motion") else None,
        )
        for each in scene.figures
    ]
    background = scene.background if says("background") else None
    text = " and ".join(_figure(each, rng, colours) for each in said)
    text = rng.choice(LEADS) + text
    if background is not None:
        words = rng.choice(colours[background])
        if rng.random() < 0.2:
            text = rng.choice(AHEAD).format(words) + text
        else:
            comma = ", " if rng.random() < 0.15 else " "
            text = text + comma + rng.choice(BEHIND).format(words)
    text = _decorated(_with_articles(text), rng)
    return Said(text=text, figures=tuple(said), background=background)


def plain_caption(scene: Scene) -> str:
    """Return the wording that the documentation uses: "a big red circle moving left on blue"."""
    figures = " and ".join(
        f"a {each.size} {each.colour} {each.shape} {MOTIONS[each.motion][0]}"
        for each in scene.figures
    )
    return _with_articles(f"{figures} on a {scene.background} background")


def empty_caption(rng: random.Random) -> Said:
    """Return a caption that says nothing: no words, or words of quality only."""
    count = rng.choice((0, 0, 0, 1, 2))
    return Said(text=", ".join(rng.sample(QUALITY, count)))


def _figure(said: SaidFigure, rng: random.Random, colours: Mapping[Colour, tuple[str, ...]]) -> str:
    words = []
    if said.size is not None:
        words.append(rng.choice(SIZES[said.size]))
    if said.colour is not None:
        words.append(rng.choice(colours[said.colour]))
    words.append("shape" if said.shape is None else rng.choice(SHAPES[said.shape]))
    noun = " ".join(words)
    named = f"{rng.choice(('a', 'a', 'a', 'one', 'the', ''))} {noun}".strip()
    if said.motion is None:
        return named
    phrase = rng.choice(MOTIONS[said.motion])
    turn = rng.random()
    if turn < 0.08:
        return f"{phrase} {noun}"
    if turn < 0.16:
        return f"{named}, {phrase}"
    if turn < 0.24:
        return f"{named} that is {phrase}"
    return f"{named} {phrase}"


def _with_articles(text: str) -> str:
    return re.sub(r"\ba (?=[aeio])", "an ", text)


def _decorated(text: str, rng: random.Random) -> str:
    turn = rng.random()
    if turn < 0.15:
        text = f"{text}, {', '.join(rng.sample(QUALITY, rng.randint(1, 3)))}"
    elif turn < 0.2:
        text = f"{rng.choice(QUALITY)}, {text}"
    if rng.random() < 0.1:
        text = text.capitalize()
    if rng.random() < 0.1:
        text += "."
    return text


def every_wording(world: World = WHOLE) -> list[str]:
    """Return every phrase that a caption of the world can hold."""
    phrases: list[str] = [*QUALITY, *LEADS]
    phrases += [phrase for each in world.shapes for phrase in SHAPES[each]]
    phrases += [phrase for each in world.colours for phrase in COLOURS[each]]
    phrases += [phrase for each in world.sizes for phrase in SIZES[each]]
    phrases += [phrase for each in world.motions for phrase in MOTIONS[each]]
    phrases += [form.format("") for form in (*BEHIND, *AHEAD)]
    pair = ["and"] if world.pairs else []
    return [*phrases, "a", "an", "the", "one", "that is", "shape", *pair]
