"""Turns latents into pixels, a few frames at a time, so that they can be encoded meanwhile."""

from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from providers.local.engine.encode import Frames
from providers.local.engine.thrift import give_back_memory
from providers.local.engine.ticket import RenderError, Ticket
from providers.local.engine.trouble import is_memory
from providers.local.wire import FailureCode, Stage

DECODED_AT_ONCE = 8  # frames


def decode(pipe: Any, latents: Tensor, ticket: Ticket) -> Frames:  # noqa: ANN401 - diffusers' edge
    """Turn latents into all frames at once; see `decode_in_chunks`."""
    return np.concatenate(list(decode_in_chunks(pipe, latents, ticket)))


def decode_in_chunks(
    pipe: Any,  # noqa: ANN401 - diffusers' edge
    latents: Tensor,
    ticket: Ticket,
) -> Generator[Frames]:
    """Turn latents into frames; where memory runs out, the rest is decoded one by one.

    Args:
        pipe: The pipeline.
        latents: Frames x channels x height x width.
        ticket: Asked after every chunk whether to go on.

    Yields:
        A few frames x height x width x RGB each, 0-255.

    Raises:
        StoppedError: The render was cancelled.
        RenderError: The model gives no numbers.
    """
    ticket.enter(Stage.DECODING)
    at_once, done = DECODED_AT_ONCE, 0
    while done < len(latents):
        frames = _try_to_decode(pipe, latents[done : done + at_once], is_last_try=at_once == 1)
        if frames is None:
            at_once = 1
            give_back_memory(latents.device)
            continue
        done += len(frames)
        ticket.advance(done, len(latents))
        yield frames


def _try_to_decode(pipe: Any, latents: Tensor, *, is_last_try: bool) -> Frames | None:  # noqa: ANN401
    """Return None where there is not enough memory; by then nothing holds on to any of it."""
    try:
        return _decode(pipe, latents)
    except Exception as error:
        if is_last_try or not is_memory(error):
            raise
    return None


@torch.inference_mode()
def _decode(pipe: Any, latents: Tensor) -> Frames:  # noqa: ANN401
    scaled = (latents / pipe.vae.config.scaling_factor).to(pipe.vae.dtype)
    pixels = pipe.vae.decode(scaled).sample.float()
    if not bool(torch.isfinite(pixels).all()):
        message = "The model's decoder gave no picture for this request."
        raise RenderError(FailureCode.BAD_MODEL, message)
    shown = (pixels / 2 + 0.5).clamp(0, 1) * 255
    return shown.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
