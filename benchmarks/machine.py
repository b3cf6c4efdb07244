"""Says what the numbers were measured on; without it they mean nothing."""

import os
import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("discord.py", "aiosqlite", "torch", "diffusers")


def describe() -> str:
    """Return a few lines about interpreter, libraries, processor and load."""
    load = ", ".join(f"{average:.2f}" for average in os.getloadavg())
    lines = {
        "Python": f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "libraries": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "processor": f"{os.cpu_count()} x {_processor()}, {_memory_gib():.1f} GiB of memory",
        "system": f"{platform.system()} {platform.release()}",
        "load at start": f"{load} (1, 5, 15 minutes)",
    }
    return "\n".join(f"{name + ':':<15}{text}" for name, text in lines.items())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "is missing"


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
