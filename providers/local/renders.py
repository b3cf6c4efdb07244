"""One render as the bot sees it: its news as they come, and how it ended."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from pathlib import Path

from jobs.errors import InterruptedRenderError, RenderCancelledError, RenderFailedError
from jobs.model import JobId, Progress
from providers.local.wire import Advanced, Cancelled, Done, Ending, Failed, Stage

logger = logging.getLogger(__name__)


class Render:
    """An order that was given to a worker; `id` is new for each attempt.

    Attributes:
        model_hash: Becomes the hash of the model's weights, "" if it cannot be known.
    """

    def __init__(self, *, render_id: str, job_id: JobId, model_hash: asyncio.Future[str]) -> None:
        self.id = render_id
        self.job_id = job_id
        self.model_hash = model_hash
        self._news = deque([Progress(stage=Stage.STARTING)])
        self._ending: Ending | str | None = None
        self._changed = asyncio.Event()
        self._changed.set()
        self._is_discarded = False

    @property
    def has_ended(self) -> bool:
        """It is done, failed, cancelled or lost."""
        return self._ending is not None

    def tell(self, event: Advanced | Ending) -> None:
        """Take in what the worker says."""
        if isinstance(event, Advanced):
            self._news.append(
                Progress(done=event.done, total=event.total, stage=event.stage, eta_s=event.eta_s)
            )
        else:
            self._ending = event
            self._remove_if_discarded()
        self._changed.set()

    def lose(self, reason: str) -> None:
        """Note that the worker is gone; a render that has ended stays as it ended."""
        if self._ending is None:
            self._ending = reason
            self._changed.set()

    def discard(self) -> None:
        """Remove its video: now, or when the worker is done in spite of a cancel."""
        self._is_discarded = True
        self._remove_if_discarded()

    def _remove_if_discarded(self) -> None:
        if self._is_discarded and isinstance(self._ending, Done):
            try:
                Path(self._ending.path).unlink(missing_ok=True)
            except OSError as error:
                logger.warning("A video nobody wants stays: %s", error)

    async def follow(self) -> AsyncGenerator[Progress]:
        """Yield all news until the video is ready.

        Raises:
            RenderFailedError: It failed.
            InterruptedRenderError: Its worker is gone.
            RenderCancelledError: It was cancelled.
        """
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._news:
                yield self._news.popleft()
            if self._ending is not None:
                self._changed.set()  # whoever follows again gets the same end
                self.result()
                return

    def result(self) -> Done:
        """Return the finished video.

        Raises:
            RenderFailedError: It failed.
            InterruptedRenderError: Its worker is gone, or it has not ended.
            RenderCancelledError: It was cancelled.
        """
        match self._ending:
            case Done() as done:
                return done
            case Failed(message=message):
                raise RenderFailedError(message)
            case Cancelled():
                raise RenderCancelledError("The render was cancelled.")
            case str() as reason:
                raise InterruptedRenderError(reason)
            case None:
                raise InterruptedRenderError("The render has not ended.")
