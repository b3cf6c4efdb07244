"""Makes the special cases that a model is measured on besides plain prompts, and judges them.

A case's scenes are held out as all others are. Where a case cannot show every scene (a path that
does not come back cannot be a loop), it draws those that it can show.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from jobs.request import ResolvedRequest, Scheduler, Segment
from providers.local.capabilities import UNUSABLE_SCHEDULERS
from training.shapes.judging.judge import is_closed, judge, judge_ends
from training.shapes.judging.tables import Share, Verdict
from training.shapes.scenes.captions import caption
from training.shapes.scenes.draw import FRAMES, SIDE, draw
from training.shapes.scenes.world import Motion, Scene, World

Frames = NDArray[np.uint8]
Render = Callable[[ResolvedRequest, Path | None], Frames]

STRENGTH = 0.6  # of the init image
SCHEDULER_STEPS = 15
ENDS = {"first": 4, "last": FRAMES}  # frames of a storyboard: its second part stands alone for 16
COMING_BACK = (Motion.STILL, Motion.BOUNCING, Motion.ORBITING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One request and the scenes that it asks for, in their order."""

    scenes: tuple[Scene, ...]
    request: ResolvedRequest
    has_image: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a trial: a verdict for each scene; `is_closed` where it is asked for."""

    verdicts: tuple[Verdict, ...]
    is_closed: bool = True

    def is_right(self, attribute: str) -> bool:
        """Every scene shows the attribute, where it counts."""
        counted = [each for each in self.verdicts if attribute in each.attributes]
        return all(each.is_right(attribute) for each in counted)

    @property
    def is_all_right(self) -> bool:
        """Every scene is right in all that counts, and a loop is closed."""
        return self.is_closed and all(each.is_all_right for each in self.verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Draws the trials of a case; `base` has what they share, `world` what they may show."""

    base: ResolvedRequest
    world: World
    rng: random.Random

    def plain(self, **changes: object) -> Trial:
        """Return a request of one scene."""
        scene = self.world.held_out_scene(self.rng)
        return Trial(scenes=(scene,), request=self._request([scene], **changes))

    def with_image(self) -> Trial:
        """Return a request that starts from the scene's first frame."""
        return replace(self.plain(strength=STRENGTH), has_image=True)

    def loop(self) -> Trial:
        """Return a loop of a scene that comes back to where it began."""
        return replace(self, world=replace(self.world, motions=COMING_BACK)).plain(closed_loop=True)

    def storyboard(self) -> Trial:
        """Return two scenes: the figure stands still and takes another colour and background."""
        still = replace(self.world, motions=(Motion.STILL,))
        before = still.held_out_scene(self.rng)
        colours = [each for each in self.world.colours if each not in _colours(before)]
        colour, background = self.rng.sample(colours, 2)
        figure = replace(before.figures[0], colour=colour)
        scenes = (before, Scene(figures=(figure,), background=background))
        return Trial(scenes=scenes, request=self._request(scenes, frames=2 * FRAMES))

    def _request(self, scenes: Sequence[Scene], **changes: object) -> ResolvedRequest:
        texts = [caption(each, self.rng, complete=True).text for each in scenes]
        segments = [Segment(prompt=text, frames=FRAMES) for text in texts]
        seed = self.rng.randrange(2**32)
        return self.base.evolve(segments=tuple(segments), seed=seed, **changes)


def base_request(*, steps: int, guidance: float) -> ResolvedRequest:
    """Return what all requests share."""
    return ResolvedRequest(
        segments=(),
        width=SIDE,
        height=SIDE,
        frames=FRAMES,
        fps=8,
        steps=steps,
        guidance_scale=guidance,
    )


def trials(
    base: ResolvedRequest, world: World, *, count: int, seed: int
) -> Mapping[str, Iterator[Trial]]:
    """Return the cases by name, each with `count` trials that depend on nothing but the seed."""

    def drawn(name: str, make: Callable[[Maker], Trial]) -> Iterator[Trial]:
        rng = random.Random(f"{seed} {name}")
        maker = Maker(base=base, world=world, rng=rng)
        return (make(maker) for _ in range(count))

    named: dict[str, Callable[[Maker], Trial]] = {
        "closed loop": Maker.loop,
        "storyboard of two scenes": Maker.storyboard,
        f"init image, strength {STRENGTH}": Maker.with_image,
        "clip_skip 2": lambda maker: maker.plain(clip_skip=2),
    }
    for each in Scheduler:
        if each not in UNUSABLE_SCHEDULERS:
            named[f"{each}, {SCHEDULER_STEPS} steps"] = _with_scheduler(each)
    return {name: drawn(name, make) for name, make in named.items()}


def try_out(trial: Trial, render: Render) -> Outcome:
    """Render a trial and judge it."""
    with TemporaryDirectory() as folder:
        image = _first_frame(trial, Path(folder)) if trial.has_image else None
        frames = render(trial.request, image)
    if len(trial.scenes) == 1:
        verdict = Verdict(scene=trial.scenes[0], judgement=judge(frames))
        closed = is_closed(frames) if trial.request.closed_loop else True
        return Outcome(verdicts=(verdict,), is_closed=closed)
    before, after = trial.scenes
    first, last = judge_ends(frames, **ENDS)
    # While the first scene blends into the second, only what it began with can be told.
    began = Verdict(scene=before, judgement=first, attributes=("colour", "background", "shape"))
    return Outcome(verdicts=(began, Verdict(scene=after, judgement=last)))


def shares_of(outcomes: Sequence[Outcome]) -> dict[str, Share]:
    """Count outcomes: each attribute, then all together."""
    names = ("colour", "background", "motion", "shape")
    shares = {name: Share.of_those(each.is_right(name) for each in outcomes) for name in names}
    closed = {"closed": Share.of_those(each.is_closed for each in outcomes)}
    return {**shares, **closed, "all": Share.of_those(each.is_all_right for each in outcomes)}


def _with_scheduler(scheduler: Scheduler) -> Callable[[Maker], Trial]:
    return lambda maker: maker.plain(scheduler=scheduler, steps=SCHEDULER_STEPS)


def _colours(scene: Scene) -> tuple[object, ...]:
    return scene.background, scene.figures[0].colour


def _first_frame(trial: Trial, folder: Path) -> Path:
    """Draw the first frame of the scene, as somebody would upload it."""
    generator = torch.Generator().manual_seed(trial.request.seed)
    pixels = draw(trial.scenes, generator=generator, frames=[0]).pixels[0, 0]
    path = folder / "first.png"
    image = (pixels.permute(1, 2, 0) * 255).round().byte().numpy()
    Image.fromarray(image).save(path)
    return path
