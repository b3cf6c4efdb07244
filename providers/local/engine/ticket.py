"""What a render carries through the worker: where to tell its progress, whether to go on.

Everything that ends a render without a video is one of the exceptions here.
"""

import threading
import time
from collections.abc import Callable

from providers.local.wire import Advanced, FailureCode, Stage


class StoppedError(Exception):
    """The render was cancelled."""


class RenderError(Exception):
    """The render failed.

    Args:
        code: For logs and tests.
        message: One sentence for the asker.
    """

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class DeviceLostError(Exception):
    """The device does nothing any more for this process; a fresh one may make the video."""


class Ticket:
    """One render's way to the outside; `is_cancelled` is asked often and must be cheap.

    What it tells as `done` of `total` are calls of the UNet, nearly all of the work. The share
    never gets smaller: it stays when denoising is begun again in less memory, and it is whole
    while the video is decoded and encoded, each with its own time left. It may be used from two
    threads, since encoding begins while the rest is decoded.
    """

    def __init__(
        self,
        *,
        render_id: str,
        is_cancelled: Callable[[], bool],
        send: Callable[[Advanced], None],
    ) -> None:
        self._render_id = render_id
        self._is_cancelled = is_cancelled
        self._send = send
        self._lock = threading.Lock()
        self._stage: Stage | None = None
        self._told = (0, 0)
        self._began = time.monotonic()
        self._first: tuple[int, float] | None = None
        self.timings_s: dict[str, float] = {}

    def check(self) -> None:
        """Go on, unless the render was cancelled.

        Raises:
            StoppedError: It was.
        """
        if self._is_cancelled():
            raise StoppedError

    def enter(self, stage: Stage) -> None:
        """Begin a stage, and note how long the one before took.

        Raises:
            StoppedError: The render was cancelled.
        """
        self.check()
        with self._lock:
            self._close_stage()
            self._stage = stage
            self._tell(None)

    def advance(self, done: int, total: int, *, at: Stage | None = None) -> None:
        """Tell how far the stage is, and how long the rest of it takes at the pace measured.

        The first unit is left out of the pace: it carries what is done only once.

        Args:
            done: UNet calls while denoising, frames afterwards.
            total: Of the same.
            at: The stage that this is about; another one's news are kept for oneself.

        Raises:
            StoppedError: The render was cancelled.
        """
        self.check()
        with self._lock:
            if self._stage is None or at not in (None, self._stage):
                return
            if self._stage is Stage.DENOISING and done * self._told[1] >= self._told[0] * total:
                self._told = (done, total)
            self._tell(self._left_s(done, total))

    def finish(self) -> None:
        """Note how long the last stage took."""
        with self._lock:
            self._close_stage()
            self._stage = None

    def _left_s(self, done: int, total: int) -> float | None:
        now = time.monotonic()
        if self._first is None:
            self._first = (done, now)
        first, began = self._first
        return None if done <= first else round((now - began) / (done - first) * (total - done), 1)

    def _tell(self, left_s: float | None) -> None:
        assert self._stage is not None  # noqa: S101 - both callers have just looked
        done, total = self._told
        self._send(
            Advanced(id=self._render_id, stage=self._stage, done=done, total=total, eta_s=left_s)
        )

    def _close_stage(self) -> None:
        now = time.monotonic()
        if self._stage is not None:
            spent = self.timings_s.get(self._stage, 0.0) + now - self._began
            self.timings_s[self._stage] = round(spent, 3)
        self._began, self._first = now, None
