"""Lets a video be encoded while the rest of it is decoded: two threads and a short belt.

Whichever of the two fails, or is cancelled, the other ends too, and nobody is left waiting.
"""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event
from typing import Generic, TypeVar

ROOM = 2  # chunks that wait for the encoder; more would only hold memory

Chunk = TypeVar("Chunk")


class _AbandonedError(Exception):
    """Whoever makes the chunks has failed; those that were taken are worth nothing."""


class _Belt(Generic[Chunk]):
    """A bounded queue that either side may leave early."""

    def __init__(self) -> None:
        self._queue: Queue[tuple[Chunk] | _AbandonedError | None] = Queue(maxsize=ROOM)
        self._is_left = Event()
        self._has_ended = False

    def fill(self, chunks: Iterable[Chunk]) -> None:
        """Put chunks on the belt for as long as somebody takes them."""
        try:
            for chunk in chunks:
                self._queue.put((chunk,))
                if self._is_left.is_set():
                    break
        except BaseException:
            self._queue.put(_AbandonedError())
            raise
        self._queue.put(None)

    def take(self) -> Generator[Chunk]:
        """Yield the chunks.

        Raises:
            _AbandonedError: There will be no more, though they are not all.
        """
        while isinstance(item := self._queue.get(), tuple):
            yield item[0]
        self._has_ended = True
        if item is not None:
            raise item

    def leave(self) -> None:
        """Take nothing more; whoever fills the belt never waits for room in vain."""
        self._is_left.set()
        while not self._has_ended:
            self._has_ended = not isinstance(self._queue.get(), tuple)


def stream(chunks: Iterable[Chunk], write: Callable[[Iterable[Chunk]], None]) -> None:
    """Make chunks here, and have them written by a thread that is gone afterwards.

    Args:
        chunks: Made as they are asked for, at most two ahead of what is written.
        write: Takes them all; it has to clean up after itself when taking them fails.

    Raises:
        Exception: What making them raised, or else what writing them raised.
    """
    belt = _Belt[Chunk]()

    def run() -> None:
        try:
            write(belt.take())
        finally:
            belt.leave()

    with ThreadPoolExecutor(1, thread_name_prefix="encoder") as pool:
        writing = pool.submit(run)
        belt.fill(chunks)
    writing.result()
