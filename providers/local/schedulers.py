"""Builds the sampler that a job asks for, with the settings that AnimateDiff needs.

A checkpoint's own settings are those of its image model; motion modules were trained with
linear betas and nothing clipped, so these are always set. What a checkpoint predicts (noise
or velocity) stays its own.
"""

from collections.abc import Mapping
from typing import Any

import diffusers

from jobs.request import Scheduler
from providers.local.capabilities import UNUSABLE_SCHEDULERS

# diffusers docs, "AnimateDiff": "set clip_sample=False and timestep_spacing='linspace' ...
# Also, it is recommended to set beta_schedule='linear'".
ANIMATEDIFF: Mapping[str, Any] = {
    "beta_schedule": "linear",
    "clip_sample": False,
    "steps_offset": 1,
    "timestep_spacing": "linspace",
}
FEW_STEPS = 4  # below, linspace ends before the noise is gone (one step: a grey picture)
DEFAULT = Scheduler.DDIM


def name_for(asked: Scheduler | None, own: str) -> Scheduler:
    """Return what is asked, else the checkpoint's own class, else DDIM."""
    if asked is not None:
        return asked
    usable = {scheduler.value for scheduler in Scheduler if scheduler not in UNUSABLE_SCHEDULERS}
    return Scheduler(own) if own in usable else DEFAULT


def build(name: Scheduler, own_config: Mapping[str, Any], *, steps: int) -> Any:  # noqa: ANN401 - diffusers' classes share no type
    """Build a sampler; always a new one, since they hold state.

    Args:
        name: The class.
        own_config: The checkpoint's scheduler settings.
        steps: Denoising steps.
    """
    config = {**own_config, **ANIMATEDIFF}
    if steps < FEW_STEPS:
        config["timestep_spacing"] = "trailing"
    if name is Scheduler.PNDM:
        config["skip_prk_steps"] = True  # with them it calls the UNet 29 times for 20 steps
    return getattr(diffusers, name.value).from_config(config)
