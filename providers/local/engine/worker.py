"""The worker process: `python -m providers.local.engine.worker --device cpu --scratch S`.

Orders come in on stdin, events go out on stdout, everything that a library prints goes to
stderr. When stdin closes the bot is gone or wants no more, and the process ends at once, in the
middle of a step if need be, so that a killed bot leaves nothing behind.
"""

import argparse
import logging
import os
import sys
import threading
from io import FileIO
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from providers.local.engine.ticket import DeviceLostError, RenderError, StoppedError, Ticket
from providers.local.levers import AUTO, NAMES, OFF, resolved
from providers.local.wire import (
    Advanced,
    Cancelled,
    CancelOrder,
    Done,
    Failed,
    Ready,
    RenderOrder,
    read_order,
    write_line,
)

if TYPE_CHECKING:
    from providers.local.engine.studio import Studio

logger = logging.getLogger(__name__)

DEVICE_LOST_EXIT = 3


class Inbox:
    """What the bot wants, read by a thread of its own so that it is heard in mid-step."""

    def __init__(self) -> None:
        self.orders: SimpleQueue[RenderOrder] = SimpleQueue()
        self._cancelled: set[str] = set()

    def listen(self) -> None:
        """Read orders until stdin closes, then end the process."""
        for line in sys.stdin.buffer:
            try:
                order = read_order(line)
            except ValueError:
                logger.exception("Not an order: %r", line[:200])
                continue
            if isinstance(order, CancelOrder):
                self._cancelled.add(order.id)
            else:
                self.orders.put(order)
        os._exit(0)

    def is_cancelled(self, render_id: str) -> bool:
        """Say whether a render is to be stopped."""
        return render_id in self._cancelled


class Outbox:
    """The real stdout; whoever prints after `claim` prints to stderr."""

    def __init__(self, stream: FileIO) -> None:
        self._stream = stream

    @classmethod
    def claim(cls) -> "Outbox":
        """Take stdout for events alone."""
        sys.stdout.flush()
        stream = FileIO(os.dup(1), "w")
        os.dup2(2, 1)
        return cls(stream)

    def send(self, event: Ready | Advanced | Done | Failed | Cancelled) -> None:
        """Write one event, whole."""
        left = memoryview(write_line(event))
        while left:
            left = left[self._stream.write(left) :]


def main() -> None:
    """Listen, load the libraries, work."""
    parser = argparse.ArgumentParser(prog="python -m providers.local.engine.worker")
    parser.add_argument("--device", required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument(
        "--speed",
        action="append",
        default=[],
        choices=(AUTO, OFF, *NAMES),
        help="what makes it faster; may be given again",
    )
    arguments = parser.parse_args()
    outbox, inbox = Outbox.claim(), Inbox()
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    threading.Thread(target=inbox.listen, name="inbox", daemon=True).start()
    # Seconds of torch: listen first.
    from providers.local.engine.speed import speed_of  # noqa: PLC0415
    from providers.local.engine.studio import Studio  # noqa: PLC0415

    speed = speed_of(resolved(arguments.speed, arguments.device))
    studio = Studio(scratch=arguments.scratch, device=arguments.device, speed=speed)
    outbox.send(Ready(device=studio.device, versions=studio.versions))
    while True:
        work(studio, inbox.orders.get(), inbox, outbox)


def work(studio: "Studio", order: RenderOrder, inbox: Inbox, outbox: Outbox) -> None:
    """Carry out one order and say how it ended; without a device, end the process."""
    ticket = Ticket(
        render_id=order.id,
        is_cancelled=lambda: inbox.is_cancelled(order.id),
        send=outbox.send,
    )
    try:
        video = studio.render(order, ticket)
    except StoppedError:
        outbox.send(Cancelled(id=order.id))
        return
    except RenderError as error:
        logger.warning("Render %s: %s: %s", order.id, error.code, error)
        outbox.send(Failed(id=order.id, code=error.code, message=str(error)))
        return
    except DeviceLostError:
        os._exit(DEVICE_LOST_EXIT)  # CUDA works again in a fresh process only
    outbox.send(
        Done(
            id=order.id,
            path=str(video.path),
            poster=str(video.poster),
            effective=video.effective,
            versions=studio.versions,
            timings_s=ticket.timings_s,
        )
    )


if __name__ == "__main__":
    main()
