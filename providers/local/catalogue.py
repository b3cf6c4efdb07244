"""Knows which models, LoRAs and embeddings the models folder holds, without loading any.

    models/<id>/                       a folder in the format of AnimateDiffPipeline
    models/<id>/flipbook.json          title, defaults and limits, if they are not SD 1.5's
    models/loras/<id>.safetensors
    models/embeddings/<id>.safetensors

Sizes and times of the files are looked at again every two seconds, so a folder that is added,
changed or removed is noticed without a restart. A broken one is never offered.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from jobs.errors import RequestError
from jobs.ports import Clock
from jobs.request import ModelInfo
from providers.local.capabilities import unknown
from providers.local.folder import Entry, examine
from providers.local.weights import (
    BrokenFileError,
    Fingerprint,
    check_weights,
    fingerprint,
    is_inside,
)

EMBEDDED = "shapes"
LORAS, EMBEDDINGS = "loras", "embeddings"
MODEL_ID = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,64}")
FRESH = timedelta(seconds=2)  # 31 models take 10 ms to look at, and one command asks three times


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the models folder held at one time."""

    at: datetime
    entries: dict[str, Entry]
    files: Mapping[str, Sequence[str]]


class ModelCatalogue:
    """The models folder.

    Args:
        root: The folder.
        clock: Tells how old the last look at it is.
    """

    def __init__(self, root: Path, *, clock: Clock) -> None:
        self._root = root
        self._clock = clock
        self._last: Look | None = None
        self._hashes: dict[tuple[str, Fingerprint], str] = {}
        self._whole: set[tuple[Path, int, int]] = set()

    def models(self) -> Sequence[ModelInfo]:
        """Return the models that can be used; the embedded one first."""
        infos = [entry.info for entry in self._entries().values() if entry.info is not None]
        infos.sort(key=lambda info: (info.id != EMBEDDED, info.id.lower()))
        return infos

    def require(self, model_id: str) -> ModelInfo:
        """Return one model.

        Raises:
            RequestError: It is unknown, broken, or no id at all.
        """
        entries = self._entries()
        entry = entries.get(model_id)
        if entry is None:
            known = [name for name, other in entries.items() if other.info is not None]
            raise unknown("model", model_id, known)
        if entry.info is None:
            raise RequestError(entry.sentence, field="model")
        return entry.info

    def faults(self) -> Mapping[str, str]:
        """Return the models that cannot be used, each with a sentence that says how."""
        return {
            name: entry.sentence for name, entry in self._entries().items() if entry.info is None
        }

    def entry(self, model_id: str) -> Entry | None:
        """Return what is known of a model's folder, or None if there is none."""
        return self._entries().get(model_id)

    def learn_hash(self, entry: Entry, digest: str) -> None:
        """Note the sha256 over a model's weights; it is gone when the folder changes."""
        name = entry.folder.name
        self._hashes[name, entry.mark] = digest
        if self._last is not None and name in self._last.entries:
            self._last.entries[name] = self._with_hash(name, self._last.entries[name])

    def loras(self) -> Sequence[str]:
        """Return the ids of the LoRA files."""
        return self._look().files[LORAS]

    def embeddings(self) -> Sequence[str]:
        """Return the ids of the textual inversions."""
        return self._look().files[EMBEDDINGS]

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
        known = self._look().files[kind]
        for name in asked:
            if name not in known:
                raise unknown(kind, name, known)
            fault = self._fault_of(self._root / kind / f"{name}.safetensors")
            if fault:
                message = f"`{kind}`: {fault} on this machine; its operator has to add it again."
                raise RequestError(message, field=kind)

    def _entries(self) -> Mapping[str, Entry]:
        return self._look().entries

    def _look(self) -> Look:
        """Return the last look at the folder, or a new one if that is too old."""
        last, now = self._last, self._clock.now()
        if last is None or not timedelta() <= now - last.at < FRESH:
            before = last.entries if last is not None else {}
            files = {kind: self._files(kind) for kind in (LORAS, EMBEDDINGS)}
            last = self._last = Look(at=now, entries=self._examined(before), files=files)
        return last

    def _examined(self, before: Mapping[str, Entry]) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for folder in self._folders():
            name = folder.name
            try:
                mark = fingerprint(folder)
            except OSError:  # it went away between two glances
                continue
            known = before.get(name)
            if known is None or known.mark != mark:
                known = examine(folder, mark)
            entries[name] = self._with_hash(name, known)
        return entries

    def _with_hash(self, name: str, entry: Entry) -> Entry:
        digest = self._hashes.get((name, entry.mark), "")
        if entry.info is None or entry.info.hash == digest:
            return entry
        return replace(entry, info=entry.info.model_copy(update={"hash": digest}))

    def _folders(self) -> list[Path]:
        if not self._root.is_dir():
            return []
        return [
            path
            for path in self._root.iterdir()
            if MODEL_ID.fullmatch(path.name)
            and path.name not in (LORAS, EMBEDDINGS)
            and path.is_dir()
            and is_inside(path, self._root)
        ]

    def _files(self, kind: str) -> Sequence[str]:
        folder = self._root / kind
        if not folder.is_dir() or not is_inside(folder, self._root):
            return ()
        paths = [path for path in folder.glob("*.safetensors") if is_inside(path, self._root)]
        return sorted(path.stem for path in paths if MODEL_ID.fullmatch(path.stem))

    def _fault_of(self, path: Path) -> str:
        try:
            stat = path.stat()
            mark = (path, stat.st_size, stat.st_mtime_ns)
            if mark not in self._whole:
                check_weights(path, path.name)
                self._whole.add(mark)
        except (OSError, BrokenFileError) as error:
            return str(error) if isinstance(error, BrokenFileError) else f"{path.name} is missing"
        return ""
