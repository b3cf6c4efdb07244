"""Knows which models, LoRAs and embeddings the models folder holds, without loading any.

    models/<id>/                       a folder in the format of AnimateDiffPipeline
    models/<id>/flipbook.json          title, defaults and limits, if they are not SD 1.5's
    models/loras/<id>.safetensors
    models/embeddings/<id>.safetensors

Every call looks again at sizes and times of the files, which is cheap, so a folder that is
added, changed or removed is noticed without a restart. A broken one is never offered.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError

from jobs.errors import RequestError
from jobs.request import MAX_SIDE, MIN_SIDE, ModelDefaults, ModelInfo, ProviderName
from providers.local.capabilities import unknown
from providers.local.weights import (
    BrokenFileError,
    Fingerprint,
    check_weights,
    fingerprint,
    hash_files,
    read_json,
)

EMBEDDED = "shapes"
LORAS, EMBEDDINGS = "loras", "embeddings"
MODEL_ID = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,64}")

NEEDED = ("text_encoder", "tokenizer", "unet", "vae", "scheduler")
WEIGHTS = {
    "text_encoder": "model",
    "image_encoder": "model",
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "motion_adapter": "diffusion_pytorch_model",
}
LIBRARIES = frozenset({"diffusers", "transformers"})  # a folder may not name code of its own


class Card(BaseModel, frozen=True, extra="ignore"):
    """`flipbook.json`; what is left out is as in SD 1.5."""

    title: str = ""
    defaults: ModelDefaults = ModelDefaults()
    min_side: int = 256
    max_side: int = MAX_SIDE
    trigger_words: tuple[str, ...] = ()
    note: str = ""
    trained: bool = True


@dataclass(slots=True, kw_only=True)
class Entry:
    """What is known of one folder; `fault` says why it is not offered."""

    mark: Fingerprint
    info: ModelInfo | None = None
    fault: str = ""
    weights: tuple[Path, ...] = field(default_factory=tuple)


class ModelCatalogue:
    """The models folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._entries: dict[str, Entry] = {}
        self._hashes: dict[tuple[str, Fingerprint], str] = {}
        self._faults: dict[tuple[Path, int, int], str] = {}

    def models(self) -> Sequence[ModelInfo]:
        """Return the models that can be used; the embedded one first."""
        infos = [entry.info for entry in self._look().values() if entry.info is not None]
        infos.sort(key=lambda info: (info.id != EMBEDDED, info.id.lower()))
        return infos

    def require(self, model_id: str) -> ModelInfo:
        """Return one model.

        Raises:
            RequestError: It is unknown, broken, or no id at all.
        """
        entries = self._look()
        entry = entries.get(model_id)
        if entry is None:
            known = [name for name, other in entries.items() if other.info is not None]
            raise unknown("model", model_id, known)
        if entry.info is None:
            raise RequestError(_sentence(model_id, entry), field="model")
        return entry.info

    def faults(self) -> Mapping[str, str]:
        """Return the models that cannot be used, each with a sentence that says how."""
        return {
            name: _sentence(name, entry)
            for name, entry in self._look().items()
            if entry.info is None
        }

    def hash_of(self, model_id: str) -> str:
        """Return the sha256 over a model's weights, "" if it has gone.

        It reads them once, which takes a while: call it in a thread.

        Raises:
            OSError: A file went away meanwhile.
        """
        entry = self._look().get(model_id)
        if entry is None:
            return ""
        key = (model_id, entry.mark)
        if key not in self._hashes:
            self._hashes[key] = hash_files(entry.weights)
        return self._hashes[key]

    def loras(self) -> Sequence[str]:
        """Return the ids of the LoRA files."""
        return self._files(LORAS)

    def embeddings(self) -> Sequence[str]:
        """Return the ids of the textual inversions."""
        return self._files(EMBEDDINGS)

    def require_files(self, kind: str, asked: Sequence[str]) -> None:
        """Check LoRAs or embeddings that a request names.

        Args:
            kind: `loras` or `embeddings`, the name of the folder and of the field.
            asked: Their ids.

        Raises:
            RequestError: One is unknown or broken.
        """
        if not asked:
            return
        known = self._files(kind)
        for name in asked:
            if name not in known:
                raise unknown(kind, name, known)
            fault = self._fault_of(self._root / kind / f"{name}.safetensors")
            if fault:
                message = f"`{kind}`: {fault} on this machine; its operator has to add it again."
                raise RequestError(message, field=kind)

    def _look(self) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for folder in self._folders():
            mark = fingerprint(folder)
            known = self._entries.get(folder.name)
            entries[folder.name] = (
                known if known is not None and known.mark == mark else _examine(folder, mark)
            )
        self._entries = entries
        return {name: self._with_hash(name, entry) for name, entry in entries.items()}

    def _with_hash(self, name: str, entry: Entry) -> Entry:
        digest = self._hashes.get((name, entry.mark), "")
        if entry.info is not None and entry.info.hash != digest:
            entry.info = entry.info.model_copy(update={"hash": digest})
        return entry

    def _folders(self) -> list[Path]:
        if not self._root.is_dir():
            return []
        return [
            path
            for path in self._root.iterdir()
            if MODEL_ID.fullmatch(path.name)
            and path.name not in (LORAS, EMBEDDINGS)
            and path.is_dir()
            and self._is_inside(path)
        ]

    def _files(self, kind: str) -> Sequence[str]:
        folder = self._root / kind
        if not folder.is_dir() or not self._is_inside(folder):
            return ()
        paths = [path for path in folder.glob("*.safetensors") if self._is_inside(path)]
        return sorted(path.stem for path in paths if MODEL_ID.fullmatch(path.stem))

    def _is_inside(self, path: Path) -> bool:
        """A link may not lead out of the models folder."""
        return path.resolve().is_relative_to(self._root.resolve())

    def _fault_of(self, path: Path) -> str:
        try:
            stat = path.stat()
            mark = (path, stat.st_size, stat.st_mtime_ns)
            if mark not in self._faults:
                check_weights(path, path.name)
                self._faults[mark] = ""
        except (OSError, BrokenFileError) as error:
            return str(error) if isinstance(error, BrokenFileError) else f"{path.name} is missing"
        return ""


def _sentence(model_id: str, entry: Entry) -> str:
    return (
        f"The model {model_id} is broken on this machine ({entry.fault}); "
        "its operator has to add it again."
    )


def _examine(folder: Path, mark: Fingerprint) -> Entry:
    """Check a folder as far as that goes without torch."""
    try:
        weights = _check_folder(folder)
        card = _read_card(folder)
    except BrokenFileError as error:
        return Entry(mark=mark, fault=str(error))
    note = card.note or ("" if card.trained else "This model is untrained: its pictures are noise.")
    info = ModelInfo(
        id=folder.name,
        provider=ProviderName.LOCAL,
        title=card.title or folder.name,
        defaults=card.defaults,
        min_side=card.min_side,
        max_side=card.max_side,
        trigger_words=card.trigger_words,
        note=note,
    )
    return Entry(mark=mark, info=info, weights=weights)


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
        if not path.resolve().is_relative_to(folder.resolve()):
            raise BrokenFileError(f"{name}/{path.name} is a link that leads elsewhere")
        check_weights(path, f"{name}/{path.name}")
    return files


def _weight_files(part: Path, stem: str) -> list[Path]:
    """Return the one file, or all that a split model's index names."""
    index = part / f"{stem}.safetensors.index.json"
    if not index.is_file():
        return [part / f"{stem}.safetensors"]
    names = read_json(index, f"{part.name}/{index.name}").get("weight_map", {}).values()
    return [part / Path(str(name)).name for name in sorted(set(names))]


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
    return card
