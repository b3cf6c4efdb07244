"""The child process that draws: `python -m storage.plots.child PARENT`.

One order comes in on stdin as JSON, one answer goes out on stdout as JSON, and the process ends.
matplotlib is loaded here and nowhere else, because it is large and draws for seconds.
"""

import base64
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from storage.confinement import limit, tie_to


def main() -> None:
    """Read the order, draw, write the answer."""
    tie_to(int(sys.argv[1]))
    stdout = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    order: Mapping[str, Any] = json.load(sys.stdin)
    limit(order["memory_bytes"], order["cpu_s"])
    with stdout:
        json.dump(answer_to(order["sheet"]), stdout)


def answer_to(sheet: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the picture, or what kept it from being drawn."""
    try:
        from storage.plots.chart import draw  # noqa: PLC0415 - only after the limits, and if it is there
    except ModuleNotFoundError as error:
        is_missing = (error.name or "").partition(".")[0] == "matplotlib"
        return {"error": "missing" if is_missing else repr(error)}
    try:
        return {"picture": base64.b64encode(draw(sheet)).decode()}
    except Exception as error:  # noqa: BLE001 - the outer edge: a library may raise anything
        return {"error": repr(error)}


if __name__ == "__main__":
    main()
