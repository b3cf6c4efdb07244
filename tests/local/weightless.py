"""Writes safetensors files with real names and shapes, and nothing but zeros in no room.

A whole checkpoint is a header and a hole: its tensors are named and measured as in a real one,
and the file is sparse, so that it has the size of one and takes a few kilobytes.
"""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path

from providers.local.library.recognition import MOTION_PARAMETERS, PARAMETERS, Part

Shapes = Mapping[str, tuple[int, ...]]
UNET = "model.diffusion_model"
TEXT = "cond_stage_model.transformer.text_model"
CROSS = f"{UNET}.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"


def write(path: Path, shapes: Shapes, metadata: Mapping[str, str] | None = None) -> Path:
    """Write a whole file of one byte a number, all of them 0."""
    header: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    begin = 0
    for name, shape in shapes.items():
        end = begin + prod(shape)
        header[name] = {"dtype": "U8", "shape": list(shape), "data_offsets": [begin, end]}
        begin = end
    content = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(content).to_bytes(8, "little") + content)
        file.truncate(8 + len(content) + begin)
    return path


def checkpoint(**changes: tuple[int, ...] | None) -> dict[str, tuple[int, ...]]:
    """Return the tensors of an SD 1.5 checkpoint: a few by name, the rest of each part as one."""
    shapes: dict[str, tuple[int, ...]] = {
        f"{UNET}.input_blocks.0.0.weight": (320, 4, 3, 3),
        CROSS: (320, 768),
        f"{TEXT}.embeddings.token_embedding.weight": (49408, 768),
        f"{TEXT}.embeddings.position_ids": (1, 77),
        "first_stage_model.quant_conv.weight": (8, 8, 1, 1),
    }
    shapes[f"{UNET}.rest"] = (PARAMETERS[Part.UNET] - 320 * 4 * 9 - 320 * 768,)
    shapes[f"{TEXT}.encoder.rest"] = (PARAMETERS[Part.TEXT_ENCODER] - 49408 * 768,)
    shapes["first_stage_model.decoder.rest"] = (PARAMETERS[Part.VAE] - 64,)
    for name, shape in changes.items():
        shapes.pop(name, None)
        if shape is not None:
            shapes[name] = shape
    return shapes


def motion(
    *, has_middle: bool, is_original: bool = True, frames: int = 32
) -> dict[str, tuple[int, ...]]:
    """Return the tensors of a motion module."""
    inner = ".temporal_transformer" if is_original else ""
    table = "attention_blocks.0.pos_encoder.pe" if is_original else "pos_embed.pe"
    shapes: dict[str, tuple[int, ...]] = {
        f"down_blocks.0.motion_modules.0{inner}.norm.weight": (320,),
        f"down_blocks.0.motion_modules.0{inner}.transformer_blocks.0.{table}": (1, frames, 320),
        f"down_blocks.3.motion_modules.0{inner}.norm.weight": (1280,),
    }
    rest = MOTION_PARAMETERS[has_middle] - 320 - 1280
    if has_middle:
        shapes[f"mid_block.motion_modules.0{inner}.norm.weight"] = (1280,)
        rest -= 1280
    shapes[f"up_blocks.0.motion_modules.0{inner}.rest"] = (rest,)
    return shapes


def lora(*, width: int = 768, style: str = "kohya") -> dict[str, tuple[int, ...]]:
    """Return the tensors of a LoRA with one pair in the UNet and one in the text encoder."""
    if style == "kohya":
        place = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
        text = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
        return {
            f"{place}.lora_down.weight": (4, width),
            f"{place}.lora_up.weight": (320, 4),
            f"{place}.alpha": (),
            f"{text}.lora_down.weight": (4, width),
            f"{text}.lora_up.weight": (width, 4),
            f"{text}.alpha": (),
        }
    place = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
    return {f"{place}.lora_A.weight": (4, width), f"{place}.lora_B.weight": (320, 4)}
