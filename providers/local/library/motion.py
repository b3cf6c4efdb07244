"""Looks at motion modules: the part that makes an image model move, kept apart from it.

One is a file, or a folder as diffusers saves a MotionAdapter. A checkpoint is used with the one
that it was registered with; else with the plainest there is, v3 before v2 before distilled ones.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from providers.local.library.families import Family, Found, Habits, MotionKind, habits_of
from providers.local.library.headers import read_header
from providers.local.library.recognition import motion_kind, recognise
from providers.local.library.registry import Item
from providers.local.library.weights import (
    BrokenFileError,
    Fingerprint,
    is_inside,
    read_json,
)

WEIGHTS = "diffusion_pytorch_model.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """One motion module; `fault` says why it is not used, `item` what was registered."""

    id: str
    place: Path
    mark: Fingerprint
    kind: MotionKind = MotionKind.V3
    habits: Habits = field(default_factory=Habits)
    fault: str = ""
    item: Item | None = None

    @property
    def weights(self) -> Path:
        """Return its file of weights."""
        return weights_of(self.place)


def examine_motion(name: str, place: Path, mark: Fingerprint, item: Item | None) -> Motion:
    """Check a motion module without loading it."""
    told = f"{name} {item.source}" if item else name
    try:
        found = recognise_motion(place, told)
    except BrokenFileError as error:
        return Motion(id=name, place=place, mark=mark, fault=str(error), item=item)
    kind = (item.kind if item else None) or found.motion or MotionKind.V3
    habits = _told_habits(habits_of(kind, told), item)
    return Motion(id=name, place=place, mark=mark, kind=kind, habits=habits, item=item)


def _told_habits(habits: Habits, item: Item | None) -> Habits:
    """Let the operator's word win over what the kind is used with."""
    if item is None:
        return habits
    told = item.defaults
    return Habits(
        steps=told.steps or habits.steps,
        guidance_scale=told.guidance_scale or habits.guidance_scale,
        scheduler=told.scheduler or habits.scheduler,
    )


def recognise_motion(place: Path, told: str) -> Found:
    """Return what a motion module is.

    Args:
        place: A file, or diffusers' folder.
        told: Names that say whether it was distilled.

    Raises:
        BrokenFileError: It is none, or broken.
    """
    path = weights_of(place)
    if place.is_dir():
        config = read_json(place / "config.json", "config.json")
        if config.get("_class_name") != "MotionAdapter":
            raise BrokenFileError("config.json is not that of a MotionAdapter")
        if not is_inside(path, place):
            raise BrokenFileError(f"{path.name} is a link that leads elsewhere")
    found = recognise(read_header(path, path.name), path.name)
    if found.family is not Family.MOTION:
        raise BrokenFileError(f"{path.name} is no motion module")
    has_middle = found.motion in (MotionKind.V2, MotionKind.LIGHTNING)
    return replace(found, motion=motion_kind(f"{told} {path.name}", has_middle=has_middle))


def weights_of(place: Path) -> Path:
    """Return the file of weights of a motion module."""
    return place / WEIGHTS if place.is_dir() else place


def pick_motion(motions: Mapping[str, Motion], wanted: str | None) -> Motion | None:
    """Return the motion module that a model is used with.

    Args:
        motions: All there are.
        wanted: The id it was registered with.
    """
    if wanted is not None:
        return motions.get(wanted)
    return next(iter(in_order(motions.values())), None)


def in_order(motions: Iterable[Motion]) -> list[Motion]:
    """Return the usable ones, those first that any checkpoint gets."""
    kinds = list(MotionKind)
    usable = (motion for motion in motions if not motion.fault)
    return sorted(usable, key=lambda motion: (kinds.index(motion.kind), motion.id))
