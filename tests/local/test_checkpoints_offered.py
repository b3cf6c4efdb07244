"""Checkpoints that are one file, each offered with a motion module."""

import json
import os
import shutil
from pathlib import Path

import pytest

from jobs.errors import RequestError
from jobs.limits import resolve
from jobs.request import LoraUse, Scheduler, Segment, VideoRequest
from providers.local.library.catalogue import ModelCatalogue
from providers.local.library.families import Family, MotionKind
from providers.local.library.hashes import ModelHashes
from providers.local.library.registry import Item, OwnDefaults, Registry, Source, write_registry
from providers.local.library.roots import ModelRoots
from tests.factories import make_request
from tests.fakes.clock import FakeClock
from tests.local.videos import SHAPES
from tests.local.weightless import checkpoint, lora, motion, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A models folder with one checkpoint and nothing else."""
    write(tmp_path / "models" / "toon.safetensors", checkpoint())
    return tmp_path / "models"


def look(root: Path, clock: FakeClock | None = None) -> ModelCatalogue:
    roots = ModelRoots(own=root, embedded=root.parent / "nothing")
    return ModelCatalogue(roots, clock=clock or FakeClock())


def item(family: Family, **changes: object) -> Item:
    values = {"family": family, "source": Source(name="x"), "sha256": "0" * 64, "size": 1}
    return Item.model_validate({**values, **changes})


def motion_of(catalogue: ModelCatalogue, name: str = "toon") -> str | None:
    entry = catalogue.entry(name)
    return entry.motion.id if entry and entry.motion else None


def test_without_a_motion_module_the_fault_says_what_to_do(root: Path) -> None:
    catalogue = look(root)
    assert catalogue.models() == []
    assert catalogue.faults()["toon"] == (
        "The model toon cannot be used (a motion module is missing); "
        "its operator adds one as docs/models.md says."
    )


def test_a_file_put_there_by_hand_is_offered_with_its_motion_module(root: Path) -> None:
    place = write(root / "motion" / "mm.safetensors", motion(has_middle=True))
    catalogue = look(root)
    (info,) = catalogue.models()
    assert (info.id, info.defaults.steps, info.defaults.width) == ("toon", 25, 512)
    files = catalogue.locate(make_request(model="toon"))
    assert (files.model, files.motion) == (root / "toon.safetensors", place)


def test_a_motion_module_may_be_a_folder(root: Path) -> None:
    folder = root / "motion" / "mm"
    shapes = motion(has_middle=False, is_original=False)
    write(folder / "diffusion_pytorch_model.safetensors", shapes)
    (folder / "config.json").write_text('{"_class_name": "MotionAdapter"}')
    catalogue = look(root)
    assert catalogue.locate(make_request(model="toon")).motion == folder
    assert catalogue.motions()["mm"].kind is MotionKind.V3


def test_the_plainest_motion_module_is_taken_unless_another_one_is_registered(root: Path) -> None:
    clock = FakeClock()
    catalogue = look(root, clock)
    for name, has_middle, expected in (
        ("lightning-4step", True, "lightning-4step"),
        ("animate-lcm", False, "animate-lcm"),
        ("mm-v2", True, "mm-v2"),
        ("mm-v3", False, "mm-v3"),
    ):
        write(root / "motion" / f"{name}.safetensors", motion(has_middle=has_middle))
        clock.advance(2)
        assert motion_of(catalogue) == expected
    wish = item(Family.CHECKPOINT, motion="animate-lcm")
    write_registry(root, Registry().with_item(Family.CHECKPOINT, "toon", wish))
    clock.advance(2)
    assert motion_of(catalogue) == "animate-lcm"
    (root / "motion" / "animate-lcm.safetensors").unlink()
    clock.advance(2)
    assert "the motion module animate-lcm is missing" in catalogue.faults()["toon"]


def test_a_broken_motion_module_is_passed_over_and_named_where_it_was_asked_for(
    root: Path,
) -> None:
    path = write(root / "motion" / "mm-v3.safetensors", motion(has_middle=False))
    os.truncate(path, path.stat().st_size - 1)
    write(root / "motion" / "mm-v2.safetensors", motion(has_middle=True))
    assert motion_of(look(root)) == "mm-v2"
    wish = item(Family.CHECKPOINT, motion="mm-v3")
    write_registry(root, Registry().with_item(Family.CHECKPOINT, "toon", wish))
    assert "the motion module mm-v3 is broken" in look(root).faults()["toon"]


@pytest.mark.parametrize(
    ("name", "has_middle", "steps", "guidance", "scheduler"),
    [
        ("animate-lcm", False, 6, 1.5, Scheduler.LCM),
        ("lightning_8step", True, 8, 1.0, Scheduler.EULER_DISCRETE),
        ("lightning", True, 4, 1.0, Scheduler.EULER_DISCRETE),
        ("mm-v3", False, 25, 7.5, None),
    ],
)
def test_a_distilled_motion_module_brings_its_defaults(
    root: Path,
    *,
    name: str,
    has_middle: bool,
    steps: int,
    guidance: float,
    scheduler: Scheduler | None,
) -> None:
    write(root / "motion" / f"{name}.safetensors", motion(has_middle=has_middle))
    entry, info = look(root).require("toon")
    assert (info.defaults.steps, info.defaults.guidance_scale) == (steps, guidance)
    assert entry.scheduler == info.scheduler == scheduler
    asked = VideoRequest(segments=(Segment(prompt="a fox"),))
    assert resolve(asked, info, draw_seed=lambda: 1).scheduler == scheduler
    own = asked.evolve(scheduler=Scheduler.DDIM)
    assert resolve(own, info, draw_seed=lambda: 1).scheduler is Scheduler.DDIM


def test_the_operators_word_wins_over_the_motion_modules(root: Path) -> None:
    write(root / "motion" / "lightning.safetensors", motion(has_middle=True))
    told = OwnDefaults(steps=8, scheduler=Scheduler.DDIM, width=640)
    wish = item(Family.CHECKPOINT, defaults=told, title="Toon", trigger_words=("toon style",))
    write_registry(root, Registry().with_item(Family.CHECKPOINT, "toon", wish))
    entry, info = look(root).require("toon")
    defaults = info.defaults
    assert (defaults.steps, defaults.guidance_scale, defaults.width) == (8, 1.0, 640)
    assert (entry.scheduler, info.title) == (Scheduler.DDIM, "Toon")
    assert info.trigger_words == ("toon style",)


def test_the_lcm_scheduler_without_lcm_weights_is_warned_about(root: Path) -> None:
    write(root / "motion" / "mm-v3.safetensors", motion(has_middle=False))
    for name in ("ink", "lcm-lora"):
        write(root / "loras" / f"{name}.safetensors", lora())
    told = item(Family.LORA, source={"name": "latent-consistency/lcm-lora-sdv1-5"})
    write(root / "loras" / "quick.safetensors", lora())
    write_registry(root, Registry().with_item(Family.LORA, "quick", told))
    catalogue = look(root)

    def warnings(**changes: object) -> list[str]:
        return catalogue.warnings(make_request(model="toon", **changes))

    (warning,) = warnings(scheduler=Scheduler.LCM)
    assert "draws well only with LCM weights, and `toon` has none" in warning
    assert warnings(scheduler=Scheduler.LCM, loras=(LoraUse(id="ink"),)) == [warning]
    assert warnings(scheduler=Scheduler.LCM, loras=(LoraUse(id="lcm-lora"),)) == []
    assert warnings(scheduler=Scheduler.LCM, loras=(LoraUse(id="quick"),)) == []
    assert warnings(scheduler=Scheduler.DDIM) == warnings() == []
    wish = item(Family.CHECKPOINT, motion="animate-lcm")
    write(root / "motion" / "animate-lcm.safetensors", motion(has_middle=False))
    write_registry(root, Registry().with_item(Family.CHECKPOINT, "toon", wish))
    catalogue = look(root)
    assert warnings(scheduler=Scheduler.LCM) == []


@pytest.mark.parametrize(
    ("kind", "shapes", "fault"),
    [
        ("loras", lora(width=2048, style="diffusers"), "it is a LoRA for Stable Diffusion XL"),
        ("embeddings", {"emb_params": (2, 1024)}, "it is an embedding for Stable Diffusion 2"),
    ],
)
def test_an_adapter_of_another_base_is_refused_before_a_job_is_queued(
    root: Path, kind: str, shapes: dict[str, tuple[int, ...]], fault: str
) -> None:
    write(root / "motion" / "mm.safetensors", motion(has_middle=False))
    write(root / kind / "odd.safetensors", shapes)
    asked = {"loras": (LoraUse(id="odd"),)} if kind == "loras" else {"embeddings": ("odd",)}
    with pytest.raises(RequestError, match=f"`{kind}`: odd does not fit this model: {fault}"):
        look(root).locate(make_request(model="toon", **asked))


def test_a_file_that_is_no_checkpoint_is_a_fault_of_its_own(root: Path) -> None:
    write(root / "motion" / "mm.safetensors", motion(has_middle=False))
    write(root / "ink.safetensors", lora())
    catalogue = look(root)
    assert [info.id for info in catalogue.models()] == ["toon"]
    assert "ink.safetensors is no checkpoint (lora)" in catalogue.faults()["ink"]


def test_a_folder_and_a_file_of_one_id_are_one_model_and_the_log_says_so(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(SHAPES, root / "toon")
    entry, _ = look(root).require("toon")
    assert entry.place == root / "toon"
    (record,) = caplog.records
    assert "a folder has the same id" in record.message


def test_a_folder_without_a_motion_module_gets_one_if_it_is_of_sd15(root: Path) -> None:
    write(root / "motion" / "mm.safetensors", motion(has_middle=False))
    for name, width in (("still", 768), ("tiny", 64)):
        shutil.copytree(SHAPES, root / name, ignore=shutil.ignore_patterns("motion_adapter"))
        index = root / name / "model_index.json"
        parts = json.loads(index.read_text()) | {"motion_adapter": [None, None]}
        index.write_text(json.dumps(parts))
        config = root / name / "text_encoder" / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"hidden_size": width}))
    catalogue = look(root)
    assert motion_of(catalogue, "still") == "mm"
    assert "has no motion_adapter" in catalogue.faults()["tiny"]


def test_an_embedded_model_keeps_its_own_motion_module(tmp_path: Path) -> None:
    write(tmp_path / "own" / "motion" / "mm.safetensors", motion(has_middle=False))
    catalogue = ModelCatalogue(ModelRoots(own=tmp_path / "own"), clock=FakeClock())
    assert catalogue.locate(make_request(model="shapes")).motion is None


async def test_the_hash_covers_the_motion_module(root: Path) -> None:
    shutil.copytree(SHAPES, root / "small")
    write(root / "motion" / "mm.safetensors", motion(has_middle=False))
    catalogue = look(root)
    entry, _ = catalogue.require("toon")
    assert entry.weights == (root / "toon.safetensors", root / "motion" / "mm.safetensors")
    assert entry.is_as_it_was()
    os.utime(root / "motion" / "mm.safetensors", ns=(1, 1))
    assert not entry.is_as_it_was()
    assert await ModelHashes(catalogue).begin("small") != ""


def test_a_registered_model_whose_file_is_gone_is_a_fault(root: Path) -> None:
    write_registry(root, Registry().with_item(Family.CHECKPOINT, "lost", item(Family.CHECKPOINT)))
    assert "its files are gone" in look(root).faults()["lost"]
