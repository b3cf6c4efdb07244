"""The shipped configs describe Stable Diffusion 1.5 and its motion modules, counted on `meta`."""

import json
from typing import Any

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_motion_model import MotionAdapter
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from providers.local.library.recognition import MOTION_PARAMETERS, PARAMETERS, Part
from providers.local.library.roots import CONFIGS
from training.clip_vocabulary import letters_of_bytes, read_merges, vocabulary_of

SD15 = CONFIGS / "sd15"


def parameters(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_unet_the_vae_and_the_text_encoder_have_as_many_parameters_as_published() -> None:
    with torch.device("meta"):
        unet: Any = UNet2DConditionModel.from_config(read("sd15/unet/config.json"))
        vae: Any = AutoencoderKL.from_config(read("sd15/vae/config.json"))
        text = CLIPTextModel(CLIPTextConfig.from_pretrained(SD15 / "text_encoder"))
    assert parameters(unet) == 859_520_964 == PARAMETERS[Part.UNET]
    assert parameters(vae) == 83_653_863 == PARAMETERS[Part.VAE]
    assert parameters(text) == 123_060_480 == PARAMETERS[Part.TEXT_ENCODER]


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("v2", 453_209_280),
        ("v3", 417_137_600),
        ("lcm", 417_137_600),
        ("lightning", 453_209_280),
    ],
)
def test_the_motion_modules_have_as_many_parameters_as_published(name: str, count: int) -> None:
    with torch.device("meta"):
        adapter: Any = MotionAdapter.from_config(read(f"motion/{name}.json"))
    assert parameters(adapter) == count
    assert count in MOTION_PARAMETERS.values()


def test_the_vocabulary_is_that_of_clip() -> None:
    tokenizer: Any = CLIPTokenizer.from_pretrained(SD15 / "tokenizer", local_files_only=True)
    assert len(tokenizer) == 49_408
    ids = tokenizer("a photo of a cat").input_ids
    assert ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert tokenizer.pad_token_id == 49407
    assert tokenizer.model_max_length == 77


def test_the_vocabulary_was_converted_by_the_script() -> None:
    lines = (SD15 / "tokenizer" / "merges.txt").read_text(encoding="utf-8").split("\n")
    merges = read_merges("\n".join(lines))
    assert len(merges) == 48_894
    assert vocabulary_of(merges) == read("sd15/tokenizer/vocab.json")
    assert len(set(letters_of_bytes())) == 256


def test_the_licence_of_the_vocabulary_lies_beside_it() -> None:
    text = (SD15 / "tokenizer" / "LICENSE").read_text()
    assert "MIT License" in text
    assert "https://github.com/openai/CLIP" in text


def test_the_scheduler_is_what_animatediff_was_trained_with() -> None:
    config = read("sd15/scheduler/scheduler_config.json")
    assert (config["beta_schedule"], config["clip_sample"]) == ("linear", False)
    assert (config["timestep_spacing"], config["steps_offset"]) == ("linspace", 1)


def read(name: str) -> dict[str, Any]:
    return json.loads((CONFIGS / name).read_text(encoding="utf-8"))
