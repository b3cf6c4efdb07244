"""A denoiser that knows the picture, in place of a UNet: any correct sampler must land on it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from jobs.request import ResolvedRequest, Scheduler
from providers.local.engine import schedulers
from providers.local.engine.sampling import States, sample
from providers.local.engine.ticket import Ticket
from providers.local.wire import Advanced, Stage
from tests.factories import make_request

FRAMES, SIDE = 8, 48  # pixels; an eighth in latents


class Oracle(torch.nn.Module):
    """Predicts the noise of what it sees, if the picture is one of a known normal distribution.

    Args:
        picture: Its mean, 1 x channels x frames x height x width.
        spread: Its standard deviation; at 0 there is just the one picture.
        kind: `epsilon` or `v_prediction`.
    """

    def __init__(self, picture: Tensor, *, spread: float = 0.0, kind: str = "epsilon") -> None:
        super().__init__()
        kept = torch.cumprod(1 - torch.linspace(0.00085, 0.012, 1000, dtype=torch.float64), 0)
        self._logs = ((1 - kept) / kept).log() / 2
        self.picture, self.spread, self.kind = picture, spread, kind
        self.config = SimpleNamespace(in_channels=picture.shape[1])
        self.dtype = torch.float32
        self.first_seen: tuple[float, Tensor] | None = None

    def levels(self, timestep: float) -> tuple[float, float]:
        """Return how much of the picture and how much noise there is at a timestep."""
        low = int(timestep)
        high = min(low + 1, len(self._logs) - 1)
        log = torch.lerp(self._logs[low], self._logs[high], timestep - low)
        signal = torch.rsqrt(1 + torch.exp(2 * log))
        return float(signal), float((1 - signal**2).sqrt())

    @override
    def forward(self, seen: Tensor, timestep: Tensor, **_: object) -> SimpleNamespace:
        if self.first_seen is None:
            self.first_seen = (float(timestep), seen)
        signal, noise = self.levels(float(timestep))
        off = seen - signal * self.picture
        epsilon = off * noise / (signal**2 * self.spread**2 + noise**2)
        if self.kind == "epsilon":
            return SimpleNamespace(sample=epsilon)
        return SimpleNamespace(sample=(epsilon - noise * seen) / signal)


class EchoVae:
    """Encodes every image as the same latents."""

    dtype = torch.float32
    config = SimpleNamespace(scaling_factor=1.0)

    def __init__(self, latents: Tensor) -> None:
        self._latents = latents

    def encode(self, _: Tensor) -> SimpleNamespace:
        """Return what `encoded` asks for."""
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: self._latents))


def drawn(seed: int) -> Tensor:
    """Return a picture: 1 x 4 x frames x 6 x 6."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 4, FRAMES, SIDE // 8, SIDE // 8, generator=generator)


def asked(scheduler: Scheduler, steps: int, **overrides: object) -> ResolvedRequest:
    """Return a request of a small clip without guidance."""
    values = {"frames": FRAMES, "width": SIDE, "height": SIDE, "guidance_scale": 1, "seed": 11}
    return make_request(scheduler=scheduler, steps=steps, **{**values, **overrides})


def built(request: ResolvedRequest, *, kind: str = "epsilon") -> Any:
    """Return the request's scheduler for a model of SD 1.5's noise levels."""
    assert request.scheduler is not None
    config = {"prediction_type": kind}
    return schedulers.build(request.scheduler, config)


def run(
    oracle: Oracle,
    request: ResolvedRequest,
    *,
    still: Tensor | None = None,
    image: Path | None = None,
    scheduler: Any = None,
) -> tuple[Tensor, int, list[Advanced]]:
    """Denoise by the real loop and the real scheduler.

    Returns:
        Latents as the oracle's picture has them, the UNet calls, and what was told.
    """
    news: list[Advanced] = []
    pipe = SimpleNamespace(
        unet=oracle,
        vae=EchoVae(torch.zeros(1) if still is None else still),
        vae_scale_factor=8,
        device=torch.device("cpu"),
        scheduler=scheduler or built(request, kind=oracle.kind),
    )
    ticket = Ticket(render_id="a", is_cancelled=lambda: False, send=news.append)
    ticket.enter(Stage.DENOISING)
    empty = torch.zeros(request.frames, 1, 1)
    states = States(prompt=empty, negative=empty)
    latents, calls = sample(pipe, request, states, image=image, ticket=ticket)
    return latents.transpose(0, 1)[None], calls, news[1:]


def error(made: Tensor, wanted: Tensor) -> float:
    """Return the relative error."""
    return float((made - wanted).norm() / wanted.norm())
