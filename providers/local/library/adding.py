"""Adds a checkpoint, motion module, LoRA or embedding to the operator's models folder.

It is looked at, copied, looked at again, hashed, put in its place and registered, in that order:
whatever fails leaves the folder as it was.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.errors import RequestError
from jobs.request import ModelInfo
from providers.local.library.adapter_files import misfit
from providers.local.library.catalogue import ModelCatalogue
from providers.local.library.entries import offer_of
from providers.local.library.families import SD15_WIDTH, Family, Found, MotionKind, base_of_width
from providers.local.library.folder import Card, check_limits, read_card
from providers.local.library.motion import in_order
from providers.local.library.offerings import Offering, look_at, recognise_place
from providers.local.library.registry import (
    NAME,
    Item,
    OwnDefaults,
    Registry,
    Side,
    Source,
    read_registry,
    table_of,
    write_registry,
)
from providers.local.library.roots import MODEL_ID, NO_MODELS, ModelRoots
from providers.local.library.staging import StoppedError, discard, put_in_place, staged
from providers.local.library.weights import BrokenFileError, hash_files

MIDDLE = {MotionKind.V2: True, MotionKind.LIGHTNING: True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What an operator says about what is added; what is left out follows from the files."""

    id: str | None = None
    title: str = ""
    trigger_words: tuple[str, ...] = ()
    note: str = ""
    motion: str | None = None
    kind: MotionKind | None = None
    defaults: OwnDefaults = OwnDefaults()  # noqa: RUF009 - frozen
    min_side: Side | None = None
    max_side: Side | None = None
    age_restricted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What was added, and what is known of it."""

    id: str
    place: Path
    found: Found
    item: Item


class Adder:
    """Adds to one models folder; whoever calls it holds the folder's lock.

    Args:
        roots: Where things lie.
        catalogue: Knows what is there.
        should_stop: Asked while gigabytes are copied and hashed.
    """

    def __init__(
        self, roots: ModelRoots, catalogue: ModelCatalogue, *, should_stop: Callable[[], bool]
    ) -> None:
        self._roots = roots
        self._catalogue = catalogue
        self._should_stop = should_stop

    def add(self, path: Path, source: Source, wishes: Wishes, *, may_move: bool = False) -> Added:
        """Add what lies at a path.

        Args:
            path: A file or a folder.
            source: Where it came from.
            wishes: What the operator says about it.
            may_move: It was fetched for this, so that it need not be copied.

        Raises:
            BrokenFileError: It cannot be used; nothing was added.
            RequestError: A wish cannot be granted; nothing was added.
            StorageFullError: There is no room; nothing was added.
            StoppedError: It was told to stop; nothing was added.
        """
        registry = read_registry(self._roots.own)
        offering = look_at(path)
        family = offering.found.family
        name = self._id_for(offering, wishes, registry)
        self._check_wishes(offering.found, wishes)
        self._check_base(offering)
        place = place_of(self._roots.own, family, name, is_folder=offering.pick.is_folder)
        pick = replace(offering.pick, may_move=may_move)
        with staged(self._roots.own, pick, place.name, should_stop=self._should_stop) as copy:
            found, item = self._item(copy, offering, source, wishes)
            put_in_place(copy, place)
            try:
                write_registry(self._roots.own, registry.with_item(family, name, item))
            except BaseException:
                discard(place)
                raise
        return Added(id=name, place=place, found=found, item=item)

    def _item(
        self, copy: Path, offering: Offering, source: Source, wishes: Wishes
    ) -> tuple[Found, Item]:
        """Look at the copy, which is what will be used, and describe it."""
        told = f"{source} {offering.name}"
        found, weights = recognise_place(copy, told)
        digest = hash_files(weights, should_stop=self._should_stop)
        if not digest:
            raise StoppedError("stopped")
        item = Item(
            family=found.family,
            source=source,
            sha256=digest,
            size=size_of(copy),
            title=wishes.title or found.title,
            trigger_words=wishes.trigger_words or found.trigger_words,
            note=wishes.note,
            motion=wishes.motion,
            kind=wishes.kind or found.motion,
            defaults=wishes.defaults,
            min_side=wishes.min_side,
            max_side=wishes.max_side,
            age_restricted=wishes.age_restricted,
        )
        if found.family is Family.CHECKPOINT:
            card = read_card(copy) if copy.is_dir() else Card()
            check_limits(offer_of(card, item, None).card)
        return found, item

    def _id_for(self, offering: Offering, wishes: Wishes, registry: Registry) -> str:
        """Return a free id.

        Raises:
            RequestError: It is none, or not free.
        """
        name = wishes.id if wishes.id is not None else id_from(offering.name)
        family = offering.found.family
        is_folder_of_ours = family is Family.CHECKPOINT and name in (*NO_MODELS, NAME)
        if not MODEL_ID.fullmatch(name) or is_folder_of_ours:
            raise _refusal(
                f"`--id`: '{name[:70]}' cannot be an id; use 1-64 letters, digits, `.`, `_` and "
                "`-`, not `.` first",
            )
        if name in self._taken(family) or name in registry.of(family):
            raise _refusal(
                f"`--id`: there is already one called {name}; take another id, or remove that one"
            )
        return name

    def _taken(self, family: Family) -> Collection[str]:
        match family:
            case Family.CHECKPOINT:
                return self._catalogue.entries().keys()
            case Family.MOTION:
                return self._catalogue.motions().keys()
            case Family.LORA | Family.EMBEDDING:
                return self._catalogue.files(table_of(family)).keys()

    def _check_wishes(self, found: Found, wishes: Wishes) -> None:
        is_still = found.family is Family.CHECKPOINT and not found.has_motion
        if wishes.motion is not None and not is_still:
            raise _refusal("`--motion` is for checkpoints without a motion module of their own")
        usable = [motion.id for motion in in_order(self._catalogue.motions().values())]
        if wishes.motion is not None and wishes.motion not in usable:
            known = f"there are {', '.join(usable)}" if usable else "add one first"
            raise _refusal(f"`--motion`: there is no motion module {wishes.motion[:64]}; {known}")
        if wishes.age_restricted and found.family is not Family.CHECKPOINT:
            raise _refusal("`--age-restricted` is for checkpoints")
        if wishes.kind is None:
            return
        if found.motion is None:
            raise _refusal("`--kind` is for motion modules")
        if MIDDLE.get(wishes.kind) != MIDDLE.get(found.motion):
            raise _refusal(f"`--kind`: its tensors are not those of {wishes.kind}")

    def _check_base(self, offering: Offering) -> None:
        """Refuse adapters that fit no model that there is or could be.

        Raises:
            BrokenFileError: It is one.
        """
        found = offering.found
        if found.family not in (Family.LORA, Family.EMBEDDING) or found.width is None:
            return
        here = {entry.width for entry in self._catalogue.entries().values()}
        if found.width not in {SD15_WIDTH, *here}:
            raise BrokenFileError(
                f"{offering.name} {misfit(found, SD15_WIDTH)}; "
                f"models here are of {base_of_width(SD15_WIDTH)}"
            )


def place_of(root: Path, family: Family, name: str, *, is_folder: bool) -> Path:
    """Return where something with an id belongs."""
    folder = root if family is Family.CHECKPOINT else root / table_of(family)
    return folder / (name if is_folder else f"{name}.safetensors")


def id_from(name: str) -> str:
    """Make an id of a file's or a repository's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:64]


def size_of(place: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    files = [path for path in place.rglob("*") if path.is_file()] if place.is_dir() else [place]
    return sum(path.stat().st_size for path in files)


def usable_now(catalogue: ModelCatalogue, added: Added) -> tuple[ModelInfo | None, str]:
    """Return what may be asked of a model that was just added, or why nothing may."""
    entry = catalogue.entry(added.id)
    if added.found.family is not Family.CHECKPOINT or entry is None:
        return None, ""
    return entry.info, entry.sentence if entry.info is None else ""


def _refusal(message: str) -> RequestError:
    return RequestError(f"{message}.", field="models")
