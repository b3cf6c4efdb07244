"""The noise: SD's betas, v-prediction, and how often each level is trained on."""

import torch
from torch import Tensor

STEPS = 1000
BETA_START, BETA_END = 0.00085, 0.012
EARLY = 750.0  # from here on the noise hides the figure: its path comes from the caption alone
BLIND = 800.0  # from here on not even all frames together show where it is
LATE = (450.0, 200.0)  # mean and spread of the levels where its outline is decided
OUTLINES = (430.0, 170.0)  # the same, when the outlines are all that is left to learn


def signal_and_noise(times: Tensor) -> tuple[Tensor, Tensor]:
    """Return what share of a noisy latent is picture and what is noise; their squares make 1."""
    betas = torch.linspace(BETA_START, BETA_END, STEPS, dtype=torch.float64)
    kept = (1 - betas).cumprod(0).to(times.device)[times].float()
    return kept.sqrt(), (1 - kept).sqrt()


def draw_times(count: int, generator: torch.Generator) -> Tensor:
    """Draw noise levels: some early, some late, and every fifth anywhere."""
    chance = torch.rand(count, generator=generator)
    even = torch.rand(count, generator=generator)
    early = EARLY + (STEPS - EARLY) * even
    late = LATE[0] + LATE[1] * torch.randn(count, generator=generator)
    times = torch.where(chance < 0.4, early, late)
    return torch.where(chance > 0.8, STEPS * even, times).clamp(0, STEPS - 1).long()


def draw_outline_times(count: int, generator: torch.Generator) -> Tensor:
    """Draw noise levels: seven of ten where outlines are decided, so that paths are only kept."""
    chance = torch.rand(count, generator=generator)
    even = torch.rand(count, generator=generator)
    times = OUTLINES[0] + OUTLINES[1] * torch.randn(count, generator=generator)
    times = torch.where(chance < 0.2, EARLY + (STEPS - EARLY) * even, times)
    return torch.where(chance > 0.9, STEPS * even, times).clamp(0, STEPS - 1).long()


def draw_early_times(count: int, generator: torch.Generator) -> Tensor:
    """Draw noise levels at which nothing but the caption tells where a figure is."""
    return (BLIND + (STEPS - BLIND) * torch.rand(count, generator=generator)).long()


def noisy(clean: Tensor, noise: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
    """Return the noisy latents and the velocity to be predicted.

    The velocity is that of Salimans & Ho 2022 (arXiv:2202.00512).
    """
    signal, spread = (each.view(-1, *(1,) * (clean.ndim - 1)) for each in signal_and_noise(times))
    return signal * clean + spread * noise, signal * noise - spread * clean
