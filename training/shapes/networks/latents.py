"""Says what a latent is: the picture itself, small, and where its edges run.

A free VAE hides the picture in a code that a small denoiser takes very long to learn. Here the code
is given, so that it costs nothing to make and says what it means: three channels are the picture
averaged over 8x8 pixels, the fourth tells upright edges (positive) from level ones (negative). The
decoder learns the rest; the encoder learns to give this code (`vae`).
"""

import torch
from torch import Tensor

CELL = 8  # pixels a latent stands for, in each direction
COLOUR_SPREAD = 0.7  # standard deviation of the averaged colours, -1 to 1, measured on clips
EDGE_SPREAD = (
    0.3  # of the edge channel: large enough to be heard, small enough not to drown the rest
)

SCALING_FACTOR = 1 / COLOUR_SPREAD


def latents_of(pixels: Tensor) -> Tensor:
    """Return the scaled latents of pictures.

    Args:
        pixels: Shape (..., 3, height, width), 0-1; the sides are multiples of a cell, and a cell
            may hold fewer pixels than 8x8: pictures drawn smaller have the same latents.

    Returns:
        Shape (..., 4, height / cell, width / cell), with a spread of about one.
    """
    cell = pixels.shape[-1] // 16
    *lead, _, height, width = pixels.shape
    rows, columns = height // cell, width // cell
    half = cell // 2
    values = pixels.reshape(-1, 3, rows, 2, half, columns, 2, half).mean(dim=(4, 7)) * 2 - 1
    colours = values.mean(dim=(3, 5))
    top, bottom = values.mean(dim=5).unbind(3)
    left, right = values.mean(dim=3).unbind(-1)
    edges = ((left - right).abs() - (top - bottom).abs()).mean(dim=1, keepdim=True)
    together = torch.cat([colours / COLOUR_SPREAD, edges / EDGE_SPREAD], dim=1)
    return together.reshape(*lead, 4, rows, columns)
