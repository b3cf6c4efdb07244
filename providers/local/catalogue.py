"""Knows which models, LoRAs and embeddings there are, without loading any.

A model is a folder in the format of AnimateDiffPipeline, with a `flipbook.json` if its title,
defaults and limits are not SD 1.5's (docs/models.md); `roots` says where it lies. Sizes and times
of the files are looked at again every two seconds, so a folder that is added, changed or removed
is noticed without a restart. A broken one is never offered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from jobs.errors import RequestError
from jobs.ports import Clock
from jobs.request import ModelInfo, ResolvedRequest
from providers.local.capabilities import unknown
from providers.local.folder import Entry, examine
from providers.local.roots import EMBEDDINGS, LORAS, ModelRoots
from providers.local.weights import BrokenFileError, Fingerprint, check_weights, fingerprint
from providers.local.wire import RenderFiles

FRESH = timedelta(seconds=2)  # 31 models take 10 ms to look at, and one command asks three times


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What there was at one time."""

    at: datetime
    entries: dict[str, Entry]
    files: Mapping[str, Mapping[str, Path]]


class ModelCatalogue:
    """The models, LoRAs and embeddings of this machine.

    Args:
        roots: Where they lie.
        clock: Tells how old the last look at them is.
    """

    def __init__(self, roots: ModelRoots, *, clock: Clock) -> None:
        self._roots = roots
        self._clock = clock
        self._last: Look | None = None
        self._hashes: dict[tuple[Path, Fingerprint], str] = {}
        self._whole: set[tuple[Path, int, int]] = set()

    def models(self) -> Sequence[ModelInfo]:
        """Return the models that can be used; the embedded one first."""
        usable = [(entry, entry.info) for entry in self._entries().values() if entry.info]
        usable.sort(key=lambda pair: (not self.is_embedded(pair[0]), pair[1].id.lower()))
        return [info for _, info in usable]

    def is_embedded(self, entry: Entry) -> bool:
        """Tell whether a model comes with Flipbook."""
        return self._roots.is_embedded(entry.folder)

    def require(self, model_id: str) -> tuple[Entry, ModelInfo]:
        """Return one model that can be used, with its folder.

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
        return entry, entry.info

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
        self._hashes[entry.folder, entry.mark] = digest
        if self._last is not None and name in self._last.entries:
            self._last.entries[name] = self._with_hash(self._last.entries[name])

    def loras(self) -> Sequence[str]:
        """Return the ids of the LoRA files."""
        return sorted(self._look().files[LORAS])

    def embeddings(self) -> Sequence[str]:
        """Return the ids of the textual inversions."""
        return sorted(self._look().files[EMBEDDINGS])

    def require_files(self, kind: str, asked: Sequence[str]) -> Mapping[str, Path]:
        """Check LoRAs or embeddings that a request names, and return their files by id.

        Args:
            kind: `loras` or `embeddings`, the name of the folder and of the field.
            asked: Their ids.

        Raises:
            RequestError: One is unknown or broken.
        """
        known = self._look().files[kind]
        for name in asked:
            if name not in known:
                raise unknown(kind, name, sorted(known))
            fault = self._fault_of(known[name])
            if fault:
                message = f"`{kind}`: {fault} on this machine; its operator has to add it again."
                raise RequestError(message, field=kind)
        return {name: known[name] for name in asked}

    def locate(self, request: ResolvedRequest, *, image: Path | None = None) -> RenderFiles:
        """Return where everything lies that a request names.

        Raises:
            RequestError: Something is unknown or broken.
        """
        entry, _ = self.require(request.model)
        loras = [lora.id for lora in request.loras]
        return RenderFiles(
            model=entry.folder,
            loras=dict(self.require_files(LORAS, loras)),
            embeddings=dict(self.require_files(EMBEDDINGS, request.embeddings)),
            image=image,
        )

    def _entries(self) -> Mapping[str, Entry]:
        return self._look().entries

    def _look(self) -> Look:
        """Return the last look at the files, or a new one if that is too old."""
        last, now = self._last, self._clock.now()
        if last is None or not timedelta() <= now - last.at < FRESH:
            before = last.entries if last is not None else {}
            files = {kind: self._roots.files(kind) for kind in (LORAS, EMBEDDINGS)}
            last = self._last = Look(at=now, entries=self._examined(before), files=files)
        return last

    def _examined(self, before: Mapping[str, Entry]) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for name, folder in self._roots.folders().items():
            try:
                mark = fingerprint(folder)
            except OSError:  # it went away between two glances
                continue
            known = before.get(name)
            if known is None or (known.folder, known.mark) != (folder, mark):
                known = examine(folder, mark)
            entries[name] = self._with_hash(known)
        return entries

    def _with_hash(self, entry: Entry) -> Entry:
        digest = self._hashes.get((entry.folder, entry.mark), "")
        if entry.info is None or entry.info.hash == digest:
            return entry
        return replace(entry, info=entry.info.model_copy(update={"hash": digest}))

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
