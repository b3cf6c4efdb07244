"""Brings a database file up to the schema of this code, one numbered script at a time.

A script and its number are written in one transaction, so a crash leaves the file at one
version or the next. Released scripts are never edited.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from jobs.errors import NewerDatabaseError


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the schema."""

    number: int
    script: str


def migrations() -> Sequence[Migration]:
    """Return all steps that this code knows, in order; files are named `NNNN_what.sql`."""
    folder = resources.files("storage") / "migrations"
    scripts = [item for item in folder.iterdir() if item.name.endswith(".sql")]
    return sorted((_read(item) for item in scripts), key=lambda step: step.number)


def migrate(connection: sqlite3.Connection, steps: Sequence[Migration] | None = None) -> None:
    """Apply every step that the file has not seen yet.

    Raises:
        NewerDatabaseError: The file is ahead of this code.
    """
    steps = migrations() if steps is None else steps
    refuse_newer(connection, steps)
    version = version_of(connection)
    for step in steps:
        if step.number > version:
            _apply(connection, step)


def refuse_newer(connection: sqlite3.Connection, steps: Sequence[Migration] | None = None) -> None:
    """Refuse a file that a newer Flipbook wrote; only reads.

    Raises:
        NewerDatabaseError: The file is ahead of this code.
    """
    steps = migrations() if steps is None else steps
    newest = max((step.number for step in steps), default=0)
    version = version_of(connection)
    if version > newest:
        raise NewerDatabaseError(
            f"The database is of version {version}, and this Flipbook knows {newest} at most; "
            "start the newer Flipbook that wrote it."
        )


def version_of(connection: sqlite3.Connection) -> int:
    """Return the number of the last step that the file has seen; 0 is an empty file."""
    row = connection.execute("PRAGMA user_version").fetchone()
    return int(row[0])


def _apply(connection: sqlite3.Connection, step: Migration) -> None:
    """Run a script and note its number, atomically; another process may have been faster."""
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{step.script}\nPRAGMA user_version = {step.number:d};\nCOMMIT;"
        )
    except sqlite3.Error:
        connection.rollback()
        if version_of(connection) < step.number:
            raise


def _read(item: Traversable) -> Migration:
    number, _, _ = item.name.partition("_")
    return Migration(number=int(number), script=item.read_text(encoding="utf-8"))
