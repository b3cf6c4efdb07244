"""Finds the line of a TOML file that a fault is on: `tomllib` tells no lines once it has read."""

import tomllib
from collections.abc import Sequence


def line_of(text: str, keys: Sequence[str]) -> int | None:
    """Return the last line that leads towards a place: its table's header, or its own key."""
    found, table, depth = None, list[str](), 0
    for number, line in enumerate(text.splitlines(), start=1):
        path = _keys_of(line)
        if line.lstrip().startswith("["):
            table = path
        else:
            path = [*table, *path] if path else []
        shared = _shared(path, keys)
        if shared > depth:
            found, depth = number, shared
    return found


def _keys_of(line: str) -> list[str]:
    """Return the dotted keys that one line of TOML names; none if it makes no sense alone."""
    try:
        inside: object = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return []
    keys = list[str]()
    while isinstance(inside, dict) and inside:
        key, inside = next(iter(inside.items()))
        keys.append(str(key))
    return keys


def _shared(path: Sequence[str], keys: Sequence[str]) -> int:
    """Return how many keys two paths begin with alike."""
    count = 0
    for one, other in zip(path, keys, strict=False):
        if one != other:
            break
        count += 1
    return count
