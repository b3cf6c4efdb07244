"""Reads textual inversions: words that a text encoder was taught after the model was made.

The trainers write one tensor of vectors x width under a name of their own; diffusers the word
itself, the web UI `emb_params`, or what its older pickles held, `string_to_param`, and ComfyUI
`clip_l`.
"""

from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from providers.local.library.weights import BrokenFileError, check_weights

NAMES = ("emb_params", "string_to_param.*", "string_to_param", "clip_l")
SDXL = "clip_g"  # the second text encoder's, which SD 1.x has not
MOST_VECTORS = 75  # tokens of a prompt


def read_inversion(path: Path, *, width: int) -> Tensor:
    """Read a textual inversion.

    Args:
        path: A safetensors file.
        width: Channels of the text encoder.

    Returns:
        Vectors x width.

    Raises:
        BrokenFileError: It is none, or for another text encoder.
    """
    check_weights(path, path.name)
    with safe_open(path, framework="pt") as file:
        tensors: dict[str, Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    vectors = _vectors(tensors)
    if vectors.ndim == 1:
        vectors = vectors[None]
    if vectors.ndim != 2 or not vectors.is_floating_point():
        raise BrokenFileError("it is no textual inversion")
    if vectors.shape[1] != width:
        raise BrokenFileError(f"it is {vectors.shape[1]} wide, and this model's words are {width}")
    if not 1 <= len(vectors) <= MOST_VECTORS:
        raise BrokenFileError(f"it has {len(vectors)} vectors; 1 to {MOST_VECTORS} fit a prompt")
    return vectors.clone()  # what the file lends ends with it


def _vectors(tensors: dict[str, Tensor]) -> Tensor:
    if SDXL in tensors:
        raise BrokenFileError("it is for SDXL, and the engine takes SD 1.x")
    for name in NAMES:
        if name in tensors:
            return tensors[name]
    if len(tensors) != 1:
        raise BrokenFileError("it is no textual inversion")
    return next(iter(tensors.values()))
