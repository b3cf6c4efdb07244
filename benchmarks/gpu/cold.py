"""How long a first job takes: a fresh worker process, from its start to the finished file.

It is the worker that the bot starts. The files of the models are in the system's cache, as after
any restart of the bot alone; what was compiled before lies in a folder, or does not.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from providers.local.wire import Done, Ready, RenderOrder, read_event, write_line

ROOT = Path(__file__).resolve().parents[2]


def first_job(
    order: RenderOrder, *, device: str, levers: Sequence[str], cache: Path, scratch: Path
) -> dict[str, float]:
    """Start a worker, have it make one video, and end it.

    Returns:
        Seconds until it was ready and until the video lay on disk.

    Raises:
        RuntimeError: It made no video.
    """
    words = [f"TORCHINDUCTOR_CACHE_DIR={cache}", f"TRITON_CACHE_DIR={cache / 'triton'}"]
    words += [sys.executable, "-m", "providers.local.engine.worker"]
    words += ["--device", device, "--scratch", str(scratch)]
    for name in levers:
        words += ["--speed", name]
    started, ready_s = perf_counter(), 0.0
    with subprocess.Popen(  # noqa: S603 - our own words
        ["/usr/bin/env", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as worker:
        assert worker.stdin is not None  # noqa: S101 - both were asked for
        assert worker.stdout is not None  # noqa: S101
        try:
            worker.stdin.write(write_line(order))
            worker.stdin.flush()
            for line in worker.stdout:
                event = read_event(line)
                if isinstance(event, Ready):
                    ready_s = perf_counter() - started
                elif isinstance(event, Done):
                    done_s = perf_counter() - started
                    return {"ready_s": round(ready_s, 2), "done_s": round(done_s, 2)}
                elif event.event in ("failed", "cancelled"):
                    break
        finally:
            worker.kill()
    message = "The worker made no video; its log is above."
    raise RuntimeError(message)
