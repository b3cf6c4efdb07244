"""Reads init images as people upload them, and shows them to a model."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from providers.local.engine.ticket import RenderError
from providers.local.wire import FailureCode

PAPER = "white"  # shows through where an image is transparent


def read_image(path: Path, *, width: int, height: int) -> NDArray[np.uint8]:
    """Read an image, turn it as its camera was held, and cut its middle to a clip's shape.

    Returns:
        Height x width x RGB.

    Raises:
        RenderError: It cannot be read.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            fitted = ImageOps.fit(_opaque(upright), (width, height))
    except Exception as error:  # Pillow's readers raise errors of many kinds on broken files
        raise RenderError(FailureCode.BAD_IMAGE, "The init image cannot be read.") from error
    return np.array(fitted)


def encoded(pipe: Any, pixels: NDArray[np.uint8]) -> Tensor:  # noqa: ANN401 - diffusers' edge
    """Return the latents of an image: 1 x channels x height x width, in float32."""
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1
    latents = pipe.vae.encode(tensor.to(device=pipe.device, dtype=pipe.vae.dtype)).latent_dist
    # The likeliest latents, not drawn ones: the seed is for the noise alone.
    return latents.mode().float() * pipe.vae.config.scaling_factor


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        # 16 bits a pixel, which `convert` would cut off at 255 instead of scaling.
        grey = np.asarray(image, dtype=np.float64)
        highest = 65535 if image.mode.startswith("I") else max(1.0, float(grey.max()))
        image = Image.fromarray((grey * 255 / highest).clip(0, 255).round().astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB")
    sheet = Image.new("RGBA", image.size, PAPER)
    return Image.alpha_composite(sheet, image.convert("RGBA")).convert("RGB")
