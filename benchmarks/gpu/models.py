"""Models of the real size with random weights, in the layout in which anybody's models lie.

They are built from the settings that ship with Flipbook; nothing is downloaded. How fast a model
is does not depend on its weights, and as files they go the way that every model goes.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_motion_model import MotionAdapter
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from providers.local.engine.checkpoints import SHIPPED

RANK = 16  # of the LoRA, in every attention of the UNet
CUT_DOWN = {  # the same models with fewer channels: a CPU does them in seconds
    "unet": {"block_out_channels": [32, 64, 64, 64]},
    "motion": {"block_out_channels": [32, 64, 64, 64]},
    "vae": {"block_out_channels": [32, 32, 32, 32]},
    "text_encoder": {"num_hidden_layers": 2},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Where they lie, and millions of parameters by part."""

    checkpoints: tuple[Path, Path]
    motion: Path
    lora: Path
    millions: dict[str, float]


def write_models(folder: Path, device: str, *, is_cut_down: bool = False) -> Models:
    """Draw the weights on the device and write them in half precision."""
    checkpoints = (folder / "one", folder / "two")
    millions: dict[str, float] = {}
    for seed, checkpoint in enumerate(checkpoints):
        torch.manual_seed(seed)
        for part in ("unet", "vae", "text_encoder"):
            module = _drawn(part, device, is_cut_down=is_cut_down)
            millions[part] = _millions(module)
            module.save_pretrained(checkpoint / part)
            if part == "unet" and seed == 0:
                _write_lora(module, folder / "lora.safetensors")
        for kept in ("tokenizer", "scheduler"):
            shutil.copytree(SHIPPED / "sd15" / kept, checkpoint / kept)
        shutil.copy(SHIPPED / "sd15" / "model_index.json", checkpoint)
    motion = _drawn("motion", device, is_cut_down=is_cut_down)
    millions["motion"] = _millions(motion)
    motion.save_pretrained(folder / "motion")
    return Models(
        checkpoints=checkpoints,
        motion=folder / "motion",
        lora=folder / "lora.safetensors",
        millions=millions,
    )


def _drawn(part: str, device: str, *, is_cut_down: bool) -> Any:  # noqa: ANN401 - no common type
    path = "motion/v3.json" if part == "motion" else f"sd15/{part}/config.json"
    config = json.loads((SHIPPED / path).read_text()) | (CUT_DOWN[part] if is_cut_down else {})
    with torch.device(device):
        return _built(part, config).half().eval()


def _built(part: str, config: dict[str, Any]) -> Any:  # noqa: ANN401
    if part == "text_encoder":
        return CLIPTextModel(CLIPTextConfig.from_dict(config))
    kinds: dict[str, Any] = {
        "unet": UNet2DConditionModel,
        "vae": AutoencoderKL,
        "motion": MotionAdapter,
    }
    return kinds[part].from_config(config)


def _write_lora(unet: nn.Module, path: Path) -> None:
    tensors: dict[str, torch.Tensor] = {}
    for name, module in unet.named_modules():
        if isinstance(module, Attention):
            for part in ("to_q", "to_k", "to_v", "to_out.0"):
                rows, columns = unet.get_parameter(f"{name}.{part}.weight").shape
                tensors[f"unet.{name}.{part}.lora_A.weight"] = torch.randn(RANK, columns) / 100
                tensors[f"unet.{name}.{part}.lora_B.weight"] = torch.randn(rows, RANK) / 100
    save_file({name: tensor.half().contiguous() for name, tensor in tensors.items()}, path)


def _millions(module: nn.Module) -> float:
    return round(sum(each.numel() for each in module.parameters()) / 1e6, 1)
