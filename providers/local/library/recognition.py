"""Recognises what a safetensors file is by the names and shapes of its tensors.

What only looks like it fits, a checkpoint of another base or one that lacks its VAE, is refused
here with one sentence, long before a worker would stumble over it. No torch here.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from math import prod

from providers.local.library.adapter_files import read_embedding, read_lora
from providers.local.library.families import Family, Found, MotionKind, base_of_width
from providers.local.library.headers import Header
from providers.local.library.taggings import title_of, trigger_words_of
from providers.local.library.weights import BrokenFileError

UNET = "model.diffusion_model."
CONV_IN = f"{UNET}input_blocks.0.0.weight"


class Part(StrEnum):
    """What a checkpoint has to hold."""

    UNET = "UNet"
    VAE = "VAE"
    TEXT_ENCODER = "text encoder"


PREFIXES: Mapping[Part, tuple[str, ...]] = {
    Part.UNET: (UNET,),
    Part.VAE: tuple(
        f"first_stage_model.{name}."
        for name in ("encoder", "decoder", "quant_conv", "post_quant_conv")
    ),
    Part.TEXT_ENCODER: tuple(
        f"cond_stage_model.transformer.text_model.{name}."
        for name in ("embeddings", "encoder", "final_layer_norm")
    ),
}
# Counted over the published configs (configs/README.md).
PARAMETERS: Mapping[Part, int] = {
    Part.UNET: 859_520_964,
    Part.VAE: 83_653_863,
    Part.TEXT_ENCODER: 123_060_480,
}
MOTION_PARAMETERS: Mapping[bool, int] = {True: 453_209_280, False: 417_137_600}  # with a mid block
POSITIONS = 32  # frames that v2, v3, AnimateLCM and Lightning know; v1 knows 24
WRONG_INPUTS = {9: "an inpainting model", 8: "a model that edits pictures"}


def recognise(header: Header, name: str) -> Found:
    """Return what a file is.

    Args:
        header: Of the file.
        name: What to call it in the message; also says which motion module it is.

    Raises:
        BrokenFileError: It is nothing that Flipbook can use; the message says what it looks like.
    """
    keys = header.shapes.keys()
    if any(key.startswith((UNET, "conditioner.embedders.")) for key in keys):
        return _checkpoint(header, name)
    if _is_lora(header):
        return read_lora(header, name)
    if any(".motion_modules." in key for key in keys) and "conv_in.weight" not in keys:
        return _motion(header, name)
    for is_it, what in STRANGERS:
        if is_it(header):
            raise BrokenFileError(f"{name} {what}")
    return read_embedding(header, name)


def _is_lora(header: Header) -> bool:
    marks = ("lora_", ".lora.", "hada_w", "lokr_w", "dora_scale", ".oft_", "_lora.")
    return any(mark in key for key in header.shapes for mark in marks)


def _has(start: str) -> Callable[[Header], bool]:
    return lambda header: any(key.startswith(start) for key in header.shapes)


STRANGERS: tuple[tuple[Callable[[Header], bool], str], ...] = (
    (_has("control_model."), "is a ControlNet, which Flipbook does not use"),
    (_has("controlnet_"), "is a ControlNet, which Flipbook does not use"),
    (
        _has("down_blocks."),
        "is a UNet alone; add the whole diffusers folder that it belongs to",
    ),
    (_has("decoder."), "is a VAE alone; add a checkpoint or a diffusers folder that holds it"),
    (_has("text_model."), "is a text encoder alone; add the folder that it belongs to"),
    (_has("double_blocks."), "was made for Flux, not for Stable Diffusion 1.5"),
    (_has("joint_blocks."), "was made for Stable Diffusion 3, not for Stable Diffusion 1.5"),
)


# Checkpoints


def _checkpoint(header: Header, name: str) -> Found:
    _check_base(header, name)
    missing = [
        part.value
        for part, prefixes in PREFIXES.items()
        if not any(key.startswith(prefixes) for key in header.shapes)
    ]
    if missing:
        raise BrokenFileError(f"{name} lacks its {' and its '.join(missing)}")
    for part, prefixes in PREFIXES.items():
        count = _parameters(header, prefixes)
        if count != PARAMETERS[part]:
            raise BrokenFileError(
                f"{name} is no whole checkpoint: its {part} has {_millions(count)} parameters, "
                f"that of Stable Diffusion 1.5 has {_millions(PARAMETERS[part])}"
            )
    has_copy = any(key.startswith("model_ema.") for key in header.shapes)
    return Found(
        family=Family.CHECKPOINT,
        layout="original layout",
        width=768,
        parts=tuple(PREFIXES),
        notes=("it also holds training's averages, which are not used",) if has_copy else (),
        tensors=len(header.shapes),
        trigger_words=trigger_words_of(header.metadata),
        title=title_of(header.metadata),
    )


def _check_base(header: Header, name: str) -> None:
    """Refuse checkpoints of another base.

    Raises:
        BrokenFileError: It is one.
    """
    base = _foreign_base(header)
    if base:
        raise BrokenFileError(f"{name} was made for {base}, not for Stable Diffusion 1.5")
    shape = header.shapes.get(CONV_IN, ())
    if len(shape) == 4 and shape[1] in WRONG_INPUTS:
        raise BrokenFileError(f"{name} is {WRONG_INPUTS[shape[1]]}, which AnimateDiff cannot use")


def _foreign_base(header: Header) -> str:
    """Return the name of the base, or "" where nothing speaks against SD 1.5."""
    keys = header.shapes
    for mark, base in (
        ("conditioner.embedders.", "Stable Diffusion XL"),
        (f"{UNET}joint_blocks.", "Stable Diffusion 3"),
        (f"{UNET}double_blocks.", "Flux"),
        ("cond_stage_model.model.", "Stable Diffusion 2"),
    ):
        if any(key.startswith(mark) for key in keys):
            return base
    widths = [
        shape[1]
        for key, shape in keys.items()
        if key.startswith(UNET) and key.endswith("attn2.to_k.weight") and len(shape) == 2
    ]
    return base_of_width(widths[0]) if widths and widths[0] != 768 else ""


def _parameters(header: Header, prefixes: tuple[str, ...]) -> int:
    return sum(
        prod(shape)
        for key, shape in header.shapes.items()
        if key.startswith(prefixes) and not key.endswith("position_ids")
    )


# Motion modules


def _motion(header: Header, name: str) -> Found:
    modules = {
        key.removeprefix("module."): shape  # as a trainer on several devices saves it
        for key, shape in header.shapes.items()
        if ".motion_modules." in key
    }
    tables = {key: shape for key, shape in modules.items() if key.endswith(".pe")}
    lengths = {shape[1] for shape in tables.values() if len(shape) == 3}
    has_middle = any(key.startswith("mid_block.") for key in modules)
    if not any(key.startswith("down_blocks.3.") for key in modules):
        raise BrokenFileError(f"{name} is a motion module for Stable Diffusion XL, not for 1.5")
    if lengths and lengths != {POSITIONS}:
        raise BrokenFileError(
            f"{name} is a motion module for {max(lengths)} frames (v1); "
            "use v2, v3, AnimateLCM or AnimateDiff-Lightning"
        )
    count = sum(prod(shape) for key, shape in modules.items() if key not in tables)
    if count != MOTION_PARAMETERS[has_middle]:
        raise BrokenFileError(
            f"{name} is no whole motion module: it has {_millions(count)} parameters, "
            f"not {_millions(MOTION_PARAMETERS[has_middle])}"
        )
    is_original = any(".temporal_transformer." in key for key in modules)
    return Found(
        family=Family.MOTION,
        layout="original layout" if is_original else "diffusers layout",
        motion=motion_kind(name, has_middle=has_middle),
        tensors=len(header.shapes),
        title=title_of(header.metadata),
    )


def motion_kind(name: str, *, has_middle: bool) -> MotionKind:
    """Return which motion module it is.

    Whether there is one in the middle block shows in the file; that it was distilled shows in
    its name alone, because the shapes are the same.
    """
    plain = name.lower()
    if "lightning" in plain and has_middle:
        return MotionKind.LIGHTNING
    if "lcm" in plain and not has_middle:
        return MotionKind.LCM
    return MotionKind.V2 if has_middle else MotionKind.V3


def _millions(count: int) -> str:
    return f"{count / 1e6:.1f} M" if count >= 1e5 else str(count)
