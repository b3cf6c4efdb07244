"""Renders prompts with a model's folder: by diffusers' own pipeline, and by the local engine's.

The first shows what the files can do for anybody; the second does what the stock pipeline cannot:
windows, loops, storyboards, init images, `clip_skip` and every scheduler, as users ask for them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.pipelines.animatediff.pipeline_animatediff import AnimateDiffPipeline
from numpy.typing import NDArray

from jobs.request import ResolvedRequest
from providers.local.engine import schedulers
from providers.local.engine.decoding import decode
from providers.local.engine.pipeline import PipelineShelf
from providers.local.engine.prompt import PromptEncoder
from providers.local.engine.sampling import States, sample
from providers.local.engine.ticket import Ticket
from providers.local.engine.windows import goes_round
from providers.local.wire import RenderFiles
from training.shapes.scenes.draw import FRAMES, SIDE

Pixels = NDArray[np.float32]


class Stock:
    """diffusers' `AnimateDiffPipeline` in float32, with steps spaced as the local engine does."""

    def __init__(self, folder: Path, *, device: str, steps: int, guidance: float) -> None:
        self._steps = steps
        self._guidance = guidance
        self._pipe: Any = AnimateDiffPipeline.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True
        )
        self._pipe.to(device)
        self._pipe.set_progress_bar_config(disable=True)
        own = self._pipe.scheduler
        name = schedulers.name_for(None, type(own).__name__)
        self._pipe.scheduler = schedulers.build(name, own.config)

    def put_on(self, *, lora: Path | None = None, embedding: Path | None = None) -> None:
        """Put a LoRA on, or teach a word that prompts write as `<name>`."""
        if lora is not None:
            self._pipe.load_lora_weights(lora.parent, weight_name=lora.name)
        if embedding is not None:
            self._pipe.load_textual_inversion(str(embedding), token=f"<{embedding.stem}>")

    def take_off(self) -> None:
        """Take the LoRA off again."""
        self._pipe.unload_lora_weights()

    def render(self, prompts: Sequence[str], seeds: Sequence[int]) -> Pixels:
        """Render one clip for each prompt, each from its own seed.

        Returns:
            Shape (clips, 16, 128, 128, 3), 0-1.
        """
        made = self._pipe(
            list(prompts),
            num_frames=FRAMES,
            width=SIDE,
            height=SIDE,
            num_inference_steps=self._steps,
            guidance_scale=self._guidance,
            generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
            output_type="np",
        )
        return np.asarray(made.frames, dtype=np.float32)


class Engine:
    """The local engine's way from a request to frames, without the file at its end."""

    def __init__(self, folder: Path, *, device: str) -> None:
        self._folder = folder.resolve()
        self._shelf = PipelineShelf(device=device)

    def render(self, request: ResolvedRequest, image: Path | None = None) -> NDArray[np.uint8]:
        """Render a request; returns shape (frames, height, width, 3).

        Raises:
            RenderError: The model or the image cannot be used.
        """
        pipe = self._shelf.get(RenderFiles(model=self._folder))
        ticket = Ticket(render_id="measure", is_cancelled=lambda: False, send=lambda _: None)
        prompt, negative = PromptEncoder(pipe, clip_skip=request.clip_skip).encode(
            request.segments,
            request.negative_prompt,
            frames=request.frames,
            is_loop=goes_round(request),
        )
        own = pipe.scheduler
        name = schedulers.name_for(request.scheduler, type(own).__name__)
        pipe.scheduler = schedulers.build(name, own.config)
        try:
            states = States(prompt=prompt, negative=negative)
            latents, _ = sample(pipe, request, states, image=image, ticket=ticket)
            return decode(pipe, latents, ticket)
        finally:
            pipe.scheduler = own


def to_bytes(pixels: Pixels) -> NDArray[np.uint8]:
    """Return pixels of 0-1 as a video holds them, 0-255."""
    return (pixels * 255).round().astype(np.uint8)
