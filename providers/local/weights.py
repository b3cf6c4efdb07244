"""Looks at safetensors files without torch: is the file whole, has it changed, what is its hash.

A safetensors file is eight bytes of length, a JSON header of that length, and the tensors; its
size follows from the header, so a cut-off download shows without reading the tensors.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HEADER_LIMIT = 100_000_000  # bytes, as in the format's reference implementation
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
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(HEADER_LIMIT, size - 8):
                raise BrokenFileError(f"{name} is no whole safetensors file")
            header = json.loads(file.read(length))
        expected = 8 + length + _data_length(header)
    except FileNotFoundError as error:
        raise BrokenFileError(f"{name} is missing") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BrokenFileError(f"{name} cannot be read") from error
    if size != expected:
        how = "truncated" if size < expected else "longer than it should be"
        raise BrokenFileError(f"{name} is {how}")


def read_json(path: Path, name: str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BrokenFileError: It is missing, or no JSON object.
    """
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise BrokenFileError(f"{name} is missing") from error
    except (OSError, ValueError) as error:
        raise BrokenFileError(f"{name} cannot be read") from error
    if not isinstance(value, dict):
        raise BrokenFileError(f"{name} is not a JSON object")
    return value


def fingerprint(folder: Path) -> Fingerprint:
    """Return what changes whenever a file of the folder or of its subfolders does."""
    found: list[tuple[str, int, int]] = []
    for path in sorted([*folder.glob("*.json"), *folder.glob("*/*")]):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.append((str(path.relative_to(folder)), stat.st_size, stat.st_mtime_ns))
    return tuple(found)


def hash_files(paths: Iterable[Path]) -> str:
    """Return one sha256 over files, in the given order."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(HASH_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def _data_length(header: dict[str, Any]) -> int:
    ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
    return max(ends, default=0)
