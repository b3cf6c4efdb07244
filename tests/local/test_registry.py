"""The registry is replaced in one piece, under a lock, and a broken one costs nobody a model."""

import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from jobs.errors import SettingsError
from providers.local.library.families import Family
from providers.local.library.registry import (
    NAME,
    Item,
    OwnDefaults,
    Registry,
    RegistryError,
    Source,
    read_registry,
    registry_lock,
    write_registry,
)


def item(**changes: object) -> Item:
    values = {"family": Family.LORA, "source": Source(name="ink.safetensors"), "size": 3}
    return Item.model_validate({**values, "sha256": "ab" * 32, **changes})


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    defaults = OwnDefaults(steps=6, guidance_scale=1.5)
    registry = Registry().with_item(Family.LORA, "ink", item(defaults=defaults, title="Ink"))
    write_registry(tmp_path, registry)
    assert read_registry(tmp_path) == registry
    assert read_registry(tmp_path).loras["ink"].defaults.steps == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME]


def test_without_a_file_nothing_is_registered(tmp_path: Path) -> None:
    assert read_registry(tmp_path) == Registry()


def test_one_item_is_replaced_or_taken_out_and_the_others_stay() -> None:
    registry = Registry().with_item(Family.LORA, "ink", item()).with_item(Family.LORA, "b", item())
    registry = registry.with_item(Family.LORA, "ink", item(title="New"))
    assert registry.loras["ink"].title == "New"
    assert list(registry.with_item(Family.LORA, "ink", None).loras) == ["b"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{", "cannot be read"),
        ("[]", "is not a JSON object"),
        ('{"version": 2}', "was written by a newer Flipbook"),
        ('{"version": 1, "loras": {"../ink": {}}}', "has a bad value for loras"),
        ('{"version": 1, "loras": {"ink": {}}}', "has a bad value for loras.ink"),
        ('{"version": 1, "lora": {}}', "has a bad value for lora"),
    ],
)
def test_a_broken_registry_is_one_clear_error(tmp_path: Path, content: str, fault: str) -> None:
    (tmp_path / NAME).write_text(content)
    with pytest.raises(RegistryError, match=f"{NAME} {fault}"):
        read_registry(tmp_path)


def test_a_failed_write_leaves_the_old_one(tmp_path: Path) -> None:
    write_registry(tmp_path, Registry())
    before = (tmp_path / NAME).read_bytes()
    broken = Registry().model_copy(
        update={"loras": {"ink": item().model_copy(update={"title": "\ud800"})}}
    )
    with pytest.raises(ValueError, match="surrogates"):
        write_registry(tmp_path, broken)
    assert (tmp_path / NAME).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME]


def test_the_lock_is_for_one_and_is_free_again_when_its_process_ends(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    other = context.Process(target=hold, args=(tmp_path, theirs))
    other.start()
    assert ours.recv() == "held"
    with pytest.raises(SettingsError, match="Another `models` command"), registry_lock(tmp_path):
        pass
    other.kill()
    other.join()
    with registry_lock(tmp_path):
        write_registry(tmp_path, Registry())
    assert json.loads((tmp_path / NAME).read_text()) == {"version": 1}


def hold(root: Path, theirs: Any) -> None:
    with registry_lock(root):
        theirs.send("held")
        theirs.recv()
