"""Opens a finished video, and opens it again: what was paid for is not lost to one bad minute.

The address is asked for anew each time, because both services sign it for a short while only.
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Protocol

from jobs.errors import (
    FlaggedError,
    MediaError,
    ProviderError,
    RefusedError,
    RenderFailedError,
    UnavailableError,
    UnconfirmedError,
)
from jobs.ports import Clock
from providers.hosted.account import Account
from providers.hosted.api import Look, Stage
from providers.http import EmptyFileError

logger = logging.getLogger(__name__)

MAX_VIDEO_BYTES = 512 * 1024**2  # as the videos folder takes
# Between tries: longer in sum than a video may be late after "done" (`watch.GRACE_S`).
DELAYS_S = (5.0, 15.0, 45.0)

AGAIN = (
    EmptyFileError,  # a file that is promised
    RefusedError,
    RenderFailedError,  # an address that has expired
    UnavailableError,
    UnconfirmedError,
)


class Files(Protocol):
    """What `providers.http.Http` does with the address of a video."""

    def download(
        self, url: str, *, limit: int
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a file of at most `limit` bytes."""
        ...


class Videos:
    """The finished videos of one account."""

    def __init__(self, *, account: Account, http: Files, clock: Clock) -> None:
        self._account = account
        self._http = http
        self._clock = clock

    @asynccontextmanager
    async def open(
        self, provider_job_id: str, *, endpoint: str
    ) -> AsyncGenerator[tuple[Look, AsyncIterator[bytes]]]:
        """Open a video and return what the service says of it, and its bytes.

        A try that fails before the first byte is made again, four times in all. What breaks
        later is raised by the bytes, for they cannot be taken back.

        Raises:
            UnavailableError: It cannot be had now; later it may.
            UnconfirmedError: As before: the service answered and it cannot be read.
            RenderFailedError: The service has no such video, or not any more.
            MediaError: What lies there is empty, or larger than a video can be.
            ProviderError: It lies where nothing is ever fetched from.
        """
        async with AsyncExitStack() as stack:
            look, chunks = await self._open(provider_job_id, endpoint, stack)
            yield look, chunks

    async def _open(
        self, provider_job_id: str, endpoint: str, stack: AsyncExitStack
    ) -> tuple[Look, AsyncIterator[bytes]]:
        for delay_s in DELAYS_S:
            try:
                return await self._try(provider_job_id, endpoint, stack)
            except AGAIN as error:
                _check_worth(error)
                logger.info(
                    "Video of %s %s is tried again: %s",
                    self._account.title,
                    provider_job_id,
                    error,
                    extra={"action": "download_again"},
                )
            await self._clock.sleep(delay_s)
        try:
            return await self._try(provider_job_id, endpoint, stack)
        except RefusedError as error:
            _check_worth(error)
            raise RenderFailedError(error.user_message, detail=error.detail) from error

    async def _try(
        self, provider_job_id: str, endpoint: str, stack: AsyncExitStack
    ) -> tuple[Look, AsyncIterator[bytes]]:
        look = await self._account.look(provider_job_id, endpoint=endpoint)
        url = self._url_of(look)
        async with AsyncExitStack() as attempt:
            download = self._http.download(url, limit=MAX_VIDEO_BYTES)
            chunks = await attempt.enter_async_context(download)
            first = await anext(chunks, b"")
            if not first:
                raise EmptyFileError
            stack.push_async_exit(attempt.pop_all())
        return look, _all_of(first, chunks)

    def _url_of(self, look: Look) -> str:
        title = self._account.title
        match look.stage:
            case Stage.DONE if look.url is not None:
                return look.url
            case Stage.DONE:
                message = f"{title} says that it is done and has no video."
                raise RenderFailedError(message, detail=look.detail)
            case Stage.RUNNING:
                raise UnavailableError(f"{title} is not done yet.", detail=look.detail)
            case Stage.FAILED if look.is_flagged:
                raise FlaggedError(look.failure, detail=look.detail)
            case Stage.FAILED:
                failure = look.failure or f"{title} could not make this video."
                raise _FailedError(failure, detail=look.detail)


class _FailedError(RenderFailedError):
    """The service says that the job failed; no further try changes that."""


def _check_worth(error: MediaError | ProviderError) -> None:
    """Go on only where another try may help.

    Raises:
        RenderFailedError: The service failed the job, or its safety checker flagged it.
        UnavailableError: The service refuses everyone, until its operator acts.
    """
    if isinstance(error, _FailedError | FlaggedError):
        raise error
    if isinstance(error, RefusedError) and error.refuses_everyone:
        raise UnavailableError(error.user_message, detail=error.detail) from error


async def _all_of(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
