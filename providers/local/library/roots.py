"""Says which folder or file an id means: the models that come with Flipbook, and one's own.

    <root>/<id>/                       a model, as diffusers saves it
    <root>/<id>.safetensors            a model that is one file
    <root>/motion/<id>.safetensors     a motion module, or a folder as diffusers saves it
    <root>/loras/<id>.safetensors
    <root>/embeddings/<id>.safetensors
    <root>/registry.json               what else is known of them

What comes with Flipbook is part of the package and only ever read. Its ids win, so that
`shapes` is the same model everywhere; one's own of the same name is ignored, and the log says so.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path

from providers.local.library.folder import was_never_trained
from providers.local.library.weights import is_inside

logger = logging.getLogger(__name__)

EMBEDDED = Path(__file__).parents[1] / "models"
CONFIGS = Path(__file__).parents[1] / "configs"  # without weights, for models that are one file
MOTION, LORAS, EMBEDDINGS = "motion", "loras", "embeddings"
NO_MODELS = frozenset({MOTION, LORAS, EMBEDDINGS})  # folders of other things
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

    @property
    def own(self) -> Path:
        """The operator's folder."""
        return self._own

    def models(self) -> Mapping[str, Path]:
        """Return the folder or file of every model by id, whole or broken."""
        return self._merged(self._models_in(self._embedded), self._models_in(self._own))

    def motions(self) -> Mapping[str, Path]:
        """Return the folder or file of every motion module by id, whole or broken."""
        return self._merged(
            self._places_in(self._embedded, MOTION), self._places_in(self._own, MOTION)
        )

    def files(self, kind: str) -> Mapping[str, Path]:
        """Return the files of a kind, `loras` or `embeddings`, by id."""
        return self._merged(
            _files_in(self._embedded / kind, self._embedded), _files_in(self._own / kind, self._own)
        )

    def is_embedded(self, path: Path) -> bool:
        """Tell whether a folder or file comes with Flipbook."""
        return path.is_relative_to(self._embedded)

    def _models_in(self, root: Path) -> dict[str, Path]:
        found = self._both(root, root)
        return {name: path for name, path in found.items() if path.name not in NO_MODELS}

    def _places_in(self, root: Path, kind: str) -> dict[str, Path]:
        folder = root / kind
        if not folder.is_dir() or not is_inside(folder, root):
            return {}
        return self._both(folder, root)

    def _both(self, folder: Path, root: Path) -> dict[str, Path]:
        """Return folders and files by id; where both have one, the folder wins."""
        folders, files = _folders_in(folder, root), _files_in(folder, root)
        for name in folders.keys() & files.keys():
            self._ignore(files[name], reason="a folder has the same id; rename one of them")
        return {**files, **folders}

    def _merged(self, embedded: Mapping[str, Path], own: Mapping[str, Path]) -> dict[str, Path]:
        for name in own.keys() & embedded.keys():
            self._ignore(own[name])
        return {**own, **embedded}

    def _ignore(self, path: Path, reason: str = "") -> None:
        """Log that a folder or file is ignored, the first time that it is."""
        if path in self._ignored:
            return
        self._ignored.add(path)
        level = logging.WARNING
        if not reason and was_never_trained(path):  # earlier versions built one at their start
            reason, level = "it is the untrained model of an earlier version", logging.INFO
        reason = reason or "Flipbook brings one of that name; rename it"
        logger.log(level, "%s is ignored: %s", path, reason, extra={"action": "model_ignored"})


def _folders_in(folder: Path, root: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {
        path.name: path
        for path in folder.iterdir()
        if MODEL_ID.fullmatch(path.name) and path.is_dir() and is_inside(path, root)
    }


def _files_in(folder: Path, root: Path) -> dict[str, Path]:
    if not folder.is_dir() or not is_inside(folder, root):
        return {}
    return {
        path.stem: path
        for path in folder.glob("*.safetensors")
        if MODEL_ID.fullmatch(path.stem) and is_inside(path, root)
    }
