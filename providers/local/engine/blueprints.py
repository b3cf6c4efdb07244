"""Says what a pipeline's modules look like before they hold weights, and builds them.

Two checkpoints of one shape are the same modules with other numbers in them; whether they are
is decided here, by all of their settings with the defaults filled in.
"""

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import torch
from accelerate import init_empty_weights
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_motion_model import MotionAdapter, UNetMotionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from providers.local.engine.checkpoints import Checkpoint, Motion, State
from providers.local.library.weights import BrokenFileError

# Settings that change nothing of what the engine does: notes of the libraries, default sizes,
# and what only CLIP's pooled answer needs.
IDLE_SETTINGS = frozenset(
    {
        *("sample_size", "dtype", "torch_dtype", "transformers_version", "architectures"),
        *("projection_dim", "bos_token_id", "eos_token_id", "pad_token_id"),
    }
)
TITLES = {"unet": "UNet", "text_encoder": "text encoder", "vae": "VAE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """A module without weights.

    Attributes:
        part: `unet`, `text_encoder` or `vae`.
        given: Its settings as they were read, JSON; the UNet's and the motion module's.
        settings: All of its settings, JSON; equal for modules of one shape.
        shapes: What it holds, by name.
        tables: What of it can be computed if a file leaves it out: tables of positions.
    """

    part: str
    given: str
    settings: str
    shapes: Mapping[str, torch.Size]
    tables: State

    def build(self) -> nn.Module:
        """Build the module; its weights are on the meta device."""
        return _empty(self.part, self.given)

    def fit(self, state: State) -> State:
        """Return exactly what the module holds.

        Raises:
            BrokenFileError: Something is missing or of another shape.
        """
        fitted = {name: state.get(name, self.tables.get(name)) for name in self.shapes}
        lost = sum(tensor is None for tensor in fitted.values())
        if lost:
            raise BrokenFileError(
                f"its {TITLES[self.part]} lacks {lost} of {len(self.shapes)} weights"
            )
        for name, tensor in fitted.items():
            if cast("Tensor", tensor).shape != self.shapes[name]:
                raise BrokenFileError(f"its {TITLES[self.part]} has another shape, in {name}")
        return cast("State", fitted)


def blueprints(checkpoint: Checkpoint, motion: Motion | None) -> dict[str, Blueprint]:
    """Return what a model with a motion module is built of, by part.

    Args:
        checkpoint: The model.
        motion: None if the model's UNet holds one.

    Raises:
        BrokenFileError: The settings fit no module, or those of the two do not fit together.
    """
    found: dict[str, Blueprint] = {}
    for part, title in TITLES.items():
        config = checkpoint.configs[part]
        given = [config, motion.config] if part == "unet" and motion is not None else [config]
        try:
            found[part] = _drawn(part, json.dumps(given, sort_keys=True))
        except Exception as error:  # strangers' settings may break a constructor anywhere
            raise BrokenFileError(f"its {title} cannot be built") from error
    return found


@lru_cache(maxsize=16)
def _drawn(part: str, given: str) -> Blueprint:
    module: Any = _empty(part, given)
    state = module.state_dict()
    config = module.config.to_dict() if part == "text_encoder" else dict(module.config)
    relevant = {
        name: value
        for name, value in config.items()
        if not name.startswith("_") and name not in IDLE_SETTINGS
    }
    return Blueprint(
        part=part,
        given=given,
        settings=json.dumps(relevant, sort_keys=True, default=str),
        shapes={name: tensor.shape for name, tensor in state.items()},
        tables={name: tensor for name, tensor in state.items() if not tensor.is_meta},
    )


def _empty(part: str, given: str) -> nn.Module:
    configs = json.loads(given)
    with init_empty_weights(include_buffers=False):
        if part == "text_encoder":
            return CLIPTextModel(CLIPTextConfig.from_dict(configs[0]))
        if part == "vae":
            return cast("nn.Module", AutoencoderKL.from_config(configs[0]))
        return _empty_unet(*configs)


def _empty_unet(config: dict[str, Any], motion: dict[str, Any] | None = None) -> nn.Module:
    if config.get("_class_name") == "UNetMotionModel":
        if motion is None:
            return cast("nn.Module", UNetMotionModel.from_config(config))
        config = _still(config)
    if motion is None:
        raise BrokenFileError("there is no motion module")
    unet: Any = UNet2DConditionModel.from_config(config)
    adapter: Any = MotionAdapter.from_config(motion)
    return cast("nn.Module", UNetMotionModel.from_unet2d(unet, adapter, load_weights=False))


def _still(config: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the image UNet that a UNet with motion was made from."""
    known = inspect.signature(UNet2DConditionModel.__init__).parameters
    still = {name: value for name, value in config.items() if name in known}
    for key in ("down_block_types", "up_block_types"):
        still[key] = [kind.replace("Motion", "2D") for kind in config[key]]
    # What the image UNet calls the size of a head has always been the number of heads.
    still["attention_head_dim"] = still.pop("num_attention_heads")
    return still
