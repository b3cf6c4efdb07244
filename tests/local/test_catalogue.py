"""A models folder: whole models are offered, broken and foreign ones are not."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from jobs.errors import RequestError
from jobs.request import MAX_SIDE, ModelInfo
from providers.local.library.catalogue import ModelCatalogue
from providers.local.library.hashes import ModelHashes
from providers.local.library.roots import ModelRoots
from tests.fakes.clock import FakeClock
from tests.local.videos import SHAPES, write_terabytes

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A models folder of the test's own, the only one."""
    shutil.copytree(SHAPES, tmp_path / "models" / "shapes")
    return tmp_path / "models"


def look(root: Path, clock: FakeClock | None = None) -> ModelCatalogue:
    roots = ModelRoots(own=root, embedded=root.parent / "nothing")
    return ModelCatalogue(roots, clock=clock or FakeClock())


def info_of(catalogue: ModelCatalogue, model_id: str) -> ModelInfo:
    return catalogue.require(model_id)[1]


def refusal(catalogue: ModelCatalogue, model_id: str) -> str:
    with pytest.raises(RequestError) as caught:
        catalogue.require(model_id)
    assert caught.value.field == "model"
    return caught.value.user_message


def test_the_embedded_model_says_what_it_is(root: Path) -> None:
    info = info_of(look(root), "shapes")
    assert (info.defaults.width, info.defaults.frames, info.defaults.steps) == (128, 16, 12)
    assert (info.min_side, info.max_side) == (128, 256)
    assert "demonstration" in info.note
    assert {"red", "circle", "moving", "left"} <= info.words


def test_a_folder_without_a_card_has_the_defaults_of_sd15(root: Path) -> None:
    (root / "shapes" / "flipbook.json").unlink()
    info = info_of(look(root), "shapes")
    defaults = info.defaults
    assert (defaults.width, defaults.height, defaults.frames) == (512, 512, 16)
    assert (defaults.steps, defaults.guidance_scale) == (25, 7.5)
    assert (info.min_side, info.max_side, info.note) == (256, MAX_SIDE, "")
    assert info.words == frozenset()


def test_words_of_a_card_are_read_as_those_of_a_prompt(root: Path) -> None:
    (root / "shapes" / "flipbook.json").write_text('{"words": ["Mid-sized", "star", "4k"]}')
    assert info_of(look(root), "shapes").words == {"mid", "sized", "star"}


def test_a_truncated_file_makes_the_model_unavailable_in_one_sentence(root: Path) -> None:
    weights = root / "shapes" / WEIGHTS
    os.truncate(weights, weights.stat().st_size - 1)
    catalogue = look(root)
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
    assert fault in refusal(look(root), "shapes")


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
        ("""echo '{"words": "all"}' > flipbook.json""", "words"),
    ],
)
def test_what_is_missing_or_wrong_is_named(root: Path, change: str, fault: str) -> None:
    subprocess.run(["sh", "-c", change], cwd=root / "shapes", check=True)  # noqa: S603, S607 - ours
    assert fault in refusal(look(root), "shapes")


DEEP = b"[" * 200_000 + b"]" * 200_000
INDEX = "unet/diffusion_pytorch_model.safetensors.index.json"


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        (INDEX, b'{"weight_map": []}', "cannot be read"),
        (INDEX, b'{"weight_map": {"a": ["x"]}}', "cannot be read"),
        (INDEX, b'{"weight_map": {}}', "names no file"),
        (INDEX, b"{}", "cannot be read"),
        ("model_index.json", b'{"unet": [["x"], "y"]}', "cannot be read"),
        ("model_index.json", b'{"unet": ["diffusers", {}]}', "cannot be read"),
        ("model_index.json", b'{"../loras": ["diffusers", "x"]}', "cannot be read"),
        ("tokenizer/tokenizer_config.json", DEEP, "cannot be read"),
        ("tokenizer/vocab.json", b" " * 4 * 1024**2 + b"{}", "more than 4 MiB"),
        ("tokenizer/tokenizer.json", b" " * 32 * 1024**2 + b"{}", "more than 32 MiB"),
        (WEIGHTS, len(DEEP).to_bytes(8, "little") + DEEP, "cannot be read"),
        (WEIGHTS, b'\x1c\0\0\0\0\0\0\0{"a":  {"data_offsets": [1]}}', "cannot be read"),
        (WEIGHTS, (17 * 1024**2).to_bytes(8, "little") + b" " * 18 * 1024**2, "no whole"),
    ],
    ids=[
        *("map is a list", "map to a list", "empty map", "no map"),
        *("library is a list", "class is an object", "part leads out"),
        *("deep config", "large config", "large tokenizer"),
        *("deep header", "short offsets", "large header"),
    ],
)
def test_a_malformed_folder_is_a_fault_of_its_own_and_logged_once(
    root: Path, caplog: pytest.LogCaptureFixture, name: str, content: bytes, fault: str
) -> None:
    shutil.copytree(root / "shapes", root / "odd")
    place = root / "odd" / name
    if name == "model_index.json":
        whole = json.loads(place.read_bytes())
        content = json.dumps(whole | json.loads(content)).encode()
    place.write_bytes(content)
    clock = FakeClock()
    catalogue = look(root, clock)
    for _ in range(2):
        assert [info.id for info in catalogue.models()] == ["shapes"]
        clock.advance(2)
    assert fault in refusal(catalogue, "odd")
    assert len(caplog.records) == 1


def test_a_tokenizer_may_be_larger_than_a_config(root: Path) -> None:
    (root / "shapes" / "tokenizer" / "tokenizer.json").write_bytes(b" " * 5 * 1024**2 + b"{}")
    assert look(root).models() != []


def test_a_pipe_in_the_place_of_a_file_is_a_fault_and_is_not_waited_for(root: Path) -> None:
    for number, name in enumerate(("model_index.json", WEIGHTS)):
        folder = root / f"pipe{number}"
        shutil.copytree(root / "shapes", folder)
        (folder / name).unlink()
        os.mkfifo(folder / name)
        assert f"{name} is no file" in refusal(look(root), folder.name)


def test_a_link_to_itself_breaks_nothing(root: Path) -> None:
    (root / "loras").mkdir()
    loop = root / "loras" / "loop.safetensors"
    loop.symlink_to(loop)
    assert look(root).loras() == []


def test_a_file_with_an_odd_name_makes_a_sentence_that_can_be_sent(root: Path) -> None:
    (root / "shapes" / "vae" / "\udcff\n.json").write_text("[]")
    message = refusal(look(root), "shapes")
    assert "vae/??.json is not a JSON object" in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("fps", value) for value in (0, 31)),
        *(("steps", value) for value in (0, 51)),
        *(("frames", value) for value in (7, 129)),
        *(("guidance_scale", value) for value in (0.9, 30.1, float("nan"))),
        *(("width", value) for value in (120, 132, 264)),
        *(("height", value) for value in (120, 132, 264)),
    ],
)
def test_a_default_that_nobody_could_ask_for_is_a_fault(
    root: Path, name: str, value: float
) -> None:
    path = root / "shapes" / "flipbook.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps(card | {"defaults": card["defaults"] | {name: value}}))
    assert f"bad value for defaults.{name}" in refusal(look(root), "shapes")


def test_a_folder_may_not_bring_code_of_its_own(root: Path) -> None:
    index = root / "shapes" / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"vae": ["my_code", "Vae"]}))
    assert "not allowed" in refusal(look(root), "shapes")


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
    message = refusal(look(root), name)
    assert "try shapes" in message
    assert "/" not in message


def test_hidden_and_oddly_named_folders_are_not_offered(root: Path) -> None:
    for name in (".shapes-x1y2", "two words", "ünïcode"):
        shutil.copytree(root / "shapes", root / name)
    assert [info.id for info in look(root).models()] == ["shapes"]


def test_a_link_out_of_the_folder_is_not_followed(root: Path, tmp_path: Path) -> None:
    shutil.move(root / "shapes", tmp_path / "elsewhere")
    (root / "shapes").symlink_to(tmp_path / "elsewhere")
    assert look(root).models() == []


def test_a_linked_weight_file_makes_the_model_unavailable(root: Path, tmp_path: Path) -> None:
    weights = root / "shapes" / WEIGHTS
    shutil.move(weights, tmp_path / "elsewhere")
    weights.symlink_to(tmp_path / "elsewhere")
    assert "leads elsewhere" in refusal(look(root), "shapes")


def test_folders_that_come_and_go_are_noticed(root: Path) -> None:
    clock = FakeClock()
    catalogue = look(root, clock)
    shutil.move(root / "shapes", root / "later")
    assert [info.id for info in catalogue.models()] == ["later"]
    shutil.rmtree(root)
    clock.advance(2)
    assert catalogue.models() == []


def test_two_looks_within_two_seconds_are_one_look_at_the_disk(root: Path) -> None:
    clock = FakeClock()
    catalogue = look(root, clock)
    (root / "loras").mkdir()
    save_file({"a": np.zeros(1)}, root / "loras" / "neon.safetensors")
    assert ([info.id for info in catalogue.models()], catalogue.loras()) == (["shapes"], ["neon"])
    shutil.rmtree(root)
    clock.advance(1.9)
    assert ([info.id for info in catalogue.models()], catalogue.loras()) == (["shapes"], ["neon"])
    clock.advance(0.1)
    assert (catalogue.models(), catalogue.loras()) == ([], [])


def test_a_clock_that_is_set_back_does_not_stop_the_looking(root: Path) -> None:
    clock = FakeClock()
    catalogue = look(root, clock)
    assert catalogue.models() != []
    shutil.rmtree(root)
    clock.advance(-3600)
    assert catalogue.models() == []


def test_a_repaired_folder_is_offered_again(root: Path) -> None:
    clock, weights = FakeClock(), root / "shapes" / WEIGHTS
    catalogue = look(root, clock)
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    assert catalogue.models() == []
    weights.write_bytes(whole)
    clock.advance(2)
    assert [info.id for info in catalogue.models()] == ["shapes"]


async def test_the_hash_is_of_the_weights_and_follows_them(root: Path) -> None:
    clock = FakeClock()
    catalogue = look(root, clock)
    hashes = ModelHashes(catalogue)
    assert info_of(catalogue, "shapes").hash == ""
    first = await hashes.begin("shapes")
    assert info_of(catalogue, "shapes").hash == first
    clock.advance(2)
    assert info_of(catalogue, "shapes").hash == first
    flip_last_bit(root / "shapes" / WEIGHTS)
    clock.advance(2)
    assert info_of(catalogue, "shapes").hash == ""
    assert await hashes.begin("shapes") not in (first, "")
    assert await hashes.begin("gone") == ""


async def test_two_models_with_files_of_equal_size_and_age_have_their_own_hashes(
    root: Path,
) -> None:
    shutil.copytree(root / "shapes", root / "other")
    weights = root / "other" / WEIGHTS
    stat = weights.stat()
    flip_last_bit(weights)
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    hashes = ModelHashes(look(root))
    assert await hashes.begin("shapes") != await hashes.begin("other")


async def test_a_model_is_hashed_once_for_all_who_ask(root: Path) -> None:
    hashes = ModelHashes(look(root))
    assert hashes.begin("shapes") is hashes.begin("shapes")
    await hashes.begin("shapes")
    assert hashes.begin("shapes").done()


async def test_weights_that_change_while_they_are_hashed_have_no_hash(root: Path) -> None:
    catalogue = look(root)
    assert catalogue.models() != []
    flip_last_bit(root / "shapes" / WEIGHTS)
    assert await ModelHashes(catalogue).begin("shapes") == ""
    assert info_of(catalogue, "shapes").hash == ""


async def test_closing_stops_a_hash_of_gigabytes_at_once(root: Path) -> None:
    write_terabytes(root / "shapes" / WEIGHTS)
    hashes = ModelHashes(look(root))
    task = hashes.begin("shapes")
    assert look(root).models() != []
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await hashes.close()
    assert task.result() == ""


def flip_last_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_loras_and_embeddings_are_the_files_of_their_folders(root: Path) -> None:
    (root / "loras").mkdir()
    for name in ("ink", "neon.v2", ".hidden", "two words"):
        save_file({"a": np.zeros(1)}, root / "loras" / f"{name}.safetensors")
    (root / "loras" / "old.ckpt").touch()
    catalogue = look(root)
    assert catalogue.loras() == ["ink", "neon.v2"]
    assert catalogue.embeddings() == []


def test_a_lora_that_is_broken_or_unknown_is_refused_by_name(root: Path) -> None:
    (root / "loras").mkdir()
    save_file({"a": np.zeros(1)}, root / "loras" / "neon.safetensors")
    (root / "loras" / "ink.safetensors").write_bytes(b"cut off")
    catalogue = look(root)
    found = catalogue.require_files("loras", ["neon"])
    assert found == {"neon": root / "loras" / "neon.safetensors"}
    for name, words in (("ink", "operator"), ("noen", "try neon"), ("../neon", "try neon")):
        with pytest.raises(RequestError, match=words) as caught:
            catalogue.require_files("loras", [name])
        assert caught.value.field == "loras"
