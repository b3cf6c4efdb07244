"""A worker that has hardly any memory left once its libraries are loaded: `cramped.py -m ...`."""

import resource
import sys
from pathlib import Path

from providers.local.engine import studio, worker

LEFT = 1024**3  # bytes of address space; a clip of 128 frames of 1024x1024 takes more at once


def main() -> None:
    """Give up what is not needed by small videos, and be a worker."""
    sys.argv = sys.argv[2:]  # without `-m`, as Python itself would do
    assert studio  # torch and all the others are loaded: how large they are says nothing
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + LEFT
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    worker.main()


if __name__ == "__main__":
    main()
