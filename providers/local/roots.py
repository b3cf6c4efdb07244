"""Says which folder or file an id means: the models that come with Flipbook, and one's own.

    <root>/<id>/                       a model
    <root>/loras/<id>.safetensors
    <root>/embeddings/<id>.safetensors

What comes with Flipbook is part of the package and only ever read. Its ids win, so that
`shapes` is the same model everywhere; one's own of the same name is ignored, and the log says so.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path

from providers.local.folder import was_never_trained
from providers.local.weights import is_inside

logger = logging.getLogger(__name__)

EMBEDDED = Path(__file__).parent / "models"
LORAS, EMBEDDINGS = "loras", "embeddings"
MODEL_ID = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,64}")


class ModelRoots:
    """The two folders that hold models, LoRAs and embeddings.

    Args:
        own: The operator's folder; it need not be there.
        embedded: What comes with Flipbook.
    """

    def __init__(self, *, own: Path, embedded: Path = EMBEDDED) -> None:
        self._own = own
        self._embedded = embedded
        self._ignored: set[Path] = set()

    def folders(self) -> Mapping[str, Path]:
        """Return the folders of all models by id, whole or broken."""
        return self._merged(_folders_in(self._embedded), _folders_in(self._own))

    def files(self, kind: str) -> Mapping[str, Path]:
        """Return the files of a kind, `loras` or `embeddings`, by id."""
        return self._merged(_files_in(self._embedded, kind), _files_in(self._own, kind))

    def is_embedded(self, path: Path) -> bool:
        """Tell whether a folder or file comes with Flipbook."""
        return path.is_relative_to(self._embedded)

    def _merged(self, embedded: Mapping[str, Path], own: Mapping[str, Path]) -> dict[str, Path]:
        for name in own.keys() & embedded.keys():
            self._ignore(own[name])
        return {**own, **embedded}

    def _ignore(self, path: Path) -> None:
        """Log that a folder or file is ignored, the first time that it is."""
        if path in self._ignored:
            return
        self._ignored.add(path)
        if was_never_trained(path):  # earlier versions built one at their first start
            reason, level = "it is the untrained model of an earlier version", logging.INFO
        else:
            reason, level = "Flipbook brings one of that name; rename it", logging.WARNING
        logger.log(level, "%s is ignored: %s", path, reason, extra={"action": "model_ignored"})


def _folders_in(root: Path) -> dict[str, Path]:
    if not root.is_dir():
        return {}
    return {
        path.name: path
        for path in root.iterdir()
        if MODEL_ID.fullmatch(path.name)
        and path.name not in (LORAS, EMBEDDINGS)
        and path.is_dir()
        and is_inside(path, root)
    }


def _files_in(root: Path, kind: str) -> dict[str, Path]:
    folder = root / kind
    if not folder.is_dir() or not is_inside(folder, root):
        return {}
    return {
        path.stem: path
        for path in folder.glob("*.safetensors")
        if MODEL_ID.fullmatch(path.stem) and is_inside(path, root)
    }
