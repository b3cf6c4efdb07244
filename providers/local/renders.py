"""One render as the bot sees it: its news as they come, and how it ended."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from pathlib import Path

from jobs.errors import (
    FlaggedError,
    InterruptedRenderError,
    RenderCancelledError,
    RenderFailedError,
)
from jobs.model import JobId, Progress
from providers.local.wire import Advanced, Cancelled, Done, Ending, Failed, FailureCode, Stage

logger = logging.getLogger(__name__)


class Render:
    """An order that was given to a worker; `id` is new for each attempt.

    Args:
        render_id: The order's.
        job_id: What it is for.
        scratch: Where the worker puts its files, named by the render's id.
        model_hash: Becomes the hash of the model's weights, "" if it cannot be known.
    """

    def __init__(
        self,
        *,
        render_id: str,
        job_id: JobId,
        scratch: Path,
        model_hash: asyncio.Future[str],
    ) -> None:
        self.id = render_id
        self.job_id = job_id
        self._scratch = scratch
        self.model_hash = model_hash
        self._news = deque([Progress(stage=Stage.STARTING)])
        self._ending: Ending | str | None = None
        self._is_hung = False
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

    @property
    def is_hung(self) -> bool:
        """Its worker was ended because nothing came from it any more."""
        return self._is_hung

    def lose(self, reason: str, *, is_hung: bool = False) -> None:
        """Note that the worker is gone; a render that has ended stays as it ended."""
        if self._ending is None:
            self._ending, self._is_hung = reason, is_hung
            self._remove_if_discarded()
            self._changed.set()

    def discard(self) -> None:
        """Remove what there is of its video: now, or when the worker has done with it."""
        self._is_discarded = True
        self._remove_if_discarded()

    def remove(self) -> None:
        """Remove what there is of its video; a worker that was killed leaves half a file."""
        try:
            for path in self._scratch.glob(f"{self.id}.*"):
                path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("A video nobody wants stays: %s", error)

    def _remove_if_discarded(self) -> None:
        if self._is_discarded and self.has_ended:
            self.remove()

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
            RenderFailedError: It failed, or its model's safety checker flagged it.
            InterruptedRenderError: Its worker is gone, or it has not ended.
            RenderCancelledError: It was cancelled.
        """
        match self._ending:
            case Done() as done:
                return done
            case Failed(code=FailureCode.FLAGGED, message=message):
                raise FlaggedError(message)
            case Failed(message=message):
                raise RenderFailedError(message)
            case Cancelled():
                raise RenderCancelledError("The render was cancelled.")
            case str() as reason:
                raise InterruptedRenderError(reason)
            case None:
                raise InterruptedRenderError("The render has not ended.")
