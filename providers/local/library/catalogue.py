"""Knows which models, LoRAs and embeddings there are, without loading any.

A model is a folder in the format of AnimateDiffPipeline or one file, and may need a motion module
beside it (docs/models.md); `roots` says where they lie, `registry.json` what else is known. Sizes
and times of the files are looked at again every two seconds, so whatever is added, changed or
removed is noticed without a restart. What is broken is never offered.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from jobs.errors import RequestError
from jobs.ports import Clock
from jobs.request import ModelInfo, ResolvedRequest
from providers.local.capabilities import lcm_warning, unknown
from providers.local.library.adapter_shelf import AdapterShelf
from providers.local.library.entries import Beside, Entry, examine
from providers.local.library.families import Found
from providers.local.library.motion import Motion, examine_motion, pick_motion
from providers.local.library.registry import NAME, Registry, read_registry
from providers.local.library.roots import EMBEDDINGS, LORAS, ModelRoots
from providers.local.library.weights import BrokenFileError, Fingerprint, fingerprint
from providers.local.wire import RenderFiles

FRESH = timedelta(seconds=2)  # 31 models take 10 ms to look at, and one command asks three times


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What there was at one time."""

    at: datetime
    registry: Registry
    motions: Mapping[str, Motion]
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
        self._adapters = AdapterShelf()
        self._registry_fault = ""

    def models(self) -> Sequence[ModelInfo]:
        """Return the models that can be used; the embedded one first."""
        usable = [(entry, entry.info) for entry in self._entries().values() if entry.info]
        usable.sort(key=lambda pair: (not self.is_embedded(pair[0]), pair[1].id.lower()))
        return [info for _, info in usable]

    def is_embedded(self, entry: Entry) -> bool:
        """Tell whether a model comes with Flipbook."""
        return self._roots.is_embedded(entry.place)

    def require(self, model_id: str) -> tuple[Entry, ModelInfo]:
        """Return one model that can be used, with what is known of it.

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
        faults = {
            name: entry.sentence for name, entry in self._entries().items() if entry.info is None
        }
        gone = self._look().registry.models.keys() - self._entries().keys()
        faults |= {
            name: f"The model {name} is registered, and its files are gone; add or remove it."
            for name in gone
        }
        return faults | ({NAME: self._registry_fault} if self._registry_fault else {})

    def registry(self) -> Registry:
        """Return what was registered; where the file is broken, what it said before that."""
        return self._look().registry

    def files(self, kind: str) -> Mapping[str, Path]:
        """Return the files of a kind, `loras` or `embeddings`, by id."""
        return self._look().files[kind]

    def motions(self) -> Mapping[str, Motion]:
        """Return the motion modules by id, whole or broken."""
        return self._look().motions

    def entries(self) -> Mapping[str, Entry]:
        """Return all models by id, whole or broken."""
        return self._entries()

    def found(self, path: Path) -> Found | None:
        """Return what a LoRA or an embedding was recognised as; None where it says nothing.

        Raises:
            BrokenFileError: It is not whole.
            OSError: It is gone.
        """
        return self._adapters.found(path)

    def entry(self, model_id: str) -> Entry | None:
        """Return what is known of a model, or None if there is none."""
        return self._entries().get(model_id)

    def learn_hash(self, entry: Entry, digest: str) -> None:
        """Note the sha256 over a model's weights; it is gone when the folder changes."""
        self._hashes[entry.place, entry.whole_mark] = digest
        if self._last is not None and entry.id in self._last.entries:
            self._last.entries[entry.id] = self._with_hash(self._last.entries[entry.id])

    def loras(self) -> Sequence[str]:
        """Return the ids of the LoRA files."""
        return sorted(self._look().files[LORAS])

    def embeddings(self) -> Sequence[str]:
        """Return the ids of the textual inversions."""
        return sorted(self._look().files[EMBEDDINGS])

    def require_files(
        self, kind: str, asked: Sequence[str], *, width: int = 0
    ) -> Mapping[str, Path]:
        """Check LoRAs or embeddings that a request names, and return their files by id.

        Args:
            kind: `loras` or `embeddings`, the name of the folder and of the field.
            asked: Their ids.
            width: Of the tokens of the model they are asked for; 0 if that is not known.

        Raises:
            RequestError: One is unknown or broken, or was made for another base.
        """
        known = self._look().files[kind]
        for name in asked:
            if name not in known:
                raise unknown(kind, name, sorted(known))
            self._adapters.require(kind, name, known[name], width=width)
        return {name: known[name] for name in asked}

    def locate(
        self, request: ResolvedRequest, *, image: Path | None = None, is_checked: bool = False
    ) -> RenderFiles:
        """Return where everything lies that a request names.

        Args:
            request: What to render.
            image: The init image.
            is_checked: The model's safety checker is to look at the video, if there is one.

        Raises:
            RequestError: Something is unknown, broken, or does not fit the model.
        """
        entry, _ = self.require(request.model)
        loras = [lora.id for lora in request.loras]
        return RenderFiles(
            model=entry.place,
            motion=entry.motion.place if entry.motion is not None else None,
            loras=dict(self.require_files(LORAS, loras, width=entry.width)),
            embeddings=dict(self.require_files(EMBEDDINGS, request.embeddings, width=entry.width)),
            image=image,
            checker=entry.checker if is_checked else None,
        )

    def warnings(self, request: ResolvedRequest) -> list[str]:
        """Return a sentence for each option that does not go with the model's weights.

        Raises:
            RequestError: The model is unknown or broken.
        """
        entry, _ = self.require(request.model)
        has_lcm = entry.is_lcm or any(self._is_lcm(lora.id) for lora in request.loras)
        warning = None if has_lcm else lcm_warning(request)
        return [warning] if warning else []

    def _is_lcm(self, lora: str) -> bool:
        look = self._look()
        item, path = look.registry.loras.get(lora), look.files[LORAS].get(lora)
        if "lcm" in f"{lora} {item.source if item else ''}".lower():
            return True
        try:
            found = self.found(path) if path is not None else None
        except (OSError, BrokenFileError):
            return False
        return found is not None and found.is_lcm

    def _entries(self) -> Mapping[str, Entry]:
        return self._look().entries

    def _look(self) -> Look:
        """Return the last look at the files, or a new one if that is too old."""
        last, now = self._last, self._clock.now()
        if last is None or not timedelta() <= now - last.at < FRESH:
            registry = self._read_registry(last)
            motions = self._motions(registry, last.motions if last else {})
            last = self._last = Look(
                at=now,
                registry=registry,
                motions=motions,
                entries=self._examined(last, registry, motions),
                files={kind: self._roots.files(kind) for kind in (LORAS, EMBEDDINGS)},
            )
        return last

    def _read_registry(self, last: Look | None) -> Registry:
        """Read the registry; a broken one costs nobody a model, and is logged once."""
        fault = ""
        try:
            registry = read_registry(self._roots.own)
        except BrokenFileError as error:
            registry = last.registry if last is not None else Registry()
            fault = f"{error}; what it says is ignored until it is repaired or removed."
        if fault and fault != self._registry_fault:
            logger.error("%s", fault, extra={"action": "registry_broken"})
        self._registry_fault = fault
        return registry

    def _motions(self, registry: Registry, before: Mapping[str, Motion]) -> dict[str, Motion]:
        motions: dict[str, Motion] = {}
        for name, place in self._roots.motions().items():
            item = registry.motion.get(name) if not self._roots.is_embedded(place) else None
            try:
                mark = fingerprint(place)
            except OSError:  # it went away between two glances
                continue
            known = before.get(name)
            if known is None or (known.place, known.mark, known.item) != (place, mark, item):
                known = examine_motion(name, place, mark, item)
            motions[name] = known
        return motions

    def _examined(
        self, last: Look | None, registry: Registry, motions: Mapping[str, Motion]
    ) -> dict[str, Entry]:
        before = last.entries if last is not None else {}
        entries: dict[str, Entry] = {}
        for name, place in self._roots.models().items():
            item = registry.models.get(name) if not self._roots.is_embedded(place) else None
            motion = pick_motion(motions, item.motion if item else None)
            beside = Beside(item=item, motion=motion)
            try:
                mark = fingerprint(place)
            except OSError:
                continue
            known = before.get(name)
            if known is None or (known.place, known.mark, known.beside) != (place, mark, beside):
                known = examine(place, mark, beside)
            entries[name] = self._with_hash(known)
        return entries

    def _with_hash(self, entry: Entry) -> Entry:
        return entry.with_hash(self._hashes.get((entry.place, entry.whole_mark), ""))
