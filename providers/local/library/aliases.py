"""Keeps other names of models: `aliases.json` in the operator's models folder.

Whoever changes it holds the lock of the registry beside it and replaces the file in one piece, so
that a running bot, which looks again every two seconds, never sees half of it.
"""

import json
import logging
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints, ValidationError

from jobs.aliases import MAX_NAME_CHARS
from jobs.ports import Clock
from providers.local.library.registry import Id, flush_folder
from providers.local.library.weights import BrokenFileError, read_json

NAME = "aliases.json"
VERSION = 1
FRESH = timedelta(seconds=2)

Name = Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=MAX_NAME_CHARS)]

logger = logging.getLogger(__name__)


class _Content(BaseModel, frozen=True, extra="forbid"):
    """The file; a name that is not known is an error."""

    version: Literal[1] = VERSION
    aliases: dict[Name, Id] = {}


class AliasesError(BrokenFileError):
    """The file cannot be read; models answer to their own ids all the same."""


def read_aliases(root: Path) -> Mapping[str, str]:
    """Return the ids by their other names; nothing, where there is no file.

    Raises:
        AliasesError: The file is broken, or was written by a newer Flipbook.
    """
    path = root / NAME
    if not path.exists():
        return {}
    try:
        return _Content.model_validate(read_json(path, NAME)).aliases
    except BrokenFileError as error:
        raise AliasesError(str(error)) from error
    except ValidationError as error:
        wrong = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise AliasesError(f"{NAME} has a bad value for {wrong}") from error


def write_aliases(root: Path, aliases: Mapping[str, str]) -> None:
    """Replace the file in one piece; whoever calls this holds the lock of the registry.

    Raises:
        ValidationError: A name or an id is none.
        OSError: It cannot be written; the old one is as it was.
    """
    content = _Content.model_validate({"aliases": dict(sorted(aliases.items()))})
    part = root / f".{NAME}.part"
    try:
        with part.open("w", encoding="utf-8") as file:
            json.dump(content.model_dump(), file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(root / NAME)
    finally:
        part.unlink(missing_ok=True)
    flush_folder(root)


class AliasFile:
    """The other names as they are now, from memory for two seconds.

    Args:
        root: The operator's models folder.
        clock: Tells how old the last look is.
    """

    def __init__(self, root: Path, *, clock: Clock) -> None:
        self._root = root
        self._clock = clock
        self._looked_at: datetime | None = None
        self._names: Mapping[str, str] = {}
        self._fault = ""

    def names(self) -> Mapping[str, str]:
        """Return the ids by their other names; where the file is broken, what it said before."""
        now = self._clock.now()
        if self._looked_at is None or not timedelta(0) <= now - self._looked_at < FRESH:
            self._look()
            self._looked_at = now
        return self._names

    def _look(self) -> None:
        fault = ""
        try:
            self._names = read_aliases(self._root)
        except BrokenFileError as error:
            fault = f"{error}; what it says is ignored until it is repaired or removed."
        if fault and fault != self._fault:
            logger.error("%s", fault, extra={"action": "aliases_broken"})
        self._fault = fault
