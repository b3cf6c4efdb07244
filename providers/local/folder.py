"""Checks one model folder as far as that goes without torch: has it all, is every file whole.

A folder was made by a stranger. Whatever is in it, the answer is a model or a fault of this
folder, and never an error of Flipbook.
"""

import logging
import re
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
    ModelInfo,
    ProviderName,
)
from providers.local.vocabulary import words_in
from providers.local.weights import (
    BrokenFileError,
    Fingerprint,
    check_weights,
    is_inside,
    read_json,
)

logger = logging.getLogger(__name__)

NEEDED = ("text_encoder", "tokenizer", "unet", "vae", "scheduler")
WEIGHTS = {
    "text_encoder": "model",
    "image_encoder": "model",
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "motion_adapter": "diffusion_pytorch_model",
}
LIBRARIES = frozenset({"diffusers", "transformers"})  # a folder may not name code of its own
PART = re.compile(r"[A-Za-z0-9_]{1,64}")
LONGEST_FAULT = 200  # characters of it that are shown


class Card(BaseModel, frozen=True, extra="ignore"):
    """`flipbook.json`; what is left out is as in SD 1.5.

    Attributes:
        words: All that the model was taught; empty where it was taught a language.
    """

    title: str = ""
    defaults: ModelDefaults = ModelDefaults()
    min_side: int = 256
    max_side: int = MAX_SIDE
    trigger_words: tuple[str, ...] = ()
    note: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of one folder; `fault` says why it is not offered."""

    folder: Path
    mark: Fingerprint
    info: ModelInfo | None = None
    fault: str = ""
    weights: tuple[Path, ...] = ()

    @property
    def sentence(self) -> str:
        """The fault as whoever asks for the model reads it."""
        return (
            f"The model {self.folder.name} is broken on this machine ({self.fault}); "
            "its operator has to add it again."
        )


def examine(folder: Path, mark: Fingerprint) -> Entry:
    """Check a folder; a fault is logged, once for each state of the folder."""
    try:
        return _entry_of(folder, mark)
    except BrokenFileError as error:
        fault = "".join(c if c.isprintable() else "?" for c in str(error))[:LONGEST_FAULT]
    except Exception:  # the outer edge of one folder: the others must not suffer from it
        logger.exception("The model %s cannot be examined", folder.name)
        fault = "its files cannot be read"
    logger.warning(
        "The model %s is not offered: %s", folder.name, fault, extra={"action": "model_broken"}
    )
    return Entry(folder=folder, mark=mark, fault=fault)


def was_never_trained(folder: Path) -> bool:
    """Recognise the stand-in that earlier versions built where `shapes` was missing."""
    try:
        return read_json(folder / "flipbook.json", "flipbook.json").get("trained") is False
    except BrokenFileError:
        return False


def _entry_of(folder: Path, mark: Fingerprint) -> Entry:
    weights = _check_folder(folder)
    card = _read_card(folder)
    info = ModelInfo(
        id=folder.name,
        provider=ProviderName.LOCAL,
        title=card.title or folder.name,
        defaults=card.defaults,
        min_side=card.min_side,
        max_side=card.max_side,
        trigger_words=card.trigger_words,
        note=card.note,
        words=frozenset(part for word in card.words for part in words_in(word)),
    )
    return Entry(folder=folder, mark=mark, info=info, weights=weights)


def _check_folder(folder: Path) -> tuple[Path, ...]:
    """Return the weight files of a folder that has all it needs.

    Raises:
        BrokenFileError: Something is missing or broken.
    """
    index = read_json(folder / "model_index.json", "model_index.json")
    if index.get("_class_name") != "AnimateDiffPipeline":
        raise BrokenFileError("model_index.json is not that of an AnimateDiffPipeline")
    parts = {name: value for name, value in index.items() if _is_part(name, value)}
    needed = [*NEEDED, *(("motion_adapter",) if _needs_adapter(parts) else ())]
    for name in needed:
        if name not in parts:
            raise BrokenFileError(f"model_index.json has no {name}")
    return tuple(path for name in sorted(parts) for path in _check_part(folder, name))


def _is_part(name: str, value: object) -> bool:
    """Tell the parts that have a folder from settings and from parts left out (null)."""
    if name.startswith("_") or not isinstance(value, list) or len(value) != 2 or not value[0]:
        return False
    if not PART.fullmatch(name) or not all(isinstance(word, str) for word in value):
        raise BrokenFileError("model_index.json cannot be read")
    if value[0] not in LIBRARIES:
        raise BrokenFileError(f"model_index.json wants {name} from a library that is not allowed")
    return True


def _needs_adapter(parts: dict[str, list[str]]) -> bool:
    return parts.get("unet", ["", ""])[1] != "UNetMotionModel"


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
    for path in files:
        if not is_inside(path, folder):
            raise BrokenFileError(f"{name}/{path.name} is a link that leads elsewhere")
        check_weights(path, f"{name}/{path.name}")
    return files


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


def _read_card(folder: Path) -> Card:
    path = folder / "flipbook.json"
    if not path.exists():
        return Card()
    try:
        card = Card.model_validate(read_json(path, path.name))
    except ValidationError as error:
        wrong = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise BrokenFileError(f"flipbook.json has a bad value for {wrong}") from error
    if not MIN_SIDE <= card.min_side <= card.max_side <= MAX_SIDE:
        raise BrokenFileError(f"flipbook.json allows sides outside {MIN_SIDE}-{MAX_SIDE}")
    _check_defaults(card)
    return card


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
