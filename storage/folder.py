"""The data folder: where things lie in it, and who may write there.

The lock is the kernel's, so it is gone with the process that held it, `kill -9` included.
"""

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import StorageError, StorageLockedError


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFolder:
    """The paths below one data folder."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "flipbook.db"

    @property
    def videos(self) -> Path:
        """Finished videos, parts of unfinished ones, and init images."""
        return self.root / "videos"

    def create(self) -> None:
        """Make what is missing; other users of the machine have no business in it.

        Raises:
            StorageError: It cannot be made; the message names the folder.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.videos.mkdir(mode=0o700, exist_ok=True)
            self.database.touch(mode=0o600)  # prompts and tokens, whatever the folder allows
        except OSError as error:
            raise StorageError(f"The data folder {self.root} cannot be made: {error}") from error

    @contextmanager
    def hold(self) -> Generator[None]:
        """Create the folder and hold it alone while the context lasts.

        Raises:
            StorageLockedError: Another Flipbook holds it; the message names the folder.
            StorageError: It cannot be written.
        """
        self.create()
        try:
            lock = (self.root / "flipbook.lock").open("ab")
        except OSError as error:
            raise StorageError(f"The data folder {self.root} is not writable: {error}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StorageLockedError(
                    f"Another Flipbook holds the data folder {self.root}; stop it first, "
                    "or give this one a folder of its own (FLIPBOOK_DATA_DIR)."
                ) from error
            yield
