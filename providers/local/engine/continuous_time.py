"""Drives three samplers that were made for other models: IPNDM, KarrasVe and ScoreSdeVe.

They know no training timesteps: IPNDM counts its time from 1 to 0 and wants a velocity, the
other two see data to which noise is added without shrinking it (variance exploding). Here the
model is shown to them in those terms, and their formulas stay diffusers' own. A noise level is
the same in all terms where the signal-to-noise ratio is: `sigma` below is noise over signal,
and what the model itself sees is x / sqrt(1 + sigma**2).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.schedulers.deprecated.scheduling_karras_ve import KarrasVeScheduler
from diffusers.schedulers.scheduling_ipndm import IPNDMScheduler
from diffusers.schedulers.scheduling_sde_ve import ScoreSdeVeScheduler
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor
from typing_extensions import override

from jobs.request import Scheduler


class NoiseLevels:
    """The noise that a model knows at each timestep, also between two of them.

    Args:
        config: A scheduler's settings: linear betas, `prediction_type`.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        betas = torch.linspace(
            config["beta_start"],
            config["beta_end"],
            config["num_train_timesteps"],
            dtype=torch.float64,
        )
        kept = torch.cumprod(1 - betas, dim=0)
        self._logs: list[float] = (((1 - kept) / kept).log() / 2).tolist()
        self.kind: str = config.get("prediction_type", "epsilon")

    @property
    def least(self) -> float:
        """The lowest sigma."""
        return math.exp(self._logs[0])

    @property
    def most(self) -> float:
        """The highest sigma."""
        return math.exp(self._logs[-1])

    def sigma_at(self, timestep: int) -> float:
        """Return the sigma of one timestep."""
        return math.exp(self._logs[timestep])

    def timestep_of(self, sigma: float) -> float:
        """Return where a sigma lies among the timesteps, linearly in its logarithm."""
        if sigma <= self.least:
            return 0.0
        log = min(math.log(sigma), self._logs[-1])
        upper = next(at for at, each in enumerate(self._logs) if each >= log)
        low, high = self._logs[upper - 1], self._logs[upper]
        return upper - 1 + (log - low) / (high - low)

    def noise_in(self, output: Tensor, seen: Tensor, sigma: float) -> Tensor:
        """Return the noise of unit variance that a model's output says is in what it saw."""
        signal = 1 / math.sqrt(1 + sigma**2)
        noise = sigma * signal
        match self.kind:
            case "epsilon":
                return output
            case "v_prediction":
                return signal * output + noise * seen
            case "sample":
                return (seen - signal * output) / noise
            case _:
                raise ValueError(f"no noise can be told from {self.kind}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """What a step gives, under diffusers' name."""

    prev_sample: Tensor


class _Adapter:
    """One UNet call after another over a list of sigmas; subclasses say what a call leads to.

    Attributes:
        timesteps: One for each UNet call.
        init_noise_sigma: What the first noise is multiplied with.
        order: UNet calls for each step.
    """

    order = 1

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._levels = NoiseLevels(config)
        self._sigmas: list[float] = []
        self._call = 0
        self.timesteps = torch.empty(0)
        self.init_noise_sigma = 1.0

    def set_timesteps(self, num_inference_steps: int, *, device: Any = None) -> None:  # noqa: ANN401 - as torch names devices
        """Lay out the UNet calls of a whole run."""
        self._call = 0
        self._sigmas = self._lay_out(num_inference_steps)
        at = [self._levels.timestep_of(sigma) for sigma in self._sigmas]
        self.timesteps = torch.tensor(at, device=device)

    def set_begin_index(self, begin_index: int = 0) -> None:
        """Begin at a later UNet call."""
        self._call = begin_index

    def scale_model_input(self, sample: Tensor, timestep: Tensor) -> Tensor:
        """Return a sample as the model sees it."""
        del timestep
        return sample * self._scale(self._sigmas[self._call])

    def step(
        self, model_output: Tensor, timestep: Tensor, sample: Tensor, *, generator: torch.Generator
    ) -> Stepped:
        """Go on with what the model said about `sample`."""
        del timestep
        sigma = self._sigmas[self._call]
        noise = self._levels.noise_in(model_output, sample * self._scale(sigma), sigma)
        after = self._follow(noise, sample, generator)
        self._call += 1
        return Stepped(prev_sample=after)

    def add_noise(self, original_samples: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return latents as they are where the run begins."""
        del timesteps
        return original_samples + self._sigmas[self._call] * noise

    def _scale(self, sigma: float) -> float:
        return 1 / math.sqrt(1 + sigma**2)

    def _lay_out(self, steps: int) -> list[float]:
        raise NotImplementedError

    def _follow(self, noise: Tensor, sample: Tensor, generator: torch.Generator) -> Tensor:
        raise NotImplementedError


class IpndmAdapter(_Adapter):
    """IPNDM (arXiv 2202.09778) in its own continuous time.

    Its noise and signal are sin and cos as the model's are, so nothing is scaled; its time
    runs where the model knows the noise, and ends with none.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        self._inner = IPNDMScheduler(num_train_timesteps=config["num_train_timesteps"])

    @override
    def _lay_out(self, steps: int) -> list[float]:
        inner: Any = self._inner
        inner.set_timesteps(steps)
        first, last = map(_ipndm_time, (self._levels.most, self._levels.least))
        time = torch.linspace(first, last, steps, dtype=torch.float64)
        time = torch.cat([time, torch.zeros(1)])
        inner.betas = torch.sin(time * math.pi / 2) ** 2  # noise; "beta" is diffusers' word
        inner.alphas = (1 - inner.betas**2).sqrt()
        return (inner.betas / inner.alphas)[:-1].tolist()

    @override
    def add_noise(self, original_samples: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        sigma = self._sigmas[self._call]
        return super().add_noise(original_samples, noise, timesteps) * super()._scale(sigma)

    @override
    def _scale(self, sigma: float) -> float:
        return 1.0

    @override
    def _follow(self, noise: Tensor, sample: Tensor, generator: torch.Generator) -> Tensor:
        inner: Any = self._inner
        if inner.step_index is None:
            inner.set_begin_index(self._call)
        loud, signal = float(inner.betas[self._call]), float(inner.alphas[self._call])
        velocity = (noise - loud * sample) / signal
        return inner.step(velocity, self.timesteps[self._call], sample).prev_sample


class KarrasVeAdapter(_Adapter):
    """KarrasVe (arXiv 2206.00364, algorithm 2): noise is stirred in, then a step of Heun.

    The published settings stay but for the range of noise, which is the model's.
    """

    order = 2

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        least, most = self._levels.least, self._levels.most
        # Stirring raises sigma by a factor of sqrt(2) at most, and the model knows none above.
        self._inner = KarrasVeScheduler(sigma_min=least, sigma_max=most, s_max=most / math.sqrt(2))
        self._ladder: list[float] = []
        self._before = self._slope = torch.empty(0)

    @override
    def _lay_out(self, steps: int) -> list[float]:
        inner: Any = self._inner
        inner.set_timesteps(max(2, steps))  # its own layout divides by steps - 1
        inner.num_inference_steps = steps
        self._ladder = [*_ladder(self._levels, steps), 0.0]
        nothing, unused = torch.zeros(1), torch.Generator()
        stirred = [self._stirred(nothing, sigma, unused)[1] for sigma in self._ladder[:-1]]
        self.init_noise_sigma = stirred[0]
        calls = [[high, low] for high, low in zip(stirred, self._ladder[1:], strict=True)]
        return [sigma for call in calls for sigma in call][:-1]

    @override
    def _follow(self, noise: Tensor, sample: Tensor, generator: torch.Generator) -> Tensor:
        inner: Any = self._inner
        step, is_correction = divmod(self._call, 2)
        high, low = self._sigmas[2 * step], self._ladder[step + 1]
        if not is_correction:
            made = inner.step(-noise, high, low, sample)
            self._before, self._slope = sample, made.derivative
            return made.prev_sample
        made = inner.step_correct(-noise, high, low, self._before, sample, self._slope)
        return self._stirred(made.prev_sample, low, generator)[0]

    def _stirred(
        self, sample: Tensor, sigma: float, generator: torch.Generator
    ) -> tuple[Tensor, float]:
        inner: Any = self._inner
        return inner.add_noise_to_input(sample, sigma, generator)


class ScoreSdeVeAdapter(_Adapter):
    """ScoreSdeVe (arXiv 2011.13456): at each level of noise one corrector, then one predictor.

    The predictor is the paper's ancestral one (equation 47). diffusers' is the reverse
    diffusion of equation 46, which leaves too much noise behind unless there are about a
    thousand steps: at 20 a quarter too much, at 4 nine times.
    """

    order = 2

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        least, most = self._levels.least, self._levels.most
        self._inner = ScoreSdeVeScheduler(sigma_min=least, sigma_max=most)
        self._ladder: list[float] = []

    @override
    def _lay_out(self, steps: int) -> list[float]:
        self._inner.set_timesteps(steps)
        self._ladder = [*_ladder(self._levels, steps), 0.0]
        self.init_noise_sigma = self._ladder[0]
        return [sigma for sigma in self._ladder[:-1] for _ in range(2)]

    @override
    def _follow(self, noise: Tensor, sample: Tensor, generator: torch.Generator) -> Tensor:
        inner: Any = self._inner
        step, is_prediction = divmod(self._call, 2)
        high, low = self._ladder[step], self._ladder[step + 1]
        if not is_prediction:
            return inner.step_correct(-noise / high, sample, generator).prev_sample
        mean = sample - (high**2 - low**2) / high * noise
        if low == 0:
            return mean
        fresh = randn_tensor(
            sample.shape, generator=generator, device=sample.device, dtype=sample.dtype
        )
        return mean + low * math.sqrt(high**2 - low**2) / high * fresh


def _ipndm_time(sigma: float) -> float:
    """Return when IPNDM has so much noise: its noise is the square of a sine."""
    noise = sigma / math.sqrt(1 + sigma**2)
    return math.asin(math.sqrt(noise)) * 2 / math.pi


ADAPTERS: Mapping[Scheduler, type[_Adapter]] = {
    Scheduler.IPNDM: IpndmAdapter,
    Scheduler.KARRAS_VE: KarrasVeAdapter,
    Scheduler.SCORE_SDE_VE: ScoreSdeVeAdapter,
}


def _ladder(levels: NoiseLevels, steps: int) -> list[float]:
    """Return falling sigmas in equal ratios, from the model's highest to its lowest."""
    if steps == 1:
        return [levels.most]
    ratio = (levels.least / levels.most) ** (1 / (steps - 1))
    return [levels.most * ratio**step for step in range(steps)]
