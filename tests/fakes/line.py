"""The line between a process and its store; a killed process writes nothing any more."""

from collections.abc import Awaitable, Callable
from typing import cast

from jobs.errors import StorageError
from jobs.ports import JobStore


class Line:
    """Passes every call on until it is cut."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self.is_cut = False

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        method = cast("Callable[..., Awaitable[object]]", getattr(self._jobs, name))

        async def call(*args: object, **kwargs: object) -> object:
            if self.is_cut:
                raise StorageError("the process is dead")
            return await method(*args, **kwargs)

        return call
