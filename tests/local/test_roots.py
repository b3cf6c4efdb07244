"""Two folders of models: what comes with Flipbook wins over the operator's own, and says so."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from jobs.errors import RenderFailedError, RequestError
from jobs.request import LoraUse
from providers.local.library.catalogue import ModelCatalogue
from providers.local.library.hashes import ModelHashes
from providers.local.library.roots import ModelRoots
from providers.local.provider import LocalProvider
from tests.fakes.clock import FakeClock
from tests.local.videos import SHAPES, Opener, add_adapters, distance, render, small, submitted

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def embedded(tmp_path: Path) -> Path:
    """What comes with Flipbook."""
    shutil.copytree(SHAPES, tmp_path / "embedded" / "shapes")
    return tmp_path / "embedded"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The operator's folder, empty."""
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


def catalogue_of(embedded: Path, own: Path, clock: FakeClock | None = None) -> ModelCatalogue:
    return ModelCatalogue(ModelRoots(own=own, embedded=embedded), clock=clock or FakeClock())


def add_file(root: Path, name: str) -> Path:
    path = root / f"{name}.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file({"a": np.zeros(1)}, path)
    return path


def ids(catalogue: ModelCatalogue) -> Sequence[str]:
    return [info.id for info in catalogue.models()]


def test_the_embedded_model_comes_first(embedded: Path, own: Path) -> None:
    for name in ("Another", "zoo"):
        shutil.copytree(SHAPES, own / name)
    assert ids(catalogue_of(embedded, own)) == ["shapes", "Another", "zoo"]


def test_without_a_folder_of_ones_own_the_embedded_model_is_there(
    embedded: Path, tmp_path: Path
) -> None:
    assert ids(catalogue_of(embedded, tmp_path / "nowhere")) == ["shapes"]


def test_loras_and_embeddings_of_both_folders_are_offered(embedded: Path, own: Path) -> None:
    neon, ink = add_file(embedded, "loras/neon"), add_file(own, "loras/ink")
    add_file(embedded, "embeddings/dusk")
    catalogue = catalogue_of(embedded, own)
    assert (catalogue.loras(), catalogue.embeddings()) == (["ink", "neon"], ["dusk"])
    assert catalogue.require_files("loras", ["neon", "ink"]) == {"neon": neon, "ink": ink}


def test_a_model_of_an_embedded_name_is_ignored_and_the_log_says_so_once(
    embedded: Path, own: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(SHAPES, own / "shapes")
    clock = FakeClock()
    catalogue = catalogue_of(embedded, own, clock)
    for _ in range(3):
        entry, _ = catalogue.require("shapes")
        assert entry.place == embedded / "shapes"
        clock.advance(2)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"{own / 'shapes'} is ignored" in record.message


@pytest.mark.parametrize("kind", ["loras", "embeddings"])
def test_a_file_of_an_embedded_name_is_ignored_and_the_log_says_so_once(
    embedded: Path, own: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    theirs, ours = add_file(embedded, f"{kind}/neon"), add_file(own, f"{kind}/neon")
    clock = FakeClock()
    catalogue = catalogue_of(embedded, own, clock)
    for _ in range(3):
        assert catalogue.require_files(kind, ["neon"]) == {"neon": theirs}
        clock.advance(2)
    (record,) = caplog.records
    assert f"{ours} is ignored" in record.message


def test_the_untrained_model_of_an_earlier_version_is_ignored_without_a_warning(
    embedded: Path, own: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (own / "shapes").mkdir()
    (own / "shapes" / "flipbook.json").write_text('{"trained": false}')
    with caplog.at_level(logging.INFO):
        assert ids(catalogue_of(embedded, own)) == ["shapes"]
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert "earlier version" in record.message


def test_an_embedded_model_that_is_broken_is_not_replaced_by_ones_own(
    embedded: Path, own: Path
) -> None:
    shutil.copytree(SHAPES, own / "shapes")
    (embedded / "shapes" / WEIGHTS).write_bytes(b"cut off")
    catalogue = catalogue_of(embedded, own)
    assert ids(catalogue) == []
    with pytest.raises(RequestError, match="shapes is broken"):
        catalogue.require("shapes")


def test_a_link_out_of_either_folder_is_not_followed(
    embedded: Path, own: Path, tmp_path: Path
) -> None:
    shutil.copytree(SHAPES, tmp_path / "elsewhere")
    for number, root in enumerate((embedded, own)):
        (root / f"link{number}").symlink_to(tmp_path / "elsewhere")
    assert ids(catalogue_of(embedded, own)) == ["shapes"]


async def test_models_of_both_folders_have_their_hashes(embedded: Path, own: Path) -> None:
    shutil.copytree(SHAPES, own / "twin")
    catalogue = catalogue_of(embedded, own)
    hashes = ModelHashes(catalogue)
    assert await hashes.begin("shapes") == await hashes.begin("twin") != ""
    assert catalogue.models()[0].hash == catalogue.models()[1].hash != ""


@pytest.mark.slow
async def test_a_worker_finds_models_and_files_of_both_folders(
    open_provider: Opener, embedded: Path, own: Path
) -> None:
    add_adapters(embedded)
    shutil.copytree(SHAPES, own / "twin")
    add_file(own, "loras/of-ones-own")
    async with open_provider(embedded_dir=embedded, models_dir=own) as provider:
        plain = await render(provider, small())
        twin = await render(provider, small(model="twin"))
        assert twin.content == plain.content
        dressed = small(loras=(LoraUse(id="glow"),), embeddings=("swirl",), model="twin")
        assert distance(await render(provider, dressed), plain) > 0
        await is_refused_by_the_worker(provider, "of-ones-own")


async def is_refused_by_the_worker(provider: LocalProvider, lora: str) -> None:
    """See that the worker has opened a LoRA's file: it fits no model."""
    job = await submitted(provider, small(loras=(LoraUse(id=lora),)))
    with pytest.raises(RenderFailedError, match=f"{lora} does not fit"):
        _ = [progress async for progress in provider.watch(job)]
