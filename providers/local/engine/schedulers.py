"""Builds the sampler that a job asks for, with the settings that AnimateDiff needs.

A checkpoint's own settings are those of its image model; motion modules were trained with
linear betas and nothing clipped, so these are always set. What a checkpoint predicts (noise
or velocity) stays its own.
"""

from collections.abc import Mapping
from typing import Any

import diffusers
import torch
from diffusers.schedulers.scheduling_ddim_inverse import DDIMInverseScheduler
from diffusers.schedulers.scheduling_lms_discrete import LMSDiscreteScheduler
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler
from torch import Tensor

from jobs.request import Scheduler
from providers.local.capabilities import UNUSABLE_SCHEDULERS
from providers.local.engine.continuous_time import ADAPTERS, NoiseLevels

# Of SD 1.5's scheduler_config.json, for checkpoints that do not say.
SD_BETAS: Mapping[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
}
# Betas and clipping: diffusers docs, "AnimateDiff". Their tip of `linspace` is not followed: it
# spends the last step where nothing is left to do, and PNDM misses by twenty times the picture at
# two steps. Trailing (arXiv 2305.08891, table 2) lands nearest in every scheduler
# (tests/local/test_oracle.py), and the few-step motion modules need it. The embedded model draws
# as well with it: 35 of 40 prompts right, 34 with linspace.
ANIMATEDIFF: Mapping[str, Any] = {
    "beta_schedule": "linear",
    "clip_sample": False,
    "steps_offset": 1,
    "timestep_spacing": "trailing",
    "set_alpha_to_one": True,  # the last step leaves no noise; SD's own setting leaves 3 %
    "rescale_betas_zero_snr": False,
    "trained_betas": None,
}
DEFAULT = Scheduler.DDIM


def name_for(asked: Scheduler | None, own: str) -> Scheduler:
    """Return what is asked, else the checkpoint's own class, else DDIM."""
    if asked is not None:
        return asked
    usable = {scheduler.value for scheduler in Scheduler if scheduler not in UNUSABLE_SCHEDULERS}
    return Scheduler(own) if own in usable else DEFAULT


def build(name: Scheduler, own_config: Mapping[str, Any]) -> Any:  # noqa: ANN401 - diffusers' classes share no type
    """Build a sampler; always a new one, since they hold state.

    Args:
        name: The class. For `DDIMInverseScheduler` it is the DDIM that comes after the
            inversion; `Inverse` is the other half.
        own_config: The checkpoint's scheduler settings.
    """
    config = {**SD_BETAS, **own_config, **ANIMATEDIFF}
    if name in ADAPTERS:
        return ADAPTERS[name](config)
    if name is Scheduler.DDIM_INVERSE:
        name = Scheduler.DDIM
    if name is Scheduler.PNDM:
        config["skip_prk_steps"] = True  # with them it calls the UNet 29 times for 20 steps
    if name is Scheduler.DPM_SOLVER_SINGLESTEP:
        config["lower_order_final"] = True  # what it would choose itself, with a warning
    return getattr(diffusers, name.value).from_config(config)


def lay_out(scheduler: Any, *, steps: int, device: torch.device) -> None:  # noqa: ANN401
    """Prepare a sampler for a run, with its numbers where reading them keeps nobody waiting.

    Timesteps stay in host memory: schedulers look them up in tables there, and turning one that
    lies on a GPU into a number would wait for all that the GPU still has to do. UniPC copies its
    noise levels to the device number by number, so they are put there at once.
    """
    scheduler.set_timesteps(steps, device="cpu")
    if isinstance(scheduler, UniPCMultistepScheduler):
        scheduler.sigmas = scheduler.sigmas.to(device)


class Inverse:
    """The DDIM that leads from pictures to noise, over the same steps as `scheduler`.

    What a model says is read at the noise level that the model was told. diffusers' scheduler
    reads a velocity at the level below, and misses by half as much again.

    Attributes:
        timesteps: Upwards, one for each UNet call.
    """

    def __init__(self, scheduler: Any) -> None:  # noqa: ANN401
        self._levels = NoiseLevels(scheduler.config)
        self._inner: Any = DDIMInverseScheduler.from_config(
            scheduler.config, prediction_type="epsilon"
        )
        self._inner.set_timesteps(scheduler.num_inference_steps, device=scheduler.timesteps.device)
        self.timesteps: Tensor = self._inner.timesteps

    def scale_model_input(self, sample: Tensor, timestep: Tensor) -> Tensor:
        """Return a sample as the model sees it."""
        del timestep
        return sample

    def step(self, model_output: Tensor, timestep: Tensor, sample: Tensor) -> Any:  # noqa: ANN401
        """Go one step up."""
        sigma = self._levels.sigma_at(int(timestep))
        noise = self._levels.noise_in(model_output, sample, sigma)
        return self._inner.step(noise, timestep, sample)


def begin_late(scheduler: Any, *, steps: int, kept: int) -> Tensor:  # noqa: ANN401
    """Let a scheduler begin in the middle, as an init image needs it.

    Args:
        scheduler: After its `set_timesteps(steps)`.
        steps: Of a whole run.
        kept: How many of them are left, at least 1.

    Returns:
        The timesteps of the UNet calls that are left.
    """
    timesteps: Tensor = scheduler.timesteps
    if isinstance(scheduler, PNDMScheduler):
        # It calls the UNet twice at the second timestep of a run, wherever the run begins.
        own = torch.cat([timesteps[:1], timesteps[2:]])[steps - kept :]
        return torch.cat([own[:1], own[1:2], own[1:]])
    begin = (steps - kept) * scheduler.order
    if isinstance(scheduler, LMSDiscreteScheduler):
        # It counts its past outputs by the number of the step: the run has to begin at the first.
        scheduler.sigmas = scheduler.sigmas[begin:]
        scheduler.timesteps = timesteps[begin:]
        return scheduler.timesteps
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    return timesteps[begin:]
