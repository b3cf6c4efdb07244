"""Builds the networks of the embedded model with fresh weights: real classes, small sizes."""

from typing import Any

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_motion_model import MotionAdapter, UNetMotionModel
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from training.shapes.networks.tokens import POSITIONS

TEXT_WIDTH = 64
TEXT_LAYERS = 12  # as in SD 1.5, so that clip_skip 1-12 means something
CHANNELS = (48, 96, 128)
LATENTS = 4
HEADS = 2
GROUPS = 8
MOTION_POSITIONS = 32  # as in the AnimateDiff v2 and v3 adapters
SIDE = 128


def text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """Return CLIP's text encoder, twelve narrow layers."""
    config: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": TEXT_WIDTH,
        "intermediate_size": 4 * TEXT_WIDTH,
        "num_hidden_layers": TEXT_LAYERS,
        "num_attention_heads": 4,
        "max_position_embeddings": POSITIONS,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return CLIPTextModel(CLIPTextConfig(**config))


def autoencoder(*, scaling_factor: float) -> AutoencoderKL:
    """Return a VAE that halves the sides three times, into four channels."""
    config: dict[str, Any] = {
        "block_out_channels": (16, 32, 32, 64),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "latent_channels": LATENTS,
        "norm_num_groups": GROUPS,
        "mid_block_add_attention": False,
        "sample_size": SIDE,
        "scaling_factor": scaling_factor,
    }
    return AutoencoderKL(**config)


def unet() -> UNet2DConditionModel:
    """Return the image model that the motion adapter is put into.

    The largest resolution has no attention: on 16x16 latents that is where the time would go.
    """
    config: dict[str, Any] = {
        "sample_size": SIDE // 8,
        "in_channels": LATENTS,
        "out_channels": LATENTS,
        "block_out_channels": CHANNELS,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "layers_per_block": 1,
        "cross_attention_dim": TEXT_WIDTH,
        "attention_head_dim": HEADS,
        "norm_num_groups": GROUPS,
    }
    return UNet2DConditionModel(**config)


def motion_adapter() -> MotionAdapter:
    """Return the motion modules; as in v3 there is none in the middle."""
    config: dict[str, Any] = {
        "block_out_channels": CHANNELS,
        "motion_layers_per_block": 1,
        "motion_num_attention_heads": HEADS,
        "motion_norm_num_groups": GROUPS,
        "motion_max_seq_length": MOTION_POSITIONS,
        "use_motion_mid_block": False,
    }
    return MotionAdapter(**config)


def video_unet(images: UNet2DConditionModel, motion: MotionAdapter) -> UNetMotionModel:
    """Return both in one, as the pipeline puts them together."""
    both: Any = UNetMotionModel.from_unet2d(images, motion)  # typed as if it could be a pair
    return both


def scheduler() -> DDIMScheduler:
    """Return the scheduler with AnimateDiff's betas, and with v-prediction."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="linear",
        clip_sample=False,
        steps_offset=1,
        timestep_spacing="linspace",
        prediction_type="v_prediction",
    )
