"""The whole training in small: from nothing to a folder that the stock pipeline loads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.animatediff.pipeline_animatediff import AnimateDiffPipeline
from PIL import Image

from training.shapes.learning import state
from training.shapes.learning.crew import Crew, work
from training.shapes.learning.loop import Course
from training.shapes.learning.plan import CPU, GPU, Plan
from training.shapes.learning.sheets import PROMPTS, Painter
from training.shapes.learning.stages import train_all
from training.shapes.learning.workshop import Workshop
from training.shapes.networks import parts
from training.shapes.networks.folder import read_autoencoder, read_denoiser, read_text_encoder
from training.shapes.networks.tokens import tokenizer

STAGES = ("text", "vae", "images", "paths", "clips", "outlines", "decoder", "lora", "embedding")


def short(steps: int) -> Course:
    return Course(steps=steps, batch=4, peak=1e-3, warm_up=1, save_every=1)


TINY = Plan(
    world=CPU.world,
    text=short(2),
    vae=short(2),
    images=short(2),
    paths=short(2),
    clips=short(2),
    outlines=short(2),
    decoder=short(2),
    lora=short(2),
    embedding=short(2),
    captions=6,
    drafts=1,
    few=0.5,
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `work/`, `models/shapes/` and the extras beside it, after all stages.

    That takes long, so whatever needs it is slow.
    """
    folder = tmp_path_factory.mktemp("trained")
    torch.manual_seed(0)
    shop = Workshop(folder=folder / "work", plan=TINY, crew=Crew())
    train_all(shop, folder / "models" / "shapes")
    return folder


def load(trained: Path) -> Any:
    pipe: Any = AnimateDiffPipeline.from_pretrained(
        trained / "models" / "shapes", dtype=torch.float32, local_files_only=True
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def render(pipe: Any, **options: Any) -> torch.Tensor:
    asked = {"num_frames": 8, "width": 128, "height": 128, "num_inference_steps": 1}
    generator = torch.Generator().manual_seed(1)
    return pipe(**{**asked, **options}, generator=generator, output_type="pt").frames


@pytest.mark.slow
def test_the_folder_renders_in_the_stock_pipeline(trained: Path) -> None:
    frames = render(load(trained), prompt="a red circle")
    assert frames.shape == (1, 8, 3, 128, 128)
    assert torch.isfinite(frames).all()


@pytest.mark.slow
def test_the_folder_holds_the_averaged_weights(trained: Path) -> None:
    kept = state.load(trained / "work", "outlines")
    assert kept is not None
    unet = load(trained).unet.state_dict()
    mine = {name: each for name, each in kept.average.items() if name.startswith("unet.")}
    assert len(mine) == len(kept.weights) - sum("readings" in name for name in kept.weights) - 9
    for name, value in mine.items():
        assert torch.equal(unet[name.removeprefix("unet.")], value.half().float())


@pytest.mark.slow
@pytest.mark.parametrize(("frames", "columns"), [(1, 1), (16, 6)])
def test_a_sheet_shows_a_row_for_each_prompt(
    trained: Path, tmp_path: Path, frames: int, columns: int
) -> None:
    folder = trained / "models" / "shapes"
    painter = Painter(
        tokenizer=tokenizer(),
        text_encoder=read_text_encoder(folder),
        vae=read_autoencoder(folder),
    )
    unet = read_denoiser(folder) if frames > 1 else parts.unet()
    painter.sheet(unet, tmp_path / "sheet.png", frames=frames)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (columns * 128, len(PROMPTS) * 128)


@pytest.mark.slow
def test_every_stage_keeps_its_state_and_its_loss(trained: Path) -> None:
    for stage in STAGES:
        kept = state.load(trained / "work", stage)
        assert kept is not None
        assert kept.step == 2
        assert (trained / "work" / f"{stage}.csv").read_text().startswith("step,seconds,loss\n0,")


@pytest.mark.slow
def test_the_card_tells_the_words_the_captions_use(trained: Path) -> None:
    card = json.loads((trained / "models" / "shapes" / "flipbook.json").read_text())
    assert {"red", "circle", "left", "bouncing", "masterpiece", "background"} <= set(card["words"])
    assert "cat" not in card["words"]
    assert card["defaults"]["steps"] == 12


@pytest.mark.slow
def test_lora_and_embedding_change_what_is_drawn_and_come_off_again(trained: Path) -> None:
    pipe = load(trained)
    plain = render(pipe, prompt="a red circle")
    pipe.load_lora_weights(trained / "models" / "loras", weight_name="neon.safetensors")
    assert not torch.equal(render(pipe, prompt="a red circle"), plain)
    pipe.unload_lora_weights()
    assert torch.equal(render(pipe, prompt="a red circle"), plain)
    file = trained / "models" / "embeddings" / "lime.safetensors"
    pipe.load_textual_inversion(str(file), token="<lime>")
    assert not torch.equal(render(pipe, prompt="a <lime> circle"), plain)


@pytest.mark.slow
def test_a_second_run_trains_nothing_and_writes_the_same_folder(
    trained: Path, tmp_path: Path
) -> None:
    def files(folder: Path) -> Mapping[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }

    shop = Workshop(folder=trained / "work", plan=TINY, crew=Crew())
    train_all(shop, tmp_path / "shapes")
    assert files(tmp_path / "shapes") == files(trained / "models" / "shapes")


@pytest.mark.slow
def test_a_written_folder_can_be_trained_further(trained: Path, tmp_path: Path) -> None:
    shop = Workshop(folder=tmp_path / "work", plan=TINY, crew=Crew())
    train_all(shop, tmp_path / "shapes", start=trained / "models" / "shapes")

    def weights(folder: Path, part: str) -> bytes:
        (path,) = (folder / part).glob("*.safetensors")
        return path.read_bytes()

    before, after = trained / "models" / "shapes", tmp_path / "shapes"
    assert weights(after, "text_encoder") == weights(before, "text_encoder")
    for part in ("unet", "motion_adapter", "vae"):
        assert weights(after, part) != weights(before, part)
    assert not (tmp_path / "work" / "paths.json").exists()


def _add_up(crew: Crew) -> None:
    weights = torch.nn.Parameter(torch.zeros(2))
    weights.grad = torch.full((2,), float(crew.rank + 1))
    crew.average_gradients([weights])
    if weights.grad.tolist() != [1.5, 1.5]:
        raise AssertionError(weights.grad)


@pytest.mark.slow
def test_two_processes_average_their_gradients() -> None:
    work(_add_up, processes=2)


def test_both_plans_name_every_stage() -> None:
    for plan in (CPU, GPU):
        assert all(isinstance(getattr(plan, stage), Course) for stage in STAGES)
