"""Builds the embedded model `shapes` while there is no trained one: random weights, real format.

`python -m providers.local.placeholder OUT_DIR` writes the same bytes each time: a folder as
`AnimateDiffPipeline.from_pretrained` reads it, a tokenizer of single bytes, and every part small
enough for a CPU. Its pictures are noise; everything around them is the real code.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_motion_model import MotionAdapter
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

SEED = 20260101
TOKENS = 77  # positions of CLIP's text encoder
TEXT_WIDTH = 64
LAYERS = 12  # as in SD 1.5, so that clip_skip 1-12 means something
CHANNELS = (32, 64, 96)
GROUPS = 8
MOTION_POSITIONS = 32  # as in the AnimateDiff v2 and v3 adapters
START, END = "<|startoftext|>", "<|endoftext|>"

MODEL_INDEX = {
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
FLIPBOOK = {
    "title": "Shapes",
    "trained": False,
    "defaults": {
        "width": 128,
        "height": 128,
        "frames": 16,
        "fps": 8,
        "steps": 12,
        "guidance_scale": 4.0,
    },
    "min_side": 128,
    "max_side": 256,
    "note": "This model is untrained: its pictures are noise.",
}


def main() -> None:
    """Build the model into the folder named on the command line, or leave the one there."""
    parser = argparse.ArgumentParser(prog="python -m providers.local.placeholder")
    parser.add_argument("out", type=Path)
    build(parser.parse_args().out)


def build(out: Path) -> None:
    """Write the model's folder, all of it or nothing; a folder that is there already stays."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        write_model(part)
        part.chmod(0o755)
        part.rename(out)
    except OSError:
        if not (out / "model_index.json").is_file():  # else somebody else was faster
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_model(folder: Path) -> None:
    """Write every part of the model; the weights depend on nothing but `SEED`."""
    tokenizer = byte_tokenizer()
    tokenizer.save_pretrained(folder / "tokenizer")
    scheduler().save_pretrained(folder / "scheduler")
    torch.manual_seed(SEED)
    text_encoder(tokenizer).save_pretrained(folder / "text_encoder")
    autoencoder().save_pretrained(folder / "vae")
    unet().save_pretrained(folder / "unet")
    motion_adapter().save_pretrained(folder / "motion_adapter")
    _write_json(folder / "model_index.json", MODEL_INDEX)
    _write_json(folder / "flipbook.json", FLIPBOOK)


def byte_tokenizer() -> CLIPTokenizer:
    """Return a tokenizer of CLIP's layout without merges: each byte is a token."""
    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(f"{letter}</w>" for letter in letters), START, END]
    # By file names the vocabulary would silently be lost (transformers 5): pass the values.
    return CLIPTokenizer(
        vocab={word: number for number, word in enumerate(words)},
        merges=[],
        model_max_length=TOKENS,
    )


def text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Return CLIP's text encoder, twelve narrow layers."""
    config: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 4 * TEXT_WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "max_position_embeddings": TOKENS,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return CLIPTextModel(CLIPTextConfig(**config))


def autoencoder() -> AutoencoderKL:
    """Return a VAE that halves the sides three times, into four channels."""
    config: dict[str, Any] = {
        "block_out_channels": (16, 32, 32, 64),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "latent_channels": 4,
        "norm_num_groups": GROUPS,
        "mid_block_add_attention": False,
        "sample_size": 128,
    }
    return AutoencoderKL(**config)


def unet() -> UNet2DConditionModel:
    """Return the image model that the motion adapter is put into."""
    config: dict[str, Any] = {
        "sample_size": 16,
        "block_out_channels": CHANNELS,
        "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        "layers_per_block": 1,
        "cross_attention_dim": TEXT_WIDTH,
        "attention_head_dim": 4,
        "norm_num_groups": GROUPS,
    }
    return UNet2DConditionModel(**config)


def motion_adapter() -> MotionAdapter:
    """Return the motion modules; as in v3 there is none in the middle."""
    config: dict[str, Any] = {
        "block_out_channels": CHANNELS,
        "motion_layers_per_block": 1,
        "motion_num_attention_heads": 4,
        "motion_norm_num_groups": GROUPS,
        "motion_max_seq_length": MOTION_POSITIONS,
        "use_motion_mid_block": False,
    }
    return MotionAdapter(**config)


def scheduler() -> DDIMScheduler:
    """Return the scheduler with AnimateDiff's settings."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="linear",
        clip_sample=False,
        steps_offset=1,
        timestep_spacing="linspace",
    )


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")


if __name__ == "__main__":
    main()
