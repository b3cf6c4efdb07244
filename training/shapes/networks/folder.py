"""Puts the trained parts together as the folder that is shipped: half precision, loads offline."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_motion_model import UNetMotionModel
from safetensors.torch import load_file
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from training.shapes.networks import parts
from training.shapes.scenes.captions import every_wording
from training.shapes.scenes.world import World

MODEL_INDEX: Mapping[str, Any] = {
    "_class_name": "AnimateDiffPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "motion_adapter": ["diffusers", "MotionAdapter"],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
STEPS, GUIDANCE = 12, 4.0  # what the model is trained and measured for
DEFAULTS = {
    "width": 128,
    "height": 128,
    "frames": 16,
    "fps": 8,
    "steps": STEPS,
    "guidance_scale": GUIDANCE,
}
NOTE = "The demonstration model: one coloured shape that moves."


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """All that was trained."""

    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    vae: AutoencoderKL
    unet: UNetMotionModel


def write_folder(folder: Path, trained: Trained, world: World) -> None:
    """Write the model's folder anew; `world` is what it was taught to draw."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    trained.tokenizer.save_pretrained(part / "tokenizer")
    parts.scheduler().save_pretrained(part / "scheduler")
    images, motion = split(trained.unet)
    modules: dict[str, nn.Module] = {
        "text_encoder": trained.text_encoder,
        "vae": trained.vae,
        "unet": images,
        "motion_adapter": motion,
    }
    for name, module in modules.items():
        module.half().save_pretrained(part / name)  # pyright: ignore[reportCallIssue] - mixins
        module.float()
    _write_json(part / "model_index.json", MODEL_INDEX)
    _write_json(part / "flipbook.json", card(world))
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def read_text_encoder(folder: Path) -> CLIPTextModel:
    """Return the text encoder of a written folder, in full precision."""
    any_model: Any = CLIPTextModel
    return any_model.from_pretrained(folder / "text_encoder", dtype=torch.float32).eval()


def read_autoencoder(folder: Path) -> AutoencoderKL:
    """Return the autoencoder of a written folder, in full precision."""
    any_model: Any = AutoencoderKL
    return any_model.from_pretrained(folder / "vae", torch_dtype=torch.float32).eval()


def read_denoiser(folder: Path) -> UNetMotionModel:
    """Return the image model of a written folder with its motion modules, in full precision."""
    images, motion = parts.unet(), parts.motion_adapter()
    for module, name in ((images, "unet"), (motion, "motion_adapter")):
        weights = load_file(folder / name / "diffusion_pytorch_model.safetensors")
        module.load_state_dict({key: value.float() for key, value in weights.items()})
    return parts.video_unet(images, motion)


def split(both: UNetMotionModel) -> tuple[nn.Module, nn.Module]:
    """Return the image model and the motion adapter that a video model was put together from."""
    images, motion = parts.unet(), parts.motion_adapter()
    weights = both.state_dict()
    images.load_state_dict({k: v for k, v in weights.items() if ".motion_modules." not in k})
    motion.load_state_dict({k: v for k, v in weights.items() if ".motion_modules." in k})
    return images, motion


def card(world: World) -> dict[str, Any]:
    """Return `flipbook.json`: what the bot says about the model."""
    return {
        "title": "Shapes",
        "defaults": DEFAULTS,
        "min_side": 128,
        "max_side": 256,
        "note": NOTE,
        "words": known_words(world),
    }


def known_words(world: World) -> list[str]:
    """Return the words that captions of the world are made of."""
    text = " ".join(every_wording(world)).lower()
    for mark in ",.-":
        text = text.replace(mark, " ")
    return sorted(set(text.split()))


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")
