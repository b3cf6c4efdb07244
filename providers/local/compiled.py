"""Where workers keep what they compiled, so that a restart does not compile it again.

Each folder at the bottom of it belongs together and can be made anew, so the oldest ones go when
there is too much, and all of it may be deleted. It is cleaned before any worker runs.
"""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import SettingsError

LIMIT = 4 * 1024**3  # bytes; the UNet for one shape takes some tens of millions

COMPILERS = ("g++", "gcc", "clang++", "clang", "c++", "cc")  # one will do, or what CC or CXX names


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    folder: Path
    used_at: float
    size: int


def cache_environment(folder: Path) -> dict[str, str]:
    """Return the variables by which torch and Triton find their caches."""
    return {"TORCHINDUCTOR_CACHE_DIR": str(folder), "TRITON_CACHE_DIR": str(folder / "triton")}


def check_compiler(env: Mapping[str, str]) -> None:
    """Refuse to compile where nothing can: torch and Triton build small libraries on the way.

    Args:
        env: Of the workers.

    Raises:
        SettingsError: There is no compiler.
    """
    names = (*(env[name] for name in ("CC", "CXX") if env.get(name)), *COMPILERS)
    if not any(shutil.which(name, path=env.get("PATH")) for name in names):
        raise SettingsError(
            "LOCAL_SPEED has something compiled, which needs a C++ compiler on this machine: "
            "install g++, or name other levers."
        )


def shrink(folder: Path, *, limit: int = LIMIT) -> None:
    """Delete what was made longest ago until the rest is within the limit."""
    entries = sorted(_entries(folder), key=lambda entry: entry.used_at)
    total = sum(entry.size for entry in entries)
    for entry in entries:
        if total <= limit:
            return
        shutil.rmtree(entry.folder, ignore_errors=True)
        total -= entry.size


def _entries(folder: Path) -> Iterator[_Entry]:
    """Yield the folders that hold files; what lies below one counts as its own."""
    for place, folders, files in os.walk(folder):
        if files and Path(place) != folder:
            folders.clear()
            yield _entry(Path(place))


def _entry(folder: Path) -> _Entry:
    used_at, size = 0.0, 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # it may go while we look
            about = path.lstat()
            used_at = max(used_at, about.st_mtime)
            size += about.st_size if stat.S_ISREG(about.st_mode) else 0
    return _Entry(folder=folder, used_at=used_at, size=size)
