"""Makes one video from one order: load, read the prompt, denoise, decode, write the file.

A render that fails for want of memory is tried once more in small parts; whatever happens, the
model stays as it was and nothing but a finished video is left behind.
"""

import logging
import platform
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from jobs.prompts import write_prompt
from jobs.request import DEFAULT_STRENGTH, ResolvedRequest, Segment
from providers.local.capabilities import is_image_ignored
from providers.local.engine import fp8, schedulers
from providers.local.engine.adapters import adapted
from providers.local.engine.decoding import decode_in_chunks
from providers.local.engine.encode import Frames, Recipe, poster_of, write_video
from providers.local.engine.pipeline import PipelineShelf
from providers.local.engine.prompt import PromptEncoder
from providers.local.engine.reuse import for_one_run
from providers.local.engine.safety import Guard
from providers.local.engine.sampling import States, sample
from providers.local.engine.speed import PLAIN, Speed, check_device
from providers.local.engine.streaming import stream
from providers.local.engine.thrift import give_back_memory, in_slices
from providers.local.engine.ticket import DeviceLostError, RenderError, StoppedError, Ticket
from providers.local.engine.trouble import is_lost, is_memory
from providers.local.engine.windows import goes_round
from providers.local.levers import OF_THE_CALL
from providers.local.wire import FailureCode, RenderFiles, RenderOrder, Stage
from providers.local.wording import added_to, enhanced, with_tokens

logger = logging.getLogger(__name__)

LIBRARIES = ("torch", "diffusers", "transformers", "av")
TOO_LARGE = (
    "This machine has too little memory for the video; ask for fewer frames or a smaller size."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denoised:
    """Latents, frames x channels x height x width, and how they were made."""

    pipe: Any
    latents: torch.Tensor
    facts: dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A finished file, and what really made it."""

    path: Path
    poster: Path
    effective: dict[str, object]


class Studio:
    """Everything that renders on one device, one order at a time.

    Args:
        scratch: Where finished videos are put.
        device: `cpu` or `cuda:N`.
        dtype: Of the weights, if not the device's usual one.
        speed: What makes it faster; nothing unless it is given.

    Raises:
        ValueError: The device has no hardware for some of that.
    """

    def __init__(
        self,
        *,
        scratch: Path,
        device: str,
        dtype: torch.dtype | None = None,
        speed: Speed = PLAIN,
    ) -> None:
        check_device(speed, torch.device(device))
        torch.backends.cudnn.benchmark = speed.tuned_convolutions
        torch.backends.cudnn.deterministic = True
        self._scratch = scratch
        self._speed = speed
        self._shelf = PipelineShelf(device=device, dtype=dtype, speed=speed)
        self._guard = Guard(device=self._shelf.device, dtype=self._shelf.dtype)
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
            RenderError: It failed; the next order finds everything as it was.
            DeviceLostError: Only a fresh process can go on.
        """
        try:
            with _memory_told(TOO_LARGE):
                return self._render(order, ticket)
        except (StoppedError, RenderError):
            raise
        except Exception as error:
            logger.exception("Render %s failed", order.id)
            if is_lost(error):
                raise DeviceLostError from error
            message = "The local engine failed on this video; its log has the details."
            raise RenderError(FailureCode.BROKEN, message) from error

    def _render(self, order: RenderOrder, ticket: Ticket) -> Video:
        request = order.request
        segments = prompts_of(request)
        made = self._denoised(order, segments, ticket)
        path = self._scratch / f"{order.id}.{request.format}"
        chunks: Iterable[Frames] = decode_in_chunks(made.pipe, made.latents, ticket)
        if order.files.checker is not None:
            chunks = self._guard.watched(chunks, order.files.checker, ticket)
        _write(chunks, path, request, ticket)
        ticket.finish()
        looked: dict[str, object] = {"safety_checker": order.files.checker is not None}
        effective = {**self._effective(request, segments), **made.facts, **looked}
        return Video(path=path, poster=poster_of(path), effective=effective)

    def _denoised(
        self, order: RenderOrder, segments: tuple[Segment, ...], ticket: Ticket
    ) -> Denoised:
        """Denoise; where memory runs out, once more in small parts."""
        try:
            return self._denoise(order, segments, ticket)
        except Exception as error:
            if not is_memory(error):
                raise
            logger.warning("Render %s: trying again in less memory: %s", order.id, error)
        # Only out here is the error gone, and with it what the first try held in memory.
        give_back_memory(self._shelf.device)
        return self._denoise(order, segments, ticket, is_thrifty=True)

    def _denoise(
        self,
        order: RenderOrder,
        segments: tuple[Segment, ...],
        ticket: Ticket,
        *,
        is_thrifty: bool = False,
    ) -> Denoised:
        request, image = order.request, order.files.image
        ticket.enter(Stage.LOADING)
        pipe = self._load(order.files)
        ticket.check()
        with self._dressed(pipe, order) as (tokens, scheduler):
            if self._speed.is_fp8:
                fp8.refresh(pipe.unet)
            states = _states(pipe, request, segments, tokens)
            ticket.enter(Stage.DENOISING)
            with in_slices(pipe.unet) if is_thrifty else nullcontext():
                latents, calls = sample(
                    pipe,
                    request,
                    states,
                    image=image,
                    ticket=ticket,
                    # A faster call would go around the slices.
                    call_unet=None if is_thrifty else for_one_run(pipe.call_unet),
                    is_guidance_reused=self._speed.is_guidance_reused,
                )
        facts: dict[str, object] = {"scheduler": scheduler, "unet_calls": calls}
        facts |= self._ways(is_thrifty=is_thrifty)
        return Denoised(pipe=pipe, latents=latents, facts=facts)

    def _ways(self, *, is_thrifty: bool) -> dict[str, object]:
        """Return what else the frames depend on, if only in their last bits."""
        levers = [name for name in self._speed.levers if not (is_thrifty and name in OF_THE_CALL)]
        ways: dict[str, object] = {"levers": levers} if levers else {}
        return ways | {"in_slices": True} if is_thrifty else ways

    def _load(self, files: RenderFiles) -> Any:  # noqa: ANN401 - diffusers' edge
        """Return the pipeline; where memory runs out, everything else is let go of first."""
        try:
            return self._loaded(files)
        except Exception as error:
            if not is_memory(error):
                raise
        self._shelf.unload()
        self._guard.clear()
        with _memory_told("This machine has too little memory for this model."):
            return self._loaded(files)

    def _loaded(self, files: RenderFiles) -> Any:  # noqa: ANN401 - diffusers' edge
        self._guard.hold(files.checker)  # first: without it nothing is drawn
        return self._shelf.get(files)

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
            pipe.scheduler = schedulers.build(name, own.config)
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
            "quality": request.quality.value,
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
            part.model_copy(update={"prompt": enhanced(part.prompt, seed=request.seed)})
            for part in segments
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
        is_loop=goes_round(request),
    )
    return States(prompt=prompt, negative=negative)


def _write(chunks: Iterable[Frames], path: Path, request: ResolvedRequest, ticket: Ticket) -> None:
    """Decode, and encode meanwhile."""
    recipe = Recipe(
        kind=request.format,
        quality=request.quality,
        width=request.width,
        height=request.height,
        fps=request.fps,
    )

    def tell(done: int) -> None:
        ticket.advance(done, request.frames, at=Stage.ENCODING)

    def decode() -> Iterator[Frames]:
        yield from chunks
        ticket.enter(Stage.ENCODING)

    stream(decode(), lambda belt: write_video(belt, path, recipe, tell=tell))


@contextmanager
def _memory_told(message: str) -> Generator[None]:
    try:
        yield
    except Exception as error:
        if is_memory(error):
            raise RenderError(FailureCode.OUT_OF_MEMORY, message) from error
        raise
