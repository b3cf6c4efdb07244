"""`python -m bot models`: what is added is checked, copied whole and usable at once, or refused."""

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.model_options import add_arguments
from bot.models import models
from bot.settings import load_settings
from jobs.errors import FlipbookError, RequestError, SettingsError
from jobs.request import Scheduler
from providers.local.library.catalogue import ModelCatalogue
from providers.local.library.registry import read_registry, registry_lock
from providers.local.library.roots import ModelRoots
from tests.fakes.clock import FakeClock
from tests.local.videos import SHAPES
from tests.local.weightless import checkpoint, lora, motion, write

UNET_WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


@dataclass(frozen=True)
class Machine:
    """A data folder, the command line on it, and a bot that runs beside."""

    data: Path
    output: Callable[[], str]
    bot: ModelCatalogue
    clock: FakeClock

    @property
    def root(self) -> Path:
        return self.data / "models"

    async def call(self, *words: str | Path, expect: int = 0) -> str:
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        settings = load_settings(FLIPBOOK_DATA_DIR=str(self.data))
        assert await models(settings, parser.parse_args([str(word) for word in words])) == expect
        self.clock.advance(2)
        return self.output()

    async def refusal(self, *words: str | Path, kind: type[FlipbookError] = RequestError) -> str:
        """Return why a command was refused, and see that it left nothing behind."""
        before = contents(self.root)
        with pytest.raises(kind) as caught:
            await self.call(*words)
        assert contents(self.root) == before
        return str(caught.value)


def contents(root: Path) -> dict[str, int]:
    found = {str(path.relative_to(root)): path.stat().st_size for path in root.rglob("*")}
    return {name: size for name, size in found.items() if name != ".lock"}


@pytest.fixture
def machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Machine:
    clock = FakeClock()
    roots = ModelRoots(own=tmp_path / "data" / "models")
    bot = ModelCatalogue(roots, clock=clock)
    assert [info.id for info in bot.models()] == ["shapes"]
    return Machine(
        data=tmp_path / "data", output=lambda: capsys.readouterr().out, bot=bot, clock=clock
    )


@pytest.fixture
def down(tmp_path: Path) -> Path:
    """Where an operator has downloaded something."""
    (tmp_path / "down").mkdir()
    return tmp_path / "down"


async def test_a_lora_is_added_and_a_running_bot_offers_it(machine: Machine, down: Path) -> None:
    told = {"modelspec.trigger_phrase": "ink wash"}
    path = write(down / "Ink Wash v1.safetensors", lora(), told)
    output = await machine.call("add", path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for words in ("Added Ink-Wash-v1", "lora (kohya layout)", "UNet, text encoder", digest):
        assert words in output
    assert "ink wash" in output
    assert machine.bot.loras() == ["Ink-Wash-v1", "neon"]
    item = read_registry(machine.root).loras["Ink-Wash-v1"]
    assert (item.sha256, item.trigger_words) == (digest, ("ink wash",))
    assert item.source.name == "Ink Wash v1.safetensors"
    assert str(down) not in (machine.root / "registry.json").read_text()


async def test_an_embedding_takes_what_the_operator_says(machine: Machine, down: Path) -> None:
    path = write(down / "d.safetensors", {"emb_params": (3, 768)})
    await machine.call("add", path, "--id", "dusk", "--title", "Dusk", "--trigger", "dusk sky")
    item = read_registry(machine.root).embeddings["dusk"]
    assert (item.title, item.trigger_words) == ("Dusk", ("dusk sky",))
    assert machine.bot.embeddings() == ["dusk", "lime"]


@pytest.mark.slow
async def test_a_checkpoint_is_added_and_waits_for_its_motion_module(
    machine: Machine, down: Path
) -> None:
    toon = write(down / "toon.safetensors", checkpoint())
    output = await machine.call("add", toon, "--width", "640", "--max-side", "768")
    assert "a motion module is missing: add one with" in output
    assert "docs/models.md" in machine.bot.faults()["toon"]
    copy = machine.root / "toon.safetensors"
    assert copy.stat().st_blocks * 512 < 10e6  # the hole of the test's file is one in the copy
    write(machine.root / "motion" / "v3.safetensors", motion(has_middle=False))
    machine.clock.advance(2)
    _, info = machine.bot.require("toon")
    assert (info.defaults.width, info.max_side) == (640, 768)


@pytest.mark.slow
async def test_a_motion_module_is_added_with_its_habits(machine: Machine, down: Path) -> None:
    write(machine.root / "toon.safetensors", checkpoint())
    name = "animatediff_lightning_2step_comfyui.safetensors"
    output = await machine.call("add", write(down / name, motion(has_middle=True)), "--id", "fast")
    assert "motion, lightning (original layout)" in output
    assert "used by   toon" in output
    entry, info = machine.bot.require("toon")
    assert entry.motion is not None
    assert entry.motion.place == machine.root / "motion" / "fast.safetensors"
    assert (info.defaults.steps, info.defaults.guidance_scale) == (2, 1.0)
    assert entry.scheduler is Scheduler.EULER_DISCRETE
    output = await machine.call("remove", "fast")
    assert "toon used it, and cannot be used until it gets another one" in output
    assert machine.bot.faults().keys() == {"toon"}


async def test_a_folder_is_added_with_what_it_needs_and_nothing_else(
    machine: Machine, down: Path
) -> None:
    folder = down / "Twin"
    shutil.copytree(SHAPES, folder)
    for name in ("unet/model.bin", "notes.txt", "unet/code.py", ".cache"):
        (folder / name).write_text("x")
    output = await machine.call("add", folder, "--steps", "7")
    assert "UNet, VAE, text encoder, motion module" in output
    _, info = machine.bot.require("Twin")
    assert (info.defaults.steps, info.defaults.width) == (7, 128)
    kept = {path.name for path in (machine.root / "Twin").rglob("*")}
    assert not kept & {"model.bin", "notes.txt", "code.py", ".cache"}
    assert "ok    sd15 Twin" in await machine.call("verify", "Twin")


async def test_a_still_image_model_becomes_one_that_needs_a_motion_module(
    machine: Machine, down: Path
) -> None:
    folder = still_image_model(down / "plain")
    assert "a motion module is missing" in await machine.call("add", folder)
    copy = machine.root / "plain"
    index = json.loads((copy / "model_index.json").read_text())
    assert index["_class_name"] == "AnimateDiffPipeline"
    assert "safety_checker" not in index
    scheduler = json.loads((copy / "scheduler" / "scheduler_config.json").read_text())
    assert scheduler["beta_schedule"] == "linear"
    assert scheduler["prediction_type"] == "v_prediction"
    write(machine.root / "motion" / "v3.safetensors", motion(has_middle=False))
    machine.clock.advance(2)
    entry, _ = machine.bot.require("plain")
    assert entry.motion is not None
    assert entry.motion.id == "v3"


def with_checker(folder: Path, *, is_pickle: bool = False) -> Path:
    """Write what a safety checker's folder holds into a model's."""
    checker = folder / "safety_checker"
    checker.mkdir()
    (checker / "config.json").write_text('{"model_type": "clip"}')
    if is_pickle:
        (checker / "pytorch_model.bin").write_bytes(b"PK")
    else:
        write(checker / "model.safetensors", {"concept_embeds": (17, 8)})
    (folder / "feature_extractor").mkdir()
    (folder / "feature_extractor" / "preprocessor_config.json").write_text("{}")
    return folder


async def test_a_safety_checker_comes_along_and_is_told(machine: Machine, down: Path) -> None:
    output = await machine.call("add", with_checker(still_image_model(down / "sd15")))
    assert "UNet, VAE, text encoder, safety checker" in output
    write(machine.root / "motion" / "v3.safetensors", motion(has_middle=False))
    shutil.copytree(SHAPES, down / "Twin")
    assert "checker   none: nothing looks at its videos" in await machine.call("add", down / "Twin")
    listed = {line.split()[0]: line for line in (await machine.call("list")).splitlines()}
    assert " yes " in listed["sd15"]
    assert " none " in listed["Twin"]
    entry, info = machine.bot.require("sd15")
    assert info.has_safety_checker
    checker = machine.root / "sd15" / "safety_checker"
    assert entry.checker == checker
    kept = {str(path.relative_to(machine.root / "sd15")) for path in checker.iterdir()}
    assert kept == {"safety_checker/config.json", "safety_checker/model.safetensors"}
    assert (machine.root / "sd15/feature_extractor/preprocessor_config.json").is_file()
    assert "ok    sd15 sd15" in await machine.call("verify", "sd15")
    (checker / "model.safetensors").write_bytes(b"\0" * 16)
    assert "FAIL  sd15 sd15" in await machine.call("verify", "sd15", expect=1)
    assert "sd15" in machine.bot.faults()  # a broken one does not switch itself off


async def test_a_pickled_checker_that_was_put_there_by_hand_is_not_passed_over(
    machine: Machine,
) -> None:
    shutil.copytree(SHAPES, machine.root / "Twin")
    with_checker(machine.root / "Twin", is_pickle=True)
    machine.clock.advance(2)
    assert "safety_checker/ holds its weights as pickles" in machine.bot.faults()["Twin"]


async def test_a_model_is_for_adults_where_its_operator_says_so(
    machine: Machine, down: Path
) -> None:
    shutil.copytree(SHAPES, down / "Twin")
    output = await machine.call("add", down / "Twin", "--age-restricted")
    assert "age-restricted channels only" in output
    assert machine.bot.require("Twin")[1].is_age_restricted
    assert " adults " in await machine.call("list")
    assert await machine.call("mark", "Twin", "--age-restricted", "no") == (
        "Twin is for every channel\n"
    )
    assert not machine.bot.require("Twin")[1].is_age_restricted
    assert "ok    sd15 Twin" in await machine.call("verify", "Twin")


async def test_what_was_put_there_by_hand_can_be_marked_and_is_verified_from_then_on(
    machine: Machine,
) -> None:
    shutil.copytree(SHAPES, machine.root / "Twin")
    (machine.root / "Twin" / "flipbook.json").write_text('{"age_restricted": true}')
    machine.clock.advance(2)
    assert machine.bot.require("Twin")[1].is_age_restricted
    await machine.call("mark", "Twin", "--age-restricted", "no")
    assert not machine.bot.require("Twin")[1].is_age_restricted
    await machine.call("mark", "Twin", "--age-restricted", "yes")
    assert machine.bot.require("Twin")[1].is_age_restricted
    assert "ok    sd15 Twin" in await machine.call("verify", "Twin")


async def test_what_cannot_be_marked_is_refused_in_a_sentence(machine: Machine, down: Path) -> None:
    await machine.call("add", write(down / "ink.safetensors", lora()))
    yes = ("--age-restricted", "yes")
    assert "comes with Flipbook" in await machine.refusal("mark", "shapes", *yes)
    assert "ink" in await machine.refusal("mark", "ink", *yes)
    oil = write(down / "oil.safetensors", lora())
    refusal = await machine.refusal("add", oil, "--age-restricted")
    assert refusal == "`--age-restricted` is for checkpoints."


def still_image_model(folder: Path, *, width: int = 768) -> Path:
    """Write what diffusers saves of a StableDiffusionPipeline, in half precision only."""
    shutil.copytree(SHAPES, folder, ignore=shutil.ignore_patterns("motion_adapter"))
    index: dict[str, Any] = json.loads((folder / "model_index.json").read_text())
    checker = {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"]}
    index = {**index, **checker, "_class_name": "StableDiffusionPipeline"}
    (folder / "model_index.json").write_text(json.dumps(index))
    for part, key in (("unet", "cross_attention_dim"), ("text_encoder", "hidden_size")):
        config = folder / part / "config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), key: width}))
    weights = folder / UNET_WEIGHTS
    weights.rename(weights.with_name("diffusion_pytorch_model.fp16.safetensors"))
    return folder


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "pickle": (lambda down: write(down / "a.ckpt", checkpoint()), "is a pickle"),
    "not there": (lambda down: down / "nothing.safetensors", "is missing"),
    "another base": (
        lambda down: write(
            down / "xl.safetensors", checkpoint() | {"conditioner.embedders.0.x": (1,)}
        ),
        "xl.safetensors was made for Stable Diffusion XL",
    ),
    "lora of another base": (
        lambda down: write(down / "l.safetensors", lora(width=2048, style="diffusers")),
        "l is a LoRA for Stable Diffusion XL; models here are of Stable Diffusion 1.5",
    ),
    "wide embedding": (
        lambda down: write(down / "e.safetensors", {"emb_params": (1, 1024)}),
        "e is an embedding for Stable Diffusion 2",
    ),
    "still image model of another base": (
        lambda down: still_image_model(down / "sd2", width=1024),
        "sd2 was made for Stable Diffusion 2",
    ),
    "pickled safety checker": (
        lambda down: with_checker(still_image_model(down / "sd15"), is_pickle=True),
        "safety_checker/ holds its weights as pickles; only .safetensors are taken",
    ),
    "empty folder": (lambda down: down, "holds neither a model_index.json nor"),
}


@pytest.mark.parametrize("name", list(REFUSED))
async def test_what_cannot_be_used_is_one_sentence_and_leaves_nothing(
    machine: Machine, down: Path, name: str
) -> None:
    make, fault = REFUSED[name]
    assert fault in await machine.refusal("add", make(down))


async def test_a_truncated_file_is_refused(machine: Machine, down: Path) -> None:
    path = write(down / "cut.safetensors", lora())
    os.truncate(path, path.stat().st_size - 1)
    assert await machine.refusal("add", path) == "cut.safetensors is truncated."


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("rm -r vae", "vae/ is missing"),
        (f"mv {UNET_WEIGHTS} unet/diffusion_pytorch_model.bin", "holds its weights as pickles"),
        (f"rm {UNET_WEIGHTS} && ln -s /dev/zero {UNET_WEIGHTS}", "is missing"),
        (f"mv {UNET_WEIGHTS} .. && cd unet && ln -s ../../*.safetensors .", "leads elsewhere"),
        ("""echo '{"_class_name": "FluxPipeline"}' > model_index.json""", "is a FluxPipeline"),
        ("""echo '{"max_side": 9999}' > flipbook.json""", "128-1024"),
    ],
)
async def test_a_folder_that_cannot_be_used_leaves_nothing(
    machine: Machine, down: Path, change: str, fault: str
) -> None:
    folder = down / "odd"
    shutil.copytree(SHAPES, folder)
    subprocess.run(["sh", "-c", change], cwd=folder, check=True)  # noqa: S603, S607, ASYNC221 - ours
    assert fault in await machine.refusal("add", folder)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--id", "../up"], "cannot be an id"),
        (["--id", ".hidden"], "cannot be an id"),
        (["--id", "neon"], "there is already one called neon"),
        (["--motion", "v3"], "is for checkpoints"),
        (["--kind", "v3"], "is for motion modules"),
        (["--steps", "99"], "`--steps`"),
        (["--file", "x"], "is for repositories"),
    ],
)
async def test_an_option_that_does_not_fit_is_named(
    machine: Machine, down: Path, options: list[str], fault: str
) -> None:
    path = write(down / "ink.safetensors", lora())
    assert fault in await machine.refusal("add", path, *options)


async def test_an_addition_that_is_stopped_leaves_nothing(machine: Machine, down: Path) -> None:
    path = write(down / "toon.safetensors", checkpoint())
    adding = asyncio.create_task(machine.call("add", path))
    while not (machine.root / ".adding" / "toon.safetensors").exists():  # noqa: ASYNC110 - a thread has no event
        await asyncio.sleep(0)
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding
    assert contents(machine.root) == {}


async def test_a_second_one_of_the_same_id_is_refused(machine: Machine, down: Path) -> None:
    path = write(down / "ink.safetensors", lora())
    await machine.call("add", path)
    assert "there is already one called ink" in await machine.refusal("add", path)


async def test_a_registry_that_cannot_be_written_undoes_the_addition(
    machine: Machine, down: Path
) -> None:
    (machine.root / ".registry.json.part").mkdir(parents=True)
    path = write(down / "ink.safetensors", lora())
    with pytest.raises(FlipbookError):
        await machine.call("add", path)
    assert not (machine.root / "loras" / "ink.safetensors").exists()
    assert machine.bot.loras() == ["neon"]


async def test_a_broken_registry_costs_nobody_a_model_and_stops_changes(
    machine: Machine, down: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await machine.call("add", write(down / "ink.safetensors", lora()))
    (machine.root / "registry.json").write_text("{")
    machine.clock.advance(2)
    assert machine.bot.loras() == ["ink", "neon"]
    assert "registry.json cannot be read" in machine.bot.faults()["registry.json"]
    machine.clock.advance(2)
    assert machine.bot.loras() == ["ink", "neon"]
    assert len([r for r in caplog.records if "registry.json" in r.message]) == 1
    path = write(down / "b.safetensors", lora())
    for words in (("add", path), ("remove", "ink")):
        fault = await machine.refusal(*words, kind=SettingsError)
        assert "repair it, or move it away" in fault
    assert "put there by hand" in await machine.call("list")


async def test_two_commands_do_not_change_the_folder_at_once(machine: Machine, down: Path) -> None:
    path = write(down / "ink.safetensors", lora())
    with registry_lock(machine.root):
        fault = await machine.refusal("add", path, kind=SettingsError)
    assert "Another `models` command is at work" in fault


async def test_what_a_killed_command_left_is_cleared_away(machine: Machine, down: Path) -> None:
    write(machine.root / ".adding" / "half.safetensors", {"a": (5,)})
    await machine.call("add", write(down / "ink.safetensors", lora()))
    assert not (machine.root / ".adding").exists()
    assert machine.bot.loras() == ["ink", "neon"]


async def test_removing_takes_file_and_entry(machine: Machine, down: Path) -> None:
    await machine.call("add", write(down / "ink.safetensors", lora()))
    assert await machine.call("remove", "ink") == "Removed ink (lora)\n"
    assert machine.bot.loras() == ["neon"]
    assert read_registry(machine.root).loras == {}
    assert list((machine.root / "loras").iterdir()) == []


async def test_what_comes_with_flipbook_is_not_removed(machine: Machine) -> None:
    for name in ("shapes", "neon", "lime"):
        assert "comes with Flipbook" in await machine.refusal("remove", name)
    assert "there is no 'shpaes' here; try shapes" in await machine.refusal("remove", "shpaes")


async def test_an_id_of_two_things_asks_for_the_family(machine: Machine, down: Path) -> None:
    await machine.call("add", write(down / "dusk.safetensors", lora()))
    await machine.call("add", write(down / "dusk2.safetensors", {"x": (768,)}), "--id", "dusk")
    assert "say --family lora or embedding" in await machine.refusal("remove", "dusk")
    await machine.call("remove", "dusk", "--family", "embedding")
    assert "dusk" in machine.bot.loras()


async def test_verify_finds_a_bit_that_flipped_and_a_file_that_went(
    machine: Machine, down: Path
) -> None:
    for name in ("ink", "oil", "chalk"):
        await machine.call("add", write(down / f"{name}.safetensors", lora()))
    write(machine.root / "loras" / "hand.safetensors", lora())
    path = machine.root / "loras" / "ink.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    (machine.root / "loras" / "oil.safetensors").unlink()
    lines = (await machine.call("verify", expect=1)).splitlines()
    assert lines == [
        "ok    lora chalk",
        "note  lora hand is whole; it was not added, so there is no hash",
        "FAIL  lora ink: its files are not those that were added: another sha256",
        "FAIL  lora oil: its files are gone",
    ]
    assert await machine.call("verify", "chalk") == "ok    lora chalk\n"
    await machine.call("remove", "oil")
    assert "oil" not in read_registry(machine.root).loras


async def test_the_list_shows_everything_and_what_is_wrong(machine: Machine, down: Path) -> None:
    await machine.call("add", write(down / "ink.safetensors", lora()))
    write(machine.root / "motion" / "old.safetensors", motion(has_middle=False, frames=24))
    lines = [line.split() for line in (await machine.call("list")).splitlines()]
    assert lines[0] == ["ID", "FAMILY", "KIND", "MOTION", "CHECKER", "AGE", "FROM", "STATE"]
    assert lines[1] == ["shapes", "sd15", "folder", "none", "Flipbook", "ok"]
    assert "(v1);" in lines[2]
    assert ["ink", "lora", "kohya,", "width", "768", "ink.safetensors", "ok"] in lines


def test_the_coroutine_of_the_command_is_what_the_parser_runs() -> None:
    from bot.__main__ import build_parser  # noqa: PLC0415 - loads the whole bot

    arguments = build_parser().parse_args(["models", "list"])
    run: Callable[..., Coroutine[None, None, int]] = arguments.run
    assert (arguments.action, run.__name__) == ("list", "models")
