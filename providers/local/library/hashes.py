"""Hashes models' weights beside the renders, each state of a model once.

That takes as long as reading gigabytes does, so nobody waits for it who does not need it, and
the threads that do it stop within one block when the engine closes.
"""

import asyncio
import logging
from threading import Event

from providers.local.library.catalogue import ModelCatalogue
from providers.local.library.entries import Entry
from providers.local.library.weights import Fingerprint, hash_files

logger = logging.getLogger(__name__)


class ModelHashes:
    """The tasks that hash; `close` has to be awaited at the end.

    Args:
        catalogue: Knows the files, and is told the hashes.
    """

    def __init__(self, catalogue: ModelCatalogue) -> None:
        self._catalogue = catalogue
        self._tasks: dict[tuple[str, Fingerprint], asyncio.Task[str]] = {}
        self._is_closing = Event()

    def begin(self, model_id: str) -> asyncio.Task[str]:
        """Start to hash a model's weights as they are now, unless that was done before.

        Returns:
            The task; it never fails, and its result is "" where the hash cannot be known.
            Await it under a shield: others may be waiting for it too.
        """
        entry = self._catalogue.entry(model_id)
        key = (model_id, entry.whole_mark if entry is not None else ())
        task = self._tasks.get(key)
        if task is None or (task.done() and not _digest_of(task)):
            task = asyncio.create_task(self._hash(entry), name=f"hash of {model_id}")
            self._tasks[key] = task
        return task

    async def close(self) -> None:
        """Stop the threads and wait for their end."""
        self._is_closing.set()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _hash(self, entry: Entry | None) -> str:
        if entry is None:
            return ""
        try:
            digest = await asyncio.to_thread(self._read, entry)
        except OSError as error:
            logger.warning("No hash of %s: %s", entry.id, error)
            return ""
        if digest:
            self._catalogue.learn_hash(entry, digest)
        return digest

    def _read(self, entry: Entry) -> str:
        digest = hash_files(entry.weights, should_stop=self._is_closing.is_set)
        return digest if entry.is_as_it_was() else ""


def _digest_of(task: asyncio.Task[str]) -> str:
    return "" if task.cancelled() else task.result()
