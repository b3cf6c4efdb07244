"""Reads LoRA files of any trainer, and works out what each adds to a weight.

A LoRA says for some layers: add strength x alpha / rank x up x down. Trainers write the layers'
names in three ways: kohya's (`lora_unet_down_blocks_0_...`, dots lost), diffusers' and peft's.
All are brought to the names of our modules; convolutions and motion modules are layers as others.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from providers.local.library.weights import BrokenFileError, check_weights

logger = logging.getLogger(__name__)

Target = tuple[str, str]  # part, name of a weight in it

# What a name ends in, and what that tensor is.
ENDS = re.compile(
    r"(?:[._]lora(?:_linear_layer)?|\.lora_linear_layer)?"
    r"[._](?:(?P<alpha>alpha)|(?:lora_)?(?P<kind>down|up|mid|A|B)(?:\.default)?\.weight)$"
)
KINDS = {"A": "down", "B": "up"}
OTHERS = {  # what is no plain sum of two matrices
    "dora_scale": "a DoRA",
    "lora_magnitude_vector": "a DoRA",
    "hada_w": "a LoHa",
    "lokr_w": "a LoKr",
    "oft_": "an OFT",
}
# Prefixes of names with dots, and of kohya's (kohya-ss/sd-scripts, networks/lora.py).
DOTTED = {"unet.": "unet", "text_encoder.": "text_encoder"}
FLAT = {"lora_unet_": "unet", "lora_te_": "text_encoder", "lora_te1_": "text_encoder"}
METADATA = "lora_adapter_metadata"  # diffusers.utils.LORA_ADAPTER_METADATA_KEY


@dataclass(slots=True, kw_only=True)
class Layer:
    """What a LoRA says of one layer; `down` and `up` there, `mid` of a convolution's core."""

    alpha: float | None = None
    tensors: dict[str, Tensor]

    def delta(self, shape: torch.Size, device: torch.device) -> Tensor:
        """Return what is added at strength 1, in float32.

        Raises:
            BrokenFileError: It is for a layer of another shape.
        """
        if not {"down", "up"} <= self.tensors.keys():
            raise BrokenFileError("half of a layer is missing")
        given = {kind: tensor.to(device, torch.float32) for kind, tensor in self.tensors.items()}
        down, up, mid = given["down"], given["up"].flatten(1), given.get("mid")
        if mid is not None:  # LyCORIS' "tucker": the core of the convolution stands alone
            down = torch.einsum("rskl,si->rikl", mid, down.flatten(1))
        if (up.shape[0], down[0].numel()) != (shape[0], shape[1:].numel()):
            raise BrokenFileError("a layer has another shape")
        rank = self.tensors["down"].shape[0]
        scale = 1.0 if self.alpha is None else self.alpha / rank
        return (up @ down.flatten(1)).reshape(shape) * scale


def read_lora(path: Path, modules: Mapping[str, nn.Module]) -> dict[Target, Layer]:
    """Read a LoRA.

    Args:
        path: A safetensors file.
        modules: The UNet and the text encoder that it is for, as `unet` and `text_encoder`.

    Returns:
        Its layers by the weight that each is for; those that the modules lack are left out.

    Raises:
        BrokenFileError: It is no LoRA, of a kind that cannot be added, or for another base.
    """
    check_weights(path, path.name)
    with safe_open(path, framework="pt") as file:
        tensors: dict[str, Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        notes: Mapping[str, str] = file.metadata() or {}
    for sign, kind in OTHERS.items():
        if any(sign in key for key in tensors):
            raise BrokenFileError(f"it is {kind}, not a plain LoRA")
    layers = _found(_layers(tensors, notes), _Names(modules))
    for (part, name), layer in layers.items():
        weight = modules[part].get_parameter(name)
        layer.delta(weight.shape, torch.device("meta"))  # shapes alone: it costs nothing
    return layers


def _found(read: Mapping[str, Layer], names: "_Names") -> dict[Target, Layer]:
    """Give the layers the names of this model's.

    Raises:
        BrokenFileError: Most are not this model's. All of them would be too much to ask for: the
            text encoder of SD 1.x is also one of SDXL's two, and its layers fit.
    """
    found: dict[Target, Layer] = {}
    for place, layer in read.items():
        target = names.find(place)
        if target is not None:
            found[target] = layer
    if 2 * len(found) <= len(read):
        count = f"{len(found)} of its {len(read)} layers are" if found else "no layer of it is"
        raise BrokenFileError(f"{count} in this model")
    if len(found) < len(read):
        logger.warning("%d of %d layers of a LoRA are unknown", len(read) - len(found), len(read))
    return found


def _layers(tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> dict[str, Layer]:
    """Gather the tensors of each layer, by the layer's name as the file writes it."""
    layers: dict[str, Layer] = {}
    for key, tensor in tensors.items():
        end = ENDS.search(key)
        if end is None:
            continue
        layer = layers.setdefault(key[: end.start()], Layer(tensors={}))
        if end["alpha"]:
            layer.alpha = float(tensor)
        else:
            layer.tensors[KINDS.get(end["kind"], end["kind"])] = tensor
    for place, alpha in _noted_alphas(layers, notes):
        if layers[place].alpha is None:
            layers[place].alpha = alpha
    return layers


def _noted_alphas(
    layers: Mapping[str, Layer], notes: Mapping[str, str]
) -> Iterator[tuple[str, float]]:
    """Read the alphas of a file that peft wrote, which keeps them in its notes."""
    if METADATA not in notes:
        return
    try:
        noted: dict[str, Any] = json.loads(notes[METADATA])
        for place, layer in layers.items():
            part, _, name = place.partition(".")
            special: dict[str, float] = noted.get(f"{part}.alpha_pattern") or {}
            own = (special[end] for end in special if f".{name}".endswith(f".{end}"))
            alpha = next(own, noted.get(f"{part}.lora_alpha"))
            if alpha is not None:
                rank = len(layer.tensors["down"]) if noted.get(f"{part}.use_rslora") else 1
                yield place, float(alpha) * rank**0.5  # rsLoRA divides by the root of the rank
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise BrokenFileError("its notes cannot be read") from error


class _Names:
    """Finds the weight that a name in a file means."""

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self._known: dict[Target, Target] = {}
        self._flat: dict[Target, Target] = {}
        for part in ("unet", "text_encoder"):
            for name, module in modules[part].named_modules():
                if isinstance(module, nn.Linear | nn.Conv2d):
                    target = (part, f"{name}.weight")
                    self._known[part, name] = target
                    self._flat[part, name.replace(".", "_")] = target

    def find(self, place: str) -> Target | None:
        """Return the weight of a layer, None if it is not ours."""
        for prefix, part in FLAT.items():
            if place.startswith(prefix):
                name = place.removeprefix(prefix).removeprefix("text_model_")
                return self._flat.get((part, name))
        part, name = "unet", place.removeprefix("base_model.model.")
        for prefix, named in DOTTED.items():
            if name.startswith(prefix):
                part, name = named, name.removeprefix(prefix)
                break
        name = name.removeprefix("base_model.model.").removeprefix("text_model.")
        return self._known.get((part, _today(name, part)))


def _today(name: str, part: str) -> str:
    """Bring the names that diffusers wrote until 0.22 (`attn1.processor.to_q_lora`) to today's."""
    name = name.replace(".processor.", ".")
    if part == "unet":
        return f"{name}.0" if name.endswith(".to_out") else name
    for old, today in (("to_q", "q_proj"), ("to_k", "k_proj"), ("to_v", "v_proj")):
        name = name.removesuffix(old) + today if name.endswith(f".{old}") else name
    return f"{name.removesuffix('to_out')}out_proj" if name.endswith(".to_out") else name
