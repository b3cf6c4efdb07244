"""Makes one video from one order: load, read the prompt, denoise, decode, write the file."""

import logging
import platform
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from jobs.prompts import write_prompt
from jobs.request import ResolvedRequest, Segment
from providers.local import schedulers
from providers.local.adapters import adapted
from providers.local.capabilities import is_image_ignored
from providers.local.encode import Frames, write_video
from providers.local.pipeline import PipelineShelf
from providers.local.prompt import PromptEncoder, added_to, enhanced, with_tokens
from providers.local.sampling import DEFAULT_STRENGTH, States, decode, sample
from providers.local.ticket import RenderError, StoppedError, Ticket
from providers.local.wire import FailureCode, RenderOrder, Stage

logger = logging.getLogger(__name__)

LIBRARIES = ("torch", "diffusers", "transformers", "av")


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A finished file, and what really made it."""

    path: Path
    effective: dict[str, object]


class Studio:
    """Everything that renders on one device, one order at a time."""

    def __init__(self, *, scratch: Path, device: str) -> None:
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        self._scratch = scratch
        self._shelf = PipelineShelf(device=device)
        self.versions = {"python": platform.python_version()} | {
            name: version(name) for name in LIBRARIES
        }

    @property
    def device(self) -> str:
        """Return the device's name for people."""
        if self._shelf.device.type == "cuda":
            return torch.cuda.get_device_name(self._shelf.device)
        return str(self._shelf.device)

    def render(self, order: RenderOrder, ticket: Ticket) -> Video:
        """Make the video.

        Raises:
            StoppedError: It was cancelled.
            RenderError: It failed.
        """
        try:
            return self._render(order, ticket)
        except (StoppedError, RenderError):
            raise
        except Exception as error:
            logger.exception("Render %s failed", order.id)
            if _is_memory(error):
                self._shelf.clear()
                message = (
                    "This machine has too little memory for the video; "
                    "ask for fewer frames or a smaller size."
                )
                raise RenderError(FailureCode.OUT_OF_MEMORY, message) from error
            message = "The local engine failed on this video; its log has the details."
            raise RenderError(FailureCode.BROKEN, message) from error

    def _render(self, order: RenderOrder, ticket: Ticket) -> Video:
        request = order.request
        ticket.enter(Stage.LOADING)
        pipe = self._shelf.get(order.files.model)
        segments = prompts_of(request)
        with self._dressed(pipe, order) as (tokens, scheduler):
            states = _states(pipe, request, segments, tokens)
            ticket.enter(Stage.DENOISING)
            image = order.files.image
            latents, calls = sample(pipe, request, states, image=image, ticket=ticket)
        path = self._scratch / f"{order.id}.{request.format}"
        _write(decode(pipe, latents, ticket), path, request, ticket)
        ticket.finish()
        effective = self._effective(request, segments)
        return Video(
            path=path, effective={**effective, "scheduler": scheduler, "unet_calls": calls}
        )

    @contextmanager
    def _dressed(
        self,
        pipe: Any,  # noqa: ANN401 - diffusers' edge
        order: RenderOrder,
    ) -> Generator[tuple[dict[str, str], str]]:
        """Put on what this request alone wants; yield tokens of embeddings, and the scheduler."""
        own, request = pipe.scheduler, order.request
        name = schedulers.name_for(request.scheduler, type(own).__name__)
        with adapted(pipe, loras=request.loras, files=order.files) as tokens:
            pipe.scheduler = schedulers.build(name, own.config, steps=request.steps)
            try:
                yield tokens, name.value
            finally:
                pipe.scheduler = own

    def _effective(
        self, request: ResolvedRequest, segments: tuple[Segment, ...]
    ) -> dict[str, object]:
        """Say what made the video; names are the request's, where it has them."""
        effective: dict[str, object] = {
            "model": request.model,
            "prompt": write_prompt(segments),
            "negative_prompt": request.negative_prompt,
            "seed": request.seed,
            "steps": request.steps,
            "guidance_scale": request.guidance_scale,
            "width": request.width,
            "height": request.height,
            "frames": request.frames,
            "fps": request.fps,
            "clip_skip": request.clip_skip,
            "closed_loop": request.closed_loop,
            "loras": {lora.id: lora.strength for lora in request.loras},
            "embeddings": list(request.embeddings),
            "format": request.format.value,
            "device": self.device,
            "dtype": str(self._shelf.dtype).removeprefix("torch."),
        }
        if request.image and not is_image_ignored(request):
            given = request.strength
            effective["strength"] = DEFAULT_STRENGTH if given is None else given
        return effective


def prompts_of(request: ResolvedRequest) -> tuple[Segment, ...]:
    """Return the parts as they are really used."""
    segments = request.segments
    if request.enhance_prompt:
        segments = tuple(
            part.model_copy(update={"prompt": enhanced(part.prompt)}) for part in segments
        )
    return added_to(segments, request.negative_prompt, request.embeddings)


def _states(
    pipe: Any,  # noqa: ANN401 - diffusers' edge
    request: ResolvedRequest,
    segments: tuple[Segment, ...],
    tokens: dict[str, str],
) -> States:
    read = tuple(
        part.model_copy(update={"prompt": with_tokens(part.prompt, tokens)}) for part in segments
    )
    prompt, negative = PromptEncoder(pipe, clip_skip=request.clip_skip).encode(
        read,
        with_tokens(request.negative_prompt, tokens),
        frames=request.frames,
        is_loop=request.closed_loop,
    )
    return States(prompt=prompt, negative=negative)


def _write(frames: Frames, path: Path, request: ResolvedRequest, ticket: Ticket) -> None:
    ticket.enter(Stage.ENCODING, len(frames))
    write_video(
        frames,
        path,
        kind=request.format,
        fps=request.fps,
        tell=lambda done: ticket.advance(done, len(frames)),
    )


def _is_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )
