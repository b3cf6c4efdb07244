"""The models folder: whole folders are offered, broken and foreign ones are not."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from jobs.errors import RequestError
from jobs.request import MAX_SIDE
from providers.local.catalogue import ModelCatalogue

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def root(models: Path, tmp_path: Path) -> Path:
    """A models folder of the test's own."""
    shutil.copytree(models / "shapes", tmp_path / "models" / "shapes")
    return tmp_path / "models"


def refusal(catalogue: ModelCatalogue, model_id: str) -> str:
    with pytest.raises(RequestError) as caught:
        catalogue.require(model_id)
    assert caught.value.field == "model"
    return caught.value.user_message


def test_the_embedded_model_says_what_it_is(root: Path) -> None:
    info = ModelCatalogue(root).require("shapes")
    assert (info.defaults.width, info.defaults.frames, info.defaults.steps) == (128, 16, 12)
    assert (info.min_side, info.max_side) == (128, 256)
    assert "untrained" in info.note


def test_the_embedded_model_comes_first(root: Path) -> None:
    shutil.copytree(root / "shapes", root / "Another")
    assert [info.id for info in ModelCatalogue(root).models()] == ["shapes", "Another"]


def test_a_folder_without_a_card_has_the_defaults_of_sd15(root: Path) -> None:
    (root / "shapes" / "flipbook.json").unlink()
    info = ModelCatalogue(root).require("shapes")
    defaults = info.defaults
    assert (defaults.width, defaults.height, defaults.frames) == (512, 512, 16)
    assert (defaults.steps, defaults.guidance_scale) == (25, 7.5)
    assert (info.min_side, info.max_side, info.note) == (256, MAX_SIDE, "")


def test_a_truncated_file_makes_the_model_unavailable_in_one_sentence(root: Path) -> None:
    weights = root / "shapes" / WEIGHTS
    os.truncate(weights, weights.stat().st_size - 1)
    catalogue = ModelCatalogue(root)
    assert catalogue.models() == []
    assert refusal(catalogue, "shapes") == (
        f"The model shapes is broken on this machine ({WEIGHTS} is truncated); "
        "its operator has to add it again."
    )


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "no whole safetensors file"),
        (b"\xff" * 64, "no whole safetensors file"),
        (b"\x02\0\0\0\0\0\0\0[]", "cannot be read"),
        (b"\x02\0\0\0\0\0\0\0{}more", "longer than it should be"),
        (b"\x08\0\0\0\0\0\0\0not json", "cannot be read"),
    ],
)
def test_a_file_that_is_no_safetensors_file_is_named(
    root: Path, content: bytes, fault: str
) -> None:
    (root / "shapes" / WEIGHTS).write_bytes(content)
    assert fault in refusal(ModelCatalogue(root), "shapes")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("rm -r vae", "vae/ is missing"),
        (f"rm {WEIGHTS}", f"{WEIGHTS} is missing"),
        ("rm model_index.json", "model_index.json is missing"),
        ("echo '{' > text_encoder/config.json", "text_encoder/config.json cannot be read"),
        ("echo '[1]' > model_index.json", "not a JSON object"),
        ("""echo '{"defaults": {"width": "wide"}}' > flipbook.json""", "defaults.width"),
        ("""echo '{"max_side": 4096}' > flipbook.json""", "128-1024"),
    ],
)
def test_what_is_missing_or_wrong_is_named(root: Path, change: str, fault: str) -> None:
    subprocess.run(["sh", "-c", change], cwd=root / "shapes", check=True)  # noqa: S603, S607 - ours
    assert fault in refusal(ModelCatalogue(root), "shapes")


def test_a_folder_may_not_bring_code_of_its_own(root: Path) -> None:
    index = root / "shapes" / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"vae": ["my_code", "Vae"]}))
    assert "not allowed" in refusal(ModelCatalogue(root), "shapes")


@pytest.mark.parametrize(
    "name",
    [
        "../shapes",
        "/etc/passwd",
        "shapes/vae",
        ".",
        "..",
        "",
        "loras",
        "a" * 65,
        "shapes\0",
        "Shapes ",
    ],
)
def test_a_hostile_id_is_only_an_unknown_id(root: Path, name: str) -> None:
    (root / "loras").mkdir()
    message = refusal(ModelCatalogue(root), name)
    assert "try shapes" in message
    assert "/" not in message


def test_hidden_and_oddly_named_folders_are_not_offered(root: Path) -> None:
    for name in (".shapes-x1y2", "two words", "ünïcode"):
        shutil.copytree(root / "shapes", root / name)
    assert [info.id for info in ModelCatalogue(root).models()] == ["shapes"]


def test_a_link_out_of_the_folder_is_not_followed(root: Path, tmp_path: Path) -> None:
    shutil.move(root / "shapes", tmp_path / "elsewhere")
    (root / "shapes").symlink_to(tmp_path / "elsewhere")
    assert ModelCatalogue(root).models() == []


def test_a_linked_weight_file_makes_the_model_unavailable(root: Path, tmp_path: Path) -> None:
    weights = root / "shapes" / WEIGHTS
    shutil.move(weights, tmp_path / "elsewhere")
    weights.symlink_to(tmp_path / "elsewhere")
    assert "leads elsewhere" in refusal(ModelCatalogue(root), "shapes")


def test_folders_that_come_and_go_are_noticed(root: Path) -> None:
    catalogue = ModelCatalogue(root)
    shutil.move(root / "shapes", root / "later")
    assert [info.id for info in catalogue.models()] == ["later"]
    shutil.rmtree(root)
    assert catalogue.models() == []


def test_a_repaired_folder_is_offered_again(root: Path) -> None:
    catalogue, weights = ModelCatalogue(root), root / "shapes" / WEIGHTS
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    assert catalogue.models() == []
    weights.write_bytes(whole)
    assert [info.id for info in catalogue.models()] == ["shapes"]


def test_the_hash_is_of_the_weights_and_follows_them(root: Path) -> None:
    catalogue = ModelCatalogue(root)
    assert catalogue.require("shapes").hash == ""
    first = catalogue.hash_of("shapes")
    assert catalogue.require("shapes").hash == first
    weights = root / "shapes" / WEIGHTS
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert catalogue.require("shapes").hash == ""
    assert catalogue.hash_of("shapes") != first


def test_two_models_with_files_of_equal_size_and_age_have_their_own_hashes(root: Path) -> None:
    shutil.copytree(root / "shapes", root / "other")
    weights = root / "other" / WEIGHTS
    content, stat = bytearray(weights.read_bytes()), weights.stat()
    content[-1] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    catalogue = ModelCatalogue(root)
    assert catalogue.hash_of("shapes") != catalogue.hash_of("other")


def test_loras_and_embeddings_are_the_files_of_their_folders(root: Path) -> None:
    (root / "loras").mkdir()
    for name in ("ink", "neon.v2", ".hidden", "two words"):
        save_file({"a": np.zeros(1)}, root / "loras" / f"{name}.safetensors")
    (root / "loras" / "old.ckpt").touch()
    catalogue = ModelCatalogue(root)
    assert catalogue.loras() == ["ink", "neon.v2"]
    assert catalogue.embeddings() == ()


def test_a_lora_that_is_broken_or_unknown_is_refused_by_name(root: Path) -> None:
    (root / "loras").mkdir()
    save_file({"a": np.zeros(1)}, root / "loras" / "neon.safetensors")
    (root / "loras" / "ink.safetensors").write_bytes(b"cut off")
    catalogue = ModelCatalogue(root)
    catalogue.require_files("loras", ["neon"])
    for name, words in (("ink", "operator"), ("noen", "try neon"), ("../neon", "try neon")):
        with pytest.raises(RequestError, match=words) as caught:
            catalogue.require_files("loras", [name])
        assert caught.value.field == "loras"
