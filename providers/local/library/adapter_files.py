"""Recognises LoRAs and textual inversions, in their layouts, and for which base they are."""

import re

from providers.local.library.families import Family, Found, base_of_width
from providers.local.library.headers import Header
from providers.local.library.taggings import title_of, trigger_words_of
from providers.local.library.weights import BrokenFileError

KOHYA = re.compile(r"lora_(unet|te\d?)_")
UNET_NAMES = re.compile(r"(?:down|up|mid|input|output|middle)_blocks?[._]")
TEXT_NAMES = re.compile(r"^(?:lora_te|text_encoder|text_model)[._]")
SDXL_NAMES = re.compile(r"^(?:lora_te[12]_|text_encoder_2\.)")
CROSS = re.compile(r"attn2[._](?:processor\.)?to_[kv]")
TEXT_INPUT = re.compile(r"self_attn[._](?:q|k|v)_proj")
DOWN = re.compile(r"(?:lora_down|lora_A|lora\.down|_lora\.down)\.(?:default\.)?weight$")
UP = re.compile(r"(?:lora_up|lora_B|lora\.up|_lora\.up)\.(?:default\.)?weight$")
KINDS_OF_ITS_OWN = ("hada_w", "lokr_w", ".oft_", "dora_scale")


def read_lora(header: Header, name: str) -> Found:
    """Return what is known of a LoRA.

    Raises:
        BrokenFileError: It is incomplete, of another kind, or acts on no SD 1.5 UNet.
    """
    keys = header.shapes.keys()
    if any(mark in key for key in keys for mark in KINDS_OF_ITS_OWN):
        raise BrokenFileError(f"{name} is a LyCORIS or DoRA file; only plain LoRAs are taken")
    downs = [key for key in keys if DOWN.search(key)]
    ups = [key for key in keys if UP.search(key)]
    if len(downs) != len(ups) or not downs:
        raise BrokenFileError(f"{name} is no whole LoRA: half of some pair is missing")
    if any(SDXL_NAMES.match(key) for key in keys):
        raise BrokenFileError(_wrong_base(name, "Stable Diffusion XL"))
    parts = _parts(downs)
    if not parts:
        raise BrokenFileError(f"{name} is a LoRA of another family, not of Stable Diffusion 1.5")
    return Found(
        family=Family.LORA,
        layout="kohya layout" if any(KOHYA.match(key) for key in keys) else "diffusers layout",
        width=_width(header, downs),
        parts=parts,
        is_lcm=_is_lcm(header, name),
        tensors=len(keys),
        trigger_words=trigger_words_of(header.metadata),
        title=title_of(header.metadata),
    )


def read_embedding(header: Header, name: str) -> Found:
    """Return what is known of a textual inversion.

    Its layouts: A1111's `emb_params`, `string_to_param` of older trainers, and diffusers', where
    the one tensor is called as its token.

    Raises:
        BrokenFileError: It is none.
    """
    keys = header.shapes
    if {"clip_g", "clip_l"} & keys.keys():
        raise BrokenFileError(_wrong_base(name, "Stable Diffusion XL"))
    older = [key for key in keys if key == "*" or key.startswith("string_to_param")]
    names = [key for key in ("emb_params",) if key in keys] or older
    layout = "A1111 layout" if names else "diffusers layout"
    names = names or list(keys)
    shape: tuple[int, ...] = keys[names[0]] if len(names) == 1 else ()
    if len(shape) not in (1, 2) or 0 in shape:
        raise BrokenFileError(
            f"{name} is no checkpoint, motion module, LoRA or embedding that Flipbook knows"
        )
    return Found(
        family=Family.EMBEDDING,
        layout=layout,
        width=shape[len(shape) - 1],
        vectors=shape[0] if len(shape) == 2 else 1,
        tensors=len(keys),
        title=title_of(header.metadata),
    )


def misfit(found: Found, width: int) -> str:
    """Say why an adapter does not fit a model, or "" if nothing speaks against it.

    Args:
        found: What it is.
        width: Of the model's tokens.
    """
    if found.width is None or found.width == width:
        return ""
    what = "an embedding" if found.family is Family.EMBEDDING else "a LoRA"
    return f"is {what} for {base_of_width(found.width)}"


def _wrong_base(name: str, base: str) -> str:
    return f"{name} was made for {base}, not for Stable Diffusion 1.5"


def _parts(downs: list[str]) -> tuple[str, ...]:
    is_text = [bool(TEXT_NAMES.match(key)) for key in downs]
    acts = {
        "UNet": any(
            UNET_NAMES.search(key) for key, text in zip(downs, is_text, strict=True) if not text
        ),
        "text encoder": any(is_text),
        "motion": any("motion_modules" in key for key in downs),
    }
    return tuple(part for part, does in acts.items() if does)


def _width(header: Header, downs: list[str]) -> int | None:
    """Return the width of the tokens that its matrices take, where one of them shows it."""
    for pattern in (CROSS, TEXT_INPUT):
        for key in downs:
            shape = header.shapes[key]
            if pattern.search(key) and len(shape) >= 2:
                return shape[1]
    return None


def _is_lcm(header: Header, name: str) -> bool:
    told = " ".join((name, *(header.metadata.get(key, "") for key in ("modelspec.title",))))
    return "lcm" in told.lower()
