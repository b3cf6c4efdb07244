"""A worker that is killed when it is about to tell of a stage: `doomed.py STAGE -m ...`."""

import os
import signal
import sys
from typing import Any

from typing_extensions import override

from providers.local.engine import worker
from providers.local.wire import Advanced


def main() -> None:
    """Take the stage off the command line, and be a worker until it comes."""
    stage = sys.argv[1]
    sys.argv = sys.argv[3:]  # without `-m`, as Python itself would do

    class Doomed(worker.Outbox):
        @override
        def send(self, event: Any) -> None:
            if isinstance(event, Advanced) and event.stage == stage:
                os.kill(os.getpid(), signal.SIGKILL)
            super().send(event)

    worker.Outbox = Doomed
    worker.main()


if __name__ == "__main__":
    main()
