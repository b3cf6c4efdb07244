"""Holds one AnimateDiff pipeline on a device, and changes what it is by changing its weights.

Loading takes seconds, so nothing is loaded twice that need not be. A model of the shape of the
last one is copied into the same tensors: addresses stay, and with them whatever was compiled or
captured for them. Only a part of another shape is built anew. What was read from disk stays in
host memory for a while.
"""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.pipelines.animatediff.pipeline_animatediff import AnimateDiffPipeline
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from diffusers.utils.logging import disable_progress_bar as quiet_diffusers
from torch import Tensor, nn
from transformers.utils.logging import disable_progress_bar as quiet_transformers

from providers.local.engine.blueprints import Blueprint, blueprints
from providers.local.engine.checkpoints import (
    SHIPPED,
    Checkpoint,
    Motion,
    State,
    read_checkpoint,
    read_motion,
)
from providers.local.engine.host_cache import HostCache, Key
from providers.local.engine.reuse import DeepReuse
from providers.local.engine.speed import (
    PLAIN,
    Speed,
    speed_up_text_encoder,
    speed_up_unet,
    speed_up_vae,
)
from providers.local.engine.thrift import give_back_memory
from providers.local.engine.ticket import RenderError
from providers.local.engine.trouble import is_lost, is_memory
from providers.local.engine.windows import put_windows_into
from providers.local.library.weights import BrokenFileError, fingerprint
from providers.local.wire import FailureCode, RenderFiles

logger = logging.getLogger(__name__)

CACHE_LIMIT = 8 * 1024**3  # bytes: three SD 1.5 models with motion modules in fp16
CACHE_SHARE = 4  # of the machine's memory, one part in four at most


class HeldPipeline(AnimateDiffPipeline):
    """A pipeline that knows the weights it was loaded with.

    Attributes:
        pristine: Weights in host memory by part (`unet`, `text_encoder`, `vae`) and name;
            copying one back undoes whatever was done to it, bit for bit.
        call_unet: Calls the UNet in a faster way, if one was asked for.
    """

    pristine: Mapping[str, State]
    call_unet: Callable[..., Any] | DeepReuse | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One module on the device, and what is in it."""

    blueprint: Blueprint
    module: nn.Module
    source: tuple[Key, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What was read for one order, fitted to the modules that it asks for."""

    checkpoint: Checkpoint
    plans: Mapping[str, Blueprint]
    states: Mapping[str, State]
    sources: Mapping[str, tuple[Key, ...]]


class PipelineShelf:
    """The pipeline of the last model, on one device.

    Args:
        device: `cpu` or `cuda:N`.
        configs: The settings that single files do not tell, laid out as what is shipped.
        cache_limit: Bytes of host memory for models that were used before.
        dtype: Of the weights; float32 on a CPU and float16 on a GPU unless it is given.
        speed: What makes it faster; nothing unless it is given.
    """

    def __init__(
        self,
        *,
        device: str,
        configs: Path = SHIPPED,
        cache_limit: int | None = None,
        dtype: torch.dtype | None = None,
        speed: Speed = PLAIN,
    ) -> None:
        self.device = torch.device(device)
        usual = torch.float32 if self.device.type == "cpu" else torch.float16
        self.dtype = usual if dtype is None else dtype
        self._speed = speed
        self._configs = configs
        self._cache = HostCache(limit=_usual_limit() if cache_limit is None else cache_limit)
        self._parts: dict[str, _Part] = {}
        self._call_unet: Callable[..., Any] | DeepReuse | None = None
        self._pipe: HeldPipeline | None = None
        self._held: tuple[Key, ...] = ()
        quiet_diffusers()
        quiet_transformers()

    def get(self, files: RenderFiles) -> Any:  # noqa: ANN401 - diffusers' edge
        """Return the pipeline of a model, loaded if it is not the one held.

        If it cannot be loaded, the one held stays what it is.

        Raises:
            RenderError: The model or its motion module cannot be used.
        """
        try:
            keys = _keys_of(files)
            if self._pipe is None or self._held != keys:
                reading = self._read(keys, files)
                self._pipe = None  # half of one model and half of another, if what follows fails
                self._pipe = self._load(reading)
                self._held = keys
        except BrokenFileError as error:
            logger.warning("The model %s cannot be loaded: %s", files.model.name, error)
            raise _refusal(files.model, f" ({error})") from error
        except Exception as error:  # a broken file may raise anything
            if is_memory(error) or is_lost(error):
                raise
            logger.exception("The model %s cannot be loaded", files.model.name)
            raise _refusal(files.model, "") from error
        finally:
            self._cache.shrink(used=self._held)
        return self._pipe

    def clear(self) -> None:
        """Let go of the pipeline and give the device's memory back."""
        self._pipe, self._held = None, ()
        self._parts.clear()
        self._call_unet = None
        give_back_memory(self.device)

    def unload(self) -> None:
        """Let go of the pipeline and of everything that was read."""
        self._cache.clear()
        self.clear()
        if self.device.type == "cuda":
            torch.accelerator.empty_host_cache()

    def _read(self, keys: tuple[Key, ...], files: RenderFiles) -> _Reading:
        model = keys[0]
        checkpoint = self._cache.get(
            model, lambda: read_checkpoint(files.model, configs=self._configs, keep=self._keep)
        )
        motion: Motion | None = None
        if len(keys) > 1 and (files.motion is not None or not checkpoint.is_moving):
            path = keys[1][0]
            motion = self._cache.get(
                keys[1], lambda: read_motion(path, configs=self._configs, keep=self._keep)
            )
        plans = blueprints(checkpoint, motion)
        weights = {**checkpoint.states}
        if motion is not None:
            weights["unet"] = {**weights["unet"], **motion.state}
        return _Reading(
            checkpoint=checkpoint,
            plans=plans,
            states={part: plan.fit(weights[part]) for part, plan in plans.items()},
            sources={part: keys if part == "unet" else (model,) for part in plans},
        )

    @torch.no_grad()
    def _load(self, reading: _Reading) -> HeldPipeline:
        """Bring the weights into the modules, old ones or new."""
        for part, plan in reading.plans.items():
            held, source = self._parts.get(part), reading.sources[part]
            if held is None or held.blueprint.settings != plan.settings:
                held = None
                self._parts.pop(part, None)  # its memory is free before the next one needs it
                module = self._build(plan, reading.states[part])
                self._parts[part] = _Part(blueprint=plan, module=module, source=source)
            elif held.source != source:
                del self._parts[part]
                _swap(held.module, reading.states[part])
                self._parts[part] = _Part(blueprint=plan, module=held.module, source=source)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return self._assemble(reading)

    def _build(self, plan: Blueprint, state: State) -> nn.Module:
        module = plan.build()
        copies = {
            name: tensor.to(device=self.device, dtype=self.dtype, copy=True)
            for name, tensor in state.items()
        }
        module.load_state_dict(copies, assign=True)
        module.to(self.device)  # tables that no file holds
        if plan.part == "unet":
            put_windows_into(module)
            self._call_unet = speed_up_unet(module, self._speed)
        elif plan.part == "vae":
            speed_up_vae(module, self._speed)
        else:
            speed_up_text_encoder(module, self._speed)
        # Gradients stay allowed, though none is ever made: torch multiplies such matrices in
        # another order, and the last bits would not be those of diffusers' own pipeline.
        return module.eval()

    def _assemble(self, reading: _Reading) -> HeldPipeline:
        parts: dict[str, Any] = {part: held.module for part, held in self._parts.items()}
        pipe: Any = HeldPipeline(
            **parts,
            tokenizer=reading.checkpoint.tokenizer,
            motion_adapter=None,  # pyright: ignore[reportArgumentType] - it is in the UNet already
            scheduler=_scheduler(reading.checkpoint.configs["scheduler"]),
        )
        pipe.pristine = reading.states
        pipe.call_unet = self._call_unet
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def _keep(self, tensor: Tensor) -> Tensor:
        """Copy a tensor out of its file; for a GPU to where it can be copied from quickly."""
        if self.device.type == "cpu":
            return tensor.clone(memory_format=torch.contiguous_format)
        return tensor.to(self.dtype).contiguous().pin_memory()


def _swap(module: nn.Module, state: State) -> None:
    """Copy weights into a module; where they lie on the device stays the same."""
    for name, tensor in module.state_dict().items():
        tensor.copy_(state[name], non_blocking=True)


def _keys_of(files: RenderFiles) -> tuple[Key, ...]:
    """Return the model and, where it comes by itself, the motion module."""
    motion = files.motion
    if motion is None and (files.model / "motion_adapter").is_dir():
        motion = files.model / "motion_adapter"
    return tuple((path, fingerprint(path)) for path in (files.model, motion) if path is not None)


def _scheduler(config: Mapping[str, Any]) -> Any:  # noqa: ANN401 - diffusers' classes share no type
    kind = getattr(diffusers, str(config.get("_class_name")), None)
    if not (isinstance(kind, type) and issubclass(kind, SchedulerMixin)):
        raise BrokenFileError("scheduler_config.json names no scheduler")
    return kind.from_config(dict(config))  # pyright: ignore[reportAttributeAccessIssue] - of ConfigMixin


def _refusal(model: Path, reason: str) -> RenderError:
    message = (
        f"The model {model.stem if model.is_file() else model.name} cannot be loaded "
        f"on this machine{reason}; its operator has to add it again."
    )
    return RenderError(FailureCode.BAD_MODEL, message)


def _usual_limit() -> int:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(CACHE_LIMIT, memory // CACHE_SHARE)
