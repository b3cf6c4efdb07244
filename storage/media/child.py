"""The child process that touches media made by strangers: `python -m storage.media.child PARENT`.

One order comes in on stdin as JSON, one answer goes out on stdout as JSON, and the process
ends. It limits its own memory and time before it opens a file, so whatever a file does to its
decoder ends here, and it ends with the bot, whose process id it is given. torch is never loaded.
"""

import base64
import errno
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jobs.errors import MediaError, RequestError
from storage.confinement import limit, tie_to
from storage.media.fit import fit
from storage.media.image import plain_png
from storage.media.probe import probe
from storage.media.scale import scale
from storage.media.tag import tag

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Order = Mapping[str, Any]


def main() -> None:
    """Read the order, carry it out, write the answer."""
    tie_to(int(sys.argv[1]))
    stdout = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    order: Order = json.load(sys.stdin)
    limit(order["memory_bytes"], order["cpu_s"])
    with stdout:
        json.dump(answer_to(order), stdout)


def answer_to(order: Order) -> dict[str, Any]:
    """Carry out an order and return its result, or what kept it from having one."""
    try:
        return {"result": _ACTIONS[order["action"]](order)}
    except RequestError as error:
        return _failed("request", str(error))
    except MediaError as error:
        return _failed("media", str(error))
    except OSError as error:
        return _failed("full" if error.errno in _FULL else "broken", repr(error))
    except Exception as error:  # noqa: BLE001 - the outer edge: a decoder may raise anything
        return _failed("broken", repr(error))


def _failed(kind: str, message: str) -> dict[str, Any]:
    return {"error": kind, "message": message}


def _check_image(order: Order) -> str:
    return base64.b64encode(plain_png(base64.b64decode(order["content"]))).decode()


def _probe(order: Order) -> dict[str, Any]:
    return probe(Path(order["path"]))


def _tag(order: Order) -> None:
    tag(Path(order["path"]), order["tags"])


def _fit(order: Order) -> str:
    return str(fit(Path(order["path"]).absolute(), order["limit"]))


def _scale(order: Order) -> dict[str, Any]:
    return scale(Path(order["path"]), order["width"], order["height"])


_ACTIONS: Mapping[str, Callable[[Order], Any]] = {
    "check_image": _check_image,
    "probe": _probe,
    "tag": _tag,
    "fit": _fit,
    "scale": _scale,
}


if __name__ == "__main__":
    main()
