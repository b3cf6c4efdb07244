"""How alike two renders are, in dB: of the frames, which people see, and of the latents."""

from math import inf, log10
from typing import Any

import numpy as np

from providers.local.engine.encode import Frames


def psnr(one: Frames, other: Frames) -> float:
    """Return the likeness of frames in dB, at most 100, which is equality."""
    error = float(np.mean((one.astype(float) - other.astype(float)) ** 2))
    return round(min(100.0, 10 * log10(255**2 / error)), 1) if error else 100.0


def latents_db(one: Any, other: Any) -> float:  # noqa: ANN401 - tensors; torch's arithmetic is Any
    """Return how far the difference lies below the latents, in dB, at most 150."""
    error, signal = float((one - other).square().mean()), float(other.square().mean())
    ratio = signal / error if error else inf
    return round(min(150.0, 10 * log10(ratio)), 1) if ratio < inf else 150.0
