"""Keeps what was read from disk last in host memory, under a limit of bytes.

Switching back to a model that was used a minute ago then costs a copy to the device, not a read
of gigabytes. What was not used for the longest time goes first.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol, TypeVar, cast

from providers.local.library.weights import Fingerprint

Key = tuple[Path, Fingerprint]


class Kept(Protocol):
    """What can be kept."""

    @property
    def size(self) -> int:
        """Return the bytes that it takes."""
        ...


T = TypeVar("T", bound=Kept)


class HostCache:
    """What was read, by file and by that file's state.

    Args:
        limit: Bytes of all together; only what is in use may go above it.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[Key, Kept] = OrderedDict()

    @property
    def size(self) -> int:
        """Return the bytes of all that is kept."""
        return sum(kept.size for kept in self._kept.values())

    def get(self, key: Key, read: Callable[[], T]) -> T:
        """Return what is kept, or read it and keep it; earlier states of the file go."""
        if key not in self._kept:
            self.drop(key[0])
            self._kept[key] = read()
        self._kept.move_to_end(key)
        return cast("T", self._kept[key])

    def shrink(self, *, used: Collection[Key]) -> None:
        """Let go of the oldest until the limit holds, but not of what is in use."""
        for key in [key for key in self._kept if key not in used]:
            if self.size <= self._limit:
                return
            del self._kept[key]

    def drop(self, path: Path) -> None:
        """Let go of what was read from a file or folder."""
        for key in [key for key in self._kept if key[0] == path]:
            del self._kept[key]

    def clear(self) -> None:
        """Let go of everything."""
        self._kept.clear()
