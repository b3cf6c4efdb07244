"""Checks a model's folder as far as that goes without torch: has it all, is every file whole.

And reads its card, `flipbook.json`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from jobs.request import (
    MAX_FPS,
    MAX_FRAMES,
    MAX_GUIDANCE,
    MAX_SIDE,
    MAX_STEPS,
    MIN_FPS,
    MIN_FRAMES,
    MIN_SIDE,
    SIDE_STEP,
    ModelDefaults,
)
from providers.local.library.headers import PICKLES
from providers.local.library.weights import (
    BrokenFileError,
    check_weights,
    is_inside,
    read_json,
)

CHECKER = "safety_checker"
NEEDED = ("text_encoder", "tokenizer", "unet", "vae", "scheduler")
WEIGHTS = {
    "text_encoder": "model",
    "image_encoder": "model",
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "motion_adapter": "diffusion_pytorch_model",
    CHECKER: "model",
}
LIBRARIES = frozenset({"diffusers", "transformers"})  # a folder may not name code of its own
PART = re.compile(r"[A-Za-z0-9_]{1,64}")


class Card(BaseModel, frozen=True, extra="ignore"):
    """`flipbook.json`; what is left out is as in SD 1.5.

    Attributes:
        words: All that the model was taught; empty where it was taught a language.
        age_restricted: It is for age-restricted channels only.
    """

    title: str = ""
    defaults: ModelDefaults = ModelDefaults()
    min_side: int = 256
    max_side: int = MAX_SIDE
    trigger_words: tuple[str, ...] = ()
    note: str = ""
    words: tuple[str, ...] = ()
    age_restricted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What the files of a model hold.

    Attributes:
        weights: Its files of weights.
        width: Of the tokens of its text encoder; 0 if it does not say.
        has_motion: It needs no motion module.
        checker: Its safety checker, if it has one.
    """

    weights: tuple[Path, ...]
    width: int
    has_motion: bool
    checker: Path | None = None


def was_never_trained(folder: Path) -> bool:
    """Recognise the stand-in that earlier versions built where `shapes` was missing."""
    try:
        return read_json(folder / "flipbook.json", "flipbook.json").get("trained") is False
    except BrokenFileError:
        return False


def check_folder(folder: Path) -> Body:
    """Check that a folder has all it needs.

    Raises:
        BrokenFileError: Something is missing or broken.
    """
    parts = parts_of(folder)
    for name in NEEDED:
        if name not in parts:
            raise BrokenFileError(f"model_index.json has no {name}")
    checker = folder / CHECKER if (folder / CHECKER).is_dir() else None
    # An AnimateDiffPipeline's index has no room for a checker: that it lies there is enough.
    names = sorted(parts.keys() - {CHECKER}) + ([CHECKER] if checker else [])
    weights = tuple(path for name in names for path in _check_part(folder, name))
    width = read_json(folder / "text_encoder" / "config.json", "config.json").get("hidden_size")
    return Body(
        weights=weights,
        width=width if isinstance(width, int) else 0,
        has_motion="motion_adapter" in parts or parts["unet"][1] == "UNetMotionModel",
        checker=checker,
    )


def parts_of(folder: Path) -> dict[str, list[str]]:
    """Return the parts that a folder's index names, each with library and class.

    Raises:
        BrokenFileError: It is none of an AnimateDiffPipeline.
    """
    index = read_json(folder / "model_index.json", "model_index.json")
    if index.get("_class_name") != "AnimateDiffPipeline":
        raise BrokenFileError("model_index.json is not that of an AnimateDiffPipeline")
    return {name: value for name, value in index.items() if _is_part(name, value)}


def _is_part(name: str, value: object) -> bool:
    """Tell the parts that have a folder from settings and from parts left out (null)."""
    if name.startswith("_") or not isinstance(value, list) or len(value) != 2 or not value[0]:
        return False
    if not PART.fullmatch(name) or not all(isinstance(word, str) for word in value):
        raise BrokenFileError("model_index.json cannot be read")
    if value[0] not in LIBRARIES:
        raise BrokenFileError(f"model_index.json wants {name} from a library that is not allowed")
    return True


def _check_part(folder: Path, name: str) -> list[Path]:
    """Check one part and return its weight files.

    Raises:
        BrokenFileError: Something is missing or broken.
    """
    part = folder / name
    if not part.is_dir():
        raise BrokenFileError(f"{name}/ is missing")
    for path in part.glob("*.json"):
        read_json(path, f"{name}/{path.name}")
    if name not in WEIGHTS:
        return []
    read_json(part / "config.json", f"{name}/config.json")
    files = _weight_files(part, WEIGHTS[name])
    if name == CHECKER:
        _check_no_pickle(part, files)
    for path in files:
        if not is_inside(path, folder):
            raise BrokenFileError(f"{name}/{path.name} is a link that leads elsewhere")
        check_weights(path, f"{name}/{path.name}")
    return files


def _check_no_pickle(part: Path, files: Sequence[Path]) -> None:
    """Say of a checker that is only a pickle what is wrong with it.

    Raises:
        BrokenFileError: It is one.
    """
    if not files[0].exists() and any(path.suffix in PICKLES for path in part.iterdir()):
        raise BrokenFileError(
            f"{part.name}/ holds its weights as pickles; only .safetensors are taken"
        )


def _weight_files(part: Path, stem: str) -> list[Path]:
    """Return the one file, or all that a split model's index names."""
    index = part / f"{stem}.safetensors.index.json"
    if not index.is_file():
        return [part / f"{stem}.safetensors"]
    names: Any = read_json(index, f"{part.name}/{index.name}").get("weight_map")
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise BrokenFileError(f"{part.name}/{index.name} cannot be read")
    if not names:
        raise BrokenFileError(f"{part.name}/{index.name} names no file")
    return [part / name for name in sorted({Path(name).name for name in names.values()})]


def read_card(folder: Path) -> Card:
    """Read a folder's card; without one, a model is as SD 1.5.

    Raises:
        BrokenFileError: It cannot be read.
    """
    path = folder / "flipbook.json"
    if not path.exists():
        return Card()
    try:
        card = Card.model_validate(read_json(path, path.name))
    except ValidationError as error:
        wrong = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise BrokenFileError(f"flipbook.json has a bad value for {wrong}") from error
    return card


def check_limits(card: Card) -> None:
    """Hold sides and defaults to what a request is held to.

    Raises:
        BrokenFileError: One of them could not be asked for.
    """
    if not MIN_SIDE <= card.min_side <= card.max_side <= MAX_SIDE:
        raise BrokenFileError(f"flipbook.json allows sides outside {MIN_SIDE}-{MAX_SIDE}")
    _check_defaults(card)


def _check_defaults(card: Card) -> None:
    """Hold the defaults to what a request is held to.

    Raises:
        BrokenFileError: One of them could not be asked for.
    """
    sides = (card.min_side, card.max_side)
    limits = {
        "width": sides,
        "height": sides,
        "frames": (MIN_FRAMES, MAX_FRAMES),
        "fps": (MIN_FPS, MAX_FPS),
        "steps": (1, MAX_STEPS),
        "guidance_scale": (1, MAX_GUIDANCE),
    }
    for name, value in card.defaults:
        least, most = limits[name]
        is_off_step = limits[name] is sides and value % SIDE_STEP != 0
        if is_off_step or not least <= value <= most:
            raise BrokenFileError(f"flipbook.json has a bad value for defaults.{name}")
