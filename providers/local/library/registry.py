"""Keeps what is known of models beyond their files: where each came from, its hash, its defaults.

`registry.json` lies in the operator's models folder. A file or folder without an entry works
too, with the defaults of Stable Diffusion 1.5. Whoever changes it holds a lock and replaces it
in one piece, so that a running bot, which only reads, never sees half of it.
"""

import fcntl
import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, ValidationError
from typing_extensions import override

from jobs.errors import SettingsError
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
    Scheduler,
)
from providers.local.library.families import Family, MotionKind
from providers.local.library.weights import BrokenFileError, read_json

NAME = "registry.json"
LOCK = ".lock"
VERSION = 1

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")]
Side = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE, multiple_of=SIDE_STEP)]


class _Value(BaseModel, frozen=True, extra="forbid"):
    """A value of the file; a name that is not known is an error."""


class OwnDefaults(_Value, frozen=True):
    """What a request gets that does not say; None leaves it to the model's own files."""

    width: Side | None = None
    height: Side | None = None
    frames: Annotated[int, Field(ge=MIN_FRAMES, le=MAX_FRAMES)] | None = None
    fps: Annotated[int, Field(ge=MIN_FPS, le=MAX_FPS)] | None = None
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] | None = None
    guidance_scale: Annotated[float, Field(ge=1, le=MAX_GUIDANCE)] | None = None
    scheduler: Scheduler | None = None


class Source(_Value, frozen=True):
    """Where something came from.

    Attributes:
        name: A file's or folder's name, or a repository's, without any path of the machine.
        revision: The commit of the repository; "" for files.
        file: Which file of the repository, where not all of it was taken.
    """

    name: str
    revision: str = ""
    file: str = ""

    @override
    def __str__(self) -> str:
        at = f"@{self.revision}" if self.revision else ""
        return f"{self.name}{at}" + (f" {self.file}" if self.file else "")


class Item(_Value, frozen=True):
    """What is known of one model, motion module, LoRA or embedding.

    Attributes:
        family: What it is.
        source: Where it came from.
        sha256: Over its weights, in the order of their names.
        size: Bytes of all of its files.
        title: For people.
        trigger_words: Words that bring it out.
        note: One sentence for people.
        motion: The id of the motion module that a model is used with.
        kind: Which motion module it is.
        defaults: Of its requests.
        min_side: The smallest width and height in pixels.
        max_side: The largest.
        age_restricted: It is for age-restricted channels only; None leaves it to its own files.
    """

    family: Family
    source: Source
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]
    title: Annotated[str, StringConstraints(max_length=80)] = ""
    trigger_words: tuple[Annotated[str, StringConstraints(max_length=60)], ...] = ()
    note: Annotated[str, StringConstraints(max_length=200)] = ""
    motion: Id | None = None
    kind: MotionKind | None = None
    defaults: OwnDefaults = OwnDefaults()
    min_side: Side | None = None
    max_side: Side | None = None
    age_restricted: bool | None = None


class Registry(_Value, frozen=True):
    """Everything that was registered, by family and id."""

    version: Literal[1] = VERSION
    models: dict[Id, Item] = {}
    motion: dict[Id, Item] = {}
    loras: dict[Id, Item] = {}
    embeddings: dict[Id, Item] = {}

    def of(self, family: Family) -> Mapping[str, Item]:
        """Return the items of a family by id."""
        return getattr(self, table_of(family))

    def with_item(self, family: Family, name: str, item: Item | None) -> Self:
        """Return a copy in which an item is another one, or not there any more."""
        others = {key: value for key, value in self.of(family).items() if key != name}
        items = others if item is None else {**others, name: item}
        return self.model_copy(update={table_of(family): items})


def table_of(family: Family) -> str:
    """Return the name of a family's table, which is also that of its folder."""
    match family:
        case Family.CHECKPOINT:
            return "models"
        case Family.MOTION:
            return "motion"
        case Family.LORA:
            return "loras"
        case Family.EMBEDDING:
            return "embeddings"


class RegistryError(BrokenFileError):
    """The registry cannot be read; models without an entry work all the same."""


def read_registry(root: Path) -> Registry:
    """Read what was registered in a models folder; nothing, where there is no file.

    Raises:
        RegistryError: The file is broken, or was written by a newer Flipbook.
    """
    path = root / NAME
    if not path.exists():
        return Registry()
    try:
        content = read_json(path, NAME)
    except BrokenFileError as error:
        raise RegistryError(str(error)) from error
    version = content.get("version")
    if isinstance(version, int) and version > VERSION:
        raise RegistryError(f"{NAME} was written by a newer Flipbook")
    try:
        return Registry.model_validate(content)
    except ValidationError as error:
        wrong = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise RegistryError(f"{NAME} has a bad value for {wrong}") from error


def write_registry(root: Path, registry: Registry) -> None:
    """Replace the file in one piece; whoever calls this holds the lock.

    Raises:
        OSError: It cannot be written; the old one is as it was.
    """
    content = registry.model_dump(mode="json", exclude_defaults=True) | {"version": VERSION}
    part = root / f".{NAME}.part"
    try:
        with part.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(root / NAME)
    finally:
        part.unlink(missing_ok=True)
    flush_folder(root)


def flush_folder(folder: Path) -> None:
    """Have the names in a folder reach the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def registry_lock(root: Path) -> Generator[None]:
    """Hold the models folder for one change; it is free again when the process ends, too.

    Raises:
        SettingsError: Another command holds it.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"Another `models` command is at work in {root}; try again when it is done."
            raise SettingsError(message) from error
        yield
