"""Copies what is added into the models folder in one piece: copy, flush, rename.

Until the rename, everything lies in a folder whose name no id can have, so the running bot never
sees half a model, and whatever a killed command left is removed by the next one.
"""

import errno
import os
import shutil
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from jobs.errors import FlipbookError, StorageFullError
from providers.local.library.registry import flush_folder
from providers.local.library.weights import BrokenFileError

STAGE = ".adding"
BLOCK = 1024**2  # bytes
ZEROS = bytes(BLOCK)


class StoppedError(FlipbookError):
    """Whoever waited for a copy has gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """The files of one thing to add.

    Attributes:
        files: Where each lies now, by its path below the place; "" where the place is the file.
        texts: Small files that are written anew, by the same.
        may_move: They were fetched for this, and lie on the same disk.
    """

    files: Mapping[str, Path]
    texts: Mapping[str, str] = field(default_factory=dict)
    may_move: bool = False

    @property
    def is_folder(self) -> bool:
        """Tell whether it becomes a folder."""
        return "" not in self.files

    @property
    def size(self) -> int:
        """Return how many bytes it takes.

        Raises:
            OSError: A file has gone.
        """
        written = sum(len(text.encode()) for text in self.texts.values())
        return written + sum(path.stat().st_size for path in self.files.values())


@contextmanager
def staged(
    root: Path, pick: Pick, name: str, *, should_stop: Callable[[], bool]
) -> Generator[Path]:
    """Copy files into the models folder, under a name that is not offered.

    Args:
        root: The models folder, whose lock is held.
        pick: What to copy.
        name: Of the folder or file at its final place.
        should_stop: Asked between blocks.

    Yields:
        The copy; what is not moved away from there is removed.

    Raises:
        BrokenFileError: A file cannot be read.
        StorageFullError: There is no room for it.
        StoppedError: It was told to stop.
    """
    stage = root / STAGE
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    try:
        _check_room(root, pick)
        target = stage / name
        with _failures_told():
            _copy_all(pick, target, should_stop)
        yield target
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def put_in_place(copy: Path, place: Path) -> None:
    """Give a copy its final name.

    Raises:
        OSError: It cannot be moved.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    copy.rename(place)
    flush_folder(place.parent)


def discard(place: Path) -> None:
    """Remove a folder or file; it is out of sight at once, however large it is.

    Raises:
        OSError: It cannot be removed.
    """
    gone = place.with_name(f".removing-{place.name}")
    shutil.rmtree(gone, ignore_errors=True)
    place.rename(gone)
    flush_folder(place.parent)
    if gone.is_dir() and not gone.is_symlink():
        shutil.rmtree(gone)
    else:
        gone.unlink()


def _check_room(root: Path, pick: Pick) -> None:
    with _failures_told():
        free, size = shutil.disk_usage(root).free, pick.size
    if size > free and not pick.may_move:
        raise StorageFullError(
            f"{root} has {free / 1e9:.1f} GB free, and {size / 1e9:.1f} GB are needed."
        )


@contextmanager
def _failures_told() -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFullError("The disk is full.") from error
        name = Path(error.filename).name if isinstance(error.filename, str) else "a file"
        raise BrokenFileError(f"{name} cannot be copied ({error.strerror})") from error


def _copy_all(pick: Pick, target: Path, should_stop: Callable[[], bool]) -> None:
    for name, source in pick.files.items():
        place = target / name if name else target
        place.parent.mkdir(parents=True, exist_ok=True)
        if pick.may_move:
            source.rename(place)
        else:
            _copy(source, place, should_stop)
        _flush_file(place)
    for name, text in pick.texts.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            file.write(text)
            os.fsync(file.fileno())
    for folder in _folders_of(target):
        flush_folder(folder)


def _folders_of(target: Path) -> Iterable[Path]:
    if not target.is_dir():
        return [target.parent]
    return [path for path in (target, *target.rglob("*")) if path.is_dir()]


def _copy(source: Path, target: Path, should_stop: Callable[[], bool]) -> None:
    """Copy one file; runs of zeros take no room where they took none before."""
    with source.open("rb") as read, target.open("wb") as write:
        while block := read.read(BLOCK):
            if should_stop():
                raise StoppedError("stopped")
            if block == ZEROS:
                write.seek(BLOCK, os.SEEK_CUR)
            else:
                write.write(block)
        write.truncate()


def _flush_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
