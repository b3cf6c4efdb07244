"""What a render carries through the worker: where to tell its progress, whether to go on.

Everything that ends a render without a video is one of the two exceptions here.
"""

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


class Ticket:
    """One render's way to the outside; `is_cancelled` is asked often and must be cheap."""

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
        self._stage: Stage | None = None
        self._began = self._first = time.monotonic()
        self.timings_s: dict[str, float] = {}

    def check(self) -> None:
        """Go on, unless the render was cancelled.

        Raises:
            StoppedError: It was.
        """
        if self._is_cancelled():
            raise StoppedError

    def enter(self, stage: Stage, total: int = 0) -> None:
        """Begin a stage, and note how long the one before took.

        Raises:
            StoppedError: The render was cancelled.
        """
        self.check()
        self._close_stage()
        self._stage = stage
        self._send(Advanced(id=self._render_id, stage=stage, total=total))

    def advance(self, done: int, total: int) -> None:
        """Tell how far the stage is, and how long the rest takes at the pace measured.

        The first unit is left out of the pace: it carries what is done only once.

        Raises:
            StoppedError: The render was cancelled.
        """
        self.check()
        if self._stage is None:
            return
        now = time.monotonic()
        if done <= 1:
            self._first = now
        pace_s = (now - self._first) / (done - 1) if done > 1 else None
        eta_s = None if pace_s is None else round(pace_s * (total - done), 1)
        self._send(
            Advanced(id=self._render_id, stage=self._stage, done=done, total=total, eta_s=eta_s)
        )

    def finish(self) -> None:
        """Note how long the last stage took."""
        self._close_stage()
        self._stage = None

    def _close_stage(self) -> None:
        now = time.monotonic()
        if self._stage is not None:
            self.timings_s[self._stage] = round(now - self._began, 3)
        self._began = self._first = now
