"""Keeps the files that a member has chosen until the command or the modal that sends them."""

import secrets

from bot.sandbox.client.option_values import Upload
from bot.sandbox.errors import SandboxError

KEPT = 20


class Uploads:
    """The last files that were chosen; one that is not sent gives way to newer ones."""

    def __init__(self) -> None:
        self._files: dict[str, Upload] = {}

    def add(self, upload: Upload) -> str:
        """Keep a file and return the id by which it is found."""
        while len(self._files) >= KEPT:
            del self._files[next(iter(self._files))]
        id_ = secrets.token_hex(8)
        self._files[id_] = upload
        return id_

    def get(self, id_: str) -> Upload:
        """Find a file.

        Raises:
            SandboxError: It is not there any more.
        """
        if id_ not in self._files:
            raise SandboxError("The file is not there any more; choose it again.")
        return self._files[id_]

    def remove(self, ids: list[str]) -> None:
        """Forget files that were sent."""
        for id_ in ids:
            self._files.pop(id_, None)
