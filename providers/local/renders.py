"""One render as the bot sees it: its news as they come, and how it ended."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from jobs.errors import InterruptedRenderError, RenderCancelledError, RenderFailedError
from jobs.model import JobId, Progress
from providers.local.wire import Advanced, Cancelled, Done, Ending, Failed, Stage


class Render:
    """An order that was given to a worker; `id` is new for each attempt."""

    def __init__(self, *, render_id: str, job_id: JobId) -> None:
        self.id = render_id
        self.job_id = job_id
        self._news = deque([Progress(stage=Stage.STARTING)])
        self._ending: Ending | str | None = None
        self._changed = asyncio.Event()
        self._changed.set()

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
        self._changed.set()

    def lose(self, reason: str) -> None:
        """Note that the worker is gone; a render that has ended stays as it ended."""
        if self._ending is None:
            self._ending = reason
            self._changed.set()

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
