"""The line between a process and its store: cut by a kill, failing where the disk is full."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import cast

from jobs.errors import StorageError, StorageFullError
from jobs.ports import JobStore


class Line:
    """Passes every call on until it is cut."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self.is_cut = False
        self.failures: Counter[str] = Counter()  # by method: how many calls are still to fail

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        method = cast("Callable[..., Awaitable[object]]", getattr(self._jobs, name))

        async def call(*args: object, **kwargs: object) -> object:
            if self.is_cut:
                raise StorageError("the process is dead")
            if self.failures[name]:
                self.failures[name] -= 1
                raise StorageFullError("the disk is full")
            return await method(*args, **kwargs)

        return call
