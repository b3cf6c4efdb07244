"""Knows what LoRA and embedding files are, each state of a file looked at once."""

from pathlib import Path

from jobs.errors import RequestError
from providers.local.library.adapter_files import misfit
from providers.local.library.families import Family, Found
from providers.local.library.headers import read_header
from providers.local.library.recognition import recognise
from providers.local.library.roots import EMBEDDINGS, LORAS
from providers.local.library.weights import BrokenFileError, check_weights

FAMILIES = {LORAS: Family.LORA, EMBEDDINGS: Family.EMBEDDING}


class AdapterShelf:
    """What was recognised, by file, size and time."""

    def __init__(self) -> None:
        self._found: dict[tuple[Path, int, int], Found | None] = {}

    def found(self, path: Path) -> Found | None:
        """Return what a LoRA or an embedding was recognised as; None where it says nothing.

        Raises:
            BrokenFileError: It is not whole.
            OSError: It is gone.
        """
        stat = path.stat()
        mark = (path, stat.st_size, stat.st_mtime_ns)
        if mark not in self._found:
            check_weights(path, path.name)
            self._found[mark] = _recognised(path)
        return self._found[mark]

    def require(self, kind: str, name: str, path: Path, *, width: int) -> None:
        """Refuse a file that is broken, or says that it was made for another base.

        Args:
            kind: `loras` or `embeddings`, the name of the folder and of the field.
            name: Its id.
            path: The file.
            width: Of the tokens of the model it is asked for; 0 if that is not known.

        Raises:
            RequestError: It is one.
        """
        try:
            found = self.found(path)
        except (OSError, BrokenFileError) as error:
            is_broken = isinstance(error, BrokenFileError)
            fault = str(error) if is_broken else f"{path.name} is missing"
            message = f"`{kind}`: {fault} on this machine; its operator has to add it again."
            raise RequestError(message, field=kind) from error
        if found is None or not width or found.family is not FAMILIES[kind]:
            return
        fault = misfit(found, width)
        if fault:
            message = f"`{kind}`: {name} does not fit this model: it {fault}."
            raise RequestError(message, field=kind)


def _recognised(path: Path) -> Found | None:
    """Recognise a file that may have come by hand: what nobody knows is tried by the worker."""
    try:
        return recognise(read_header(path, path.name), path.name)
    except BrokenFileError:
        return None
