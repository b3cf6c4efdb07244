"""Models and motion modules in every layout give the modules that diffusers gives, bit for bit.

torch is loaded by the fixtures only: collecting these tests must stay cheap.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from providers.local.wire import FailureCode, RenderFiles

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own warnings

Get = Callable[..., Any]
MODEL, MOTION = 1, 2  # seeds


@pytest.fixture(scope="module")
def tiny() -> Any:
    from tests.local import tiny  # noqa: PLC0415 - see above

    return tiny


@pytest.fixture(scope="module")
def configs(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_configs(tmp_path_factory.mktemp("configs"))


@pytest.fixture
def get(configs: Path) -> Get:
    """Return a function that loads as a worker does; every test has a shelf of its own."""
    from providers.local.engine.pipeline import PipelineShelf  # noqa: PLC0415 - see above

    shelf = PipelineShelf(device="cpu", configs=configs)

    def load(model: Path, motion: Path | None = None) -> Any:
        return shelf.get(RenderFiles(model=model, motion=motion))

    return load


@pytest.fixture
def refused(get: Get) -> Callable[..., str]:
    """Return a function that says how a model is refused."""
    from providers.local.engine.ticket import RenderError  # noqa: PLC0415 - see above

    def refuse(model: Path, motion: Path | None = None) -> str:
        with pytest.raises(RenderError) as caught:
            get(model, motion)
        assert caught.value.code is FailureCode.BAD_MODEL
        return str(caught.value)

    return refuse


@pytest.mark.parametrize("kind", ["v2", "v3"])
@pytest.mark.parametrize("layout", ["folder", "file", "original"])
def test_every_layout_of_a_motion_module_is_that_of_diffusers(
    tiny: Any, get: Get, tmp_path: Path, kind: str, layout: str
) -> None:
    model = tiny.write_folder(tmp_path / "model", seed=MODEL)
    write = {
        "folder": tiny.write_motion_folder,
        "file": tiny.write_motion_file,
        "original": tiny.write_original_motion,
    }[layout]
    motion = write(tmp_path / "motion.safetensors", seed=MOTION, kind=kind)
    stock = tiny.stock(MODEL, motion=MOTION, kind=kind)
    pipe = get(model, motion)
    assert tiny.are_equal(tiny.states_of(pipe), tiny.states_of(stock))


def test_a_file_in_the_original_layout_renders_what_diffusers_renders(
    tiny: Any, get: Get, tmp_path: Path
) -> None:
    model = tiny.write_original(tmp_path / "model.safetensors", seed=MODEL)
    motion = tiny.write_original_motion(tmp_path / "motion.safetensors", seed=MOTION)
    stock = tiny.stock(MODEL, motion=MOTION)
    pipe = get(model, motion)
    assert tiny.are_equal(tiny.states_of(pipe), tiny.states_of(stock))
    assert tiny.torch.equal(tiny.frames_of(pipe), tiny.frames_of(stock))


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_halves_are_taken_as_they_are(tiny: Any, get: Get, tmp_path: Path, name: str) -> None:
    dtype = getattr(tiny.torch, name)
    folder = get(
        tiny.write_folder(tmp_path / "model", seed=MODEL, dtype=dtype),
        tiny.write_motion_folder(tmp_path / "motion", seed=MOTION),
    )
    expected = tiny.states_of(folder)
    original = tiny.write_original(tmp_path / "model.safetensors", seed=MODEL, dtype=dtype)
    assert tiny.are_equal(tiny.states_of(get(original, tmp_path / "motion")), expected)
    whole = tiny.stock(MODEL, motion=MOTION).unet.conv_in.weight
    assert tiny.torch.equal(folder.unet.conv_in.weight, whole.to(dtype).float())


def test_a_folder_brings_its_own_motion_module_unless_another_is_asked_for(
    tiny: Any, get: Get, tmp_path: Path
) -> None:
    model = tiny.write_folder(tmp_path / "model", seed=MODEL)
    tiny.write_motion_folder(model / "motion_adapter", seed=MOTION)
    other = tiny.write_motion_folder(tmp_path / "other", seed=3, kind="v2")
    own = tiny.states_of(tiny.stock(MODEL, motion=MOTION))
    assert tiny.are_equal(tiny.states_of(get(model)), own)
    asked = tiny.states_of(tiny.stock(MODEL, motion=3, kind="v2"))
    assert tiny.are_equal(tiny.states_of(get(model, other)), asked)
    assert tiny.are_equal(tiny.states_of(get(model)), own)


def test_a_unet_that_was_saved_with_its_motion_module_needs_no_other(
    tiny: Any, get: Get, tmp_path: Path
) -> None:
    stock = tiny.stock(MODEL, motion=MOTION, kind="v2")
    stock.save_pretrained(tmp_path / "model")
    assert tiny.are_equal(tiny.states_of(get(tmp_path / "model")), tiny.states_of(stock))
    other = tiny.write_motion_folder(tmp_path / "other", seed=3, kind="v3")
    asked = tiny.states_of(tiny.stock(MODEL, motion=3, kind="v3"))
    assert tiny.are_equal(tiny.states_of(get(tmp_path / "model", other)), asked)


def test_the_names_that_older_libraries_wrote_are_known(
    tiny: Any, get: Get, tmp_path: Path
) -> None:
    model = tiny.write_folder(tmp_path / "model", seed=MODEL)
    motion = tiny.write_motion_folder(tmp_path / "motion", seed=MOTION)
    expected = tiny.states_of(get(model, motion))
    old = shutil.copytree(model, tmp_path / "old")
    tiny.rewrite(
        old / "vae" / "diffusion_pytorch_model.safetensors",
        {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."},
    )
    tiny.rewrite(
        old / "text_encoder" / "model.safetensors",
        {
            "embeddings.": "text_model.embeddings.",
            "encoder.": "text_model.encoder.",
            "final_layer_norm.": "text_model.final_layer_norm.",
        },
    )
    assert tiny.are_equal(tiny.states_of(get(old, motion)), expected)


def test_weights_in_several_files_or_as_fp16_are_found(tiny: Any, get: Get, tmp_path: Path) -> None:
    model = tiny.write_folder(tmp_path / "model", seed=MODEL)
    motion = tiny.write_motion_folder(tmp_path / "motion", seed=MOTION)
    expected = tiny.states_of(get(model, motion))
    split = shutil.copytree(model, tmp_path / "split")
    tiny.split(split / "unet" / "diffusion_pytorch_model.safetensors")
    weights = split / "vae" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert tiny.are_equal(tiny.states_of(get(split, motion)), expected)


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [("conditioner.embedders.0.", "SDXL"), ("cond_stage_model.model.", "SD 2")],
)
def test_a_file_of_another_base_is_named(
    tiny: Any, refused: Callable[..., str], tmp_path: Path, prefix: str, reason: str
) -> None:
    model = tiny.write_original(tmp_path / "foreign.safetensors", seed=MODEL)
    tiny.rewrite(model, {"cond_stage_model.transformer.": prefix})
    motion = tiny.write_motion_folder(tmp_path / "motion", seed=MOTION)
    assert reason in refused(model, motion)


@pytest.mark.parametrize("part", ["first_stage_model.", "cond_stage_model."])
def test_a_file_that_lacks_a_part_is_refused(
    tiny: Any, refused: Callable[..., str], tmp_path: Path, part: str
) -> None:
    model = tiny.write_original(tmp_path / "half.safetensors", seed=MODEL)
    tiny.rewrite(model, {part: None})
    motion = tiny.write_motion_folder(tmp_path / "motion", seed=MOTION)
    assert "the file has no" in refused(model, motion)


def test_broken_files_are_refused_and_the_next_model_is_loaded(
    tiny: Any, get: Get, refused: Callable[..., str], tmp_path: Path
) -> None:
    model = tiny.write_folder(tmp_path / "model", seed=MODEL)
    motion = tiny.write_motion_folder(tmp_path / "motion", seed=MOTION)
    expected = tiny.states_of(get(model, motion))
    cut = tiny.write_original(tmp_path / "cut.safetensors", seed=MODEL)
    cut.write_bytes(cut.read_bytes()[:-8])
    assert "truncated" in refused(cut, motion)
    lacking = shutil.copytree(model, tmp_path / "lacking")
    (lacking / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    assert "missing" in refused(lacking, motion)
    holed = shutil.copytree(model, tmp_path / "holed")
    tiny.rewrite(
        holed / "unet" / "diffusion_pytorch_model.safetensors",
        {"conv_in.bias": None},
    )
    assert "lacks 1 of" in refused(holed, motion)
    settings = holed / "vae" / "config.json"
    settings.write_text(settings.read_text().replace('"DownEncoderBlock2D"', '"NoSuchBlock"'))
    assert "VAE cannot be built" in refused(holed, motion)
    assert "holed" in refused(holed, tmp_path / "nowhere")
    assert tiny.are_equal(tiny.states_of(get(model, motion)), expected)


def test_a_motion_module_of_another_base_or_none_is_refused(
    tiny: Any, refused: Callable[..., str], tmp_path: Path
) -> None:
    model = tiny.write_folder(tmp_path / "model", seed=MODEL)
    assert "UNet cannot be built" in refused(model)
    wide = tiny.write_motion_folder(tmp_path / "wide", seed=MOTION, width=32)
    assert "UNet has another shape" in refused(model, wide)
    lora = tmp_path / "lora.safetensors"
    tiny.save_file({"lora_unet_x.lora_down.weight": tiny.torch.zeros(2, 2)}, lora)
    assert "is no motion module" in refused(model, lora)
    index = json.loads((model / "model_index.json").read_text())
    index["vae"] = ["diffusers", "AutoencoderTiny"]
    (model / "model_index.json").write_text(json.dumps(index))
    assert "its vae is a AutoencoderTiny" in refused(model, wide)
