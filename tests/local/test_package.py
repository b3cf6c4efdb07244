"""The embedded model is a part of the package: whoever installs Flipbook has it."""

import tomllib
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

from providers.local.library.entries import examine
from providers.local.library.roots import CONFIGS, EMBEDDED
from providers.local.library.weights import fingerprint

ROOT = Path(__file__).parents[2]


def test_the_embedded_model_lies_in_the_package_and_is_whole() -> None:
    assert (files("providers.local") / "models" / "shapes" / "model_index.json").is_file()
    folder = EMBEDDED / "shapes"
    entry = examine(folder, fingerprint(folder))
    assert entry.fault == ""
    assert entry.info is not None
    assert entry.info.note
    assert entry.info.words


def test_wheel_and_sdist_hold_the_package_of_the_model_and_no_training() -> None:
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert "providers" in targets["targets"]["wheel"]["packages"]
    assert "/providers" in targets["targets"]["sdist"]["include"]
    assert "training" not in targets["targets"]["wheel"]["packages"]


def test_nothing_of_the_model_is_kept_out_of_wheel_or_image() -> None:
    # hatchling leaves out what .gitignore names
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
    paths = [*EMBEDDED.rglob("*"), *CONFIGS.rglob("*")]
    names = {name for path in paths for name in path.relative_to(ROOT).parts}
    assert [name for name in names if any(fnmatch(name, line) for line in ignored)] == []
    assert "!providers" in (ROOT / ".dockerignore").read_text().splitlines()
    assert "COPY providers providers" in (ROOT / "Dockerfile").read_text()
