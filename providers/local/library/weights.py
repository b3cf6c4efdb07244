"""Looks at a model's files without torch: is one whole, has it changed, what is its hash.

A safetensors file is eight bytes of length, a JSON header of that length, and the tensors; its
size follows from the header, so a cut-off download shows without reading the tensors. The files
are strangers': whatever one holds, it is a `BrokenFileError` or nothing.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

CONFIG_LIMIT = 4 * 1024**2  # bytes; those of SD 1.5 have a few thousand
TOKENIZER_LIMIT = 32 * 1024**2  # bytes; tokenizer.json holds a whole vocabulary and its merges
HEADER_LIMIT = 16 * 1024**2  # bytes; the format allows 100 MB, SD 1.5's largest has 0.2
HASH_BLOCK = 1024**2

Fingerprint = tuple[tuple[str, int, int], ...]


class BrokenFileError(Exception):
    """A file of a model is not what it should be; the message says which and how."""


def check_weights(path: Path, name: str) -> None:
    """Check that a safetensors file is whole.

    Args:
        path: The file.
        name: What to call it in the message.

    Raises:
        BrokenFileError: It is missing, no safetensors file, or of the wrong size.
    """
    check_is_file(path, name)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(HEADER_LIMIT, size - 8):
                raise BrokenFileError(f"{name} is no whole safetensors file")
            header = parsed(file.read(length))
        expected = 8 + length + _data_length(header)
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise BrokenFileError(f"{name} cannot be read") from error
    if size != expected:
        how = "truncated" if size < expected else "longer than it should be"
        raise BrokenFileError(f"{name} is {how}")


def read_json(path: Path, name: str) -> dict[str, Any]:
    """Read a JSON object of a bearable size.

    Raises:
        BrokenFileError: It is missing, too large, or no JSON object.
    """
    check_is_file(path, name)
    limit = TOKENIZER_LIMIT if path.name == "tokenizer.json" else CONFIG_LIMIT
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise BrokenFileError(f"{name} has more than {limit // 1024**2} MiB")
        value = parsed(content)
    except (OSError, ValueError) as error:
        raise BrokenFileError(f"{name} cannot be read") from error
    if not isinstance(value, dict):
        raise BrokenFileError(f"{name} is not a JSON object")
    return value


def check_is_file(path: Path, name: str) -> None:
    """Refuse what is no plain file: reading a pipe would never end.

    Raises:
        BrokenFileError: It is missing, or something else than a file.
    """
    if not path.is_file():
        what = "is no file" if path.exists() else "is missing"
        raise BrokenFileError(f"{name} {what}")


def is_inside(path: Path, folder: Path) -> bool:
    """Tell whether a path, its links followed, stays in a folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link that leads to itself
        return False


def fingerprint(place: Path) -> Fingerprint:
    """Return what changes whenever a file does, or one of a folder or of its subfolders."""
    if place.is_file():
        stat = place.stat()
        return ((place.name, stat.st_size, stat.st_mtime_ns),)
    found: list[tuple[str, int, int]] = []
    weights = place.glob("*.safetensors")  # of a motion module, which has no subfolders
    for path in sorted([*place.glob("*.json"), *weights, *place.glob("*/*")]):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((str(path.relative_to(place)), stat.st_size, stat.st_mtime_ns))
    return tuple(found)


def hash_files(paths: Iterable[Path], *, should_stop: Callable[[], bool]) -> str:
    """Return one sha256 over files, in the given order; "" if it was told to stop.

    Raises:
        OSError: A file went away.
    """
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(HASH_BLOCK):
                if should_stop():
                    return ""
                digest.update(block)
    return digest.hexdigest()


def parsed(content: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    """Parse JSON of a stranger.

    Raises:
        ValueError: It is none, or nested too deeply.
    """
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _data_length(header: dict[str, Any]) -> int:
    ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
    return max(ends, default=0)
