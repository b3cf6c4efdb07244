"""Makes a render need less memory, for the second try of one that had too little.

A UNet's rows do not know each other: the half with the prompt and the half without, and inside
each block the frames, or the pixels where it is motion that attends. So they may go through one
after another. That is slower, and the last bits of the video differ.
"""

import gc
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.attention_processor import Attention
from diffusers.models.unets.unet_motion_model import UNetMotionOutput
from torch import Tensor, nn

from providers.local.engine.windows import set_windows_at_once, windows_at_once

SLICES = 8  # of the rows of each block
WINDOWS = 4  # of a motion block, at once; each holds the activations of 16 frames

Forward = Callable[..., Any]


def give_back_memory(device: torch.device) -> None:
    """Give all memory back that nothing uses any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


@contextmanager
def in_slices(unet: nn.Module) -> Generator[None]:
    """Let a UNet's rows go through it in parts; afterwards it is as it was."""
    changed = [(unet, _by_halves)]
    changed += [(part, _by_slices) for part in unet.modules() if _has_rows(part)]
    for module, wrap in changed:
        _put_on(module, wrap(module.forward))
    at_once = windows_at_once(unet)
    set_windows_at_once(unet, WINDOWS)
    try:
        yield
    finally:
        set_windows_at_once(unet, at_once)
        for module, _ in changed:
            del module.forward  # the class's own shows again


def _has_rows(module: nn.Module) -> bool:
    return isinstance(module, Attention | FeedForward)


def _put_on(module: Any, forward: Forward) -> None:  # noqa: ANN401 - a module takes any attribute
    module.forward = forward


def _by_halves(forward: Forward) -> Forward:
    """Take what is denoised with the prompt and what is denoised without it one by one."""

    def run(sample: Tensor, *args: object, **kwargs: object) -> Any:  # noqa: ANN401 - as diffusers
        made = _in_parts(forward, len(sample), sample, args, kwargs)
        joined = torch.cat([part[0] for part in made])
        return UNetMotionOutput(sample=joined) if kwargs.get("return_dict", True) else (joined,)

    return run


def _by_slices(forward: Forward) -> Forward:
    def run(rows: Tensor, *args: object, **kwargs: object) -> Tensor:
        return torch.cat(_in_parts(forward, SLICES, rows, args, kwargs))

    return run


def _in_parts(
    forward: Forward,
    parts: int,
    rows: Tensor,
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> list[Any]:
    """Call with one part of the rows after the other, and with what goes with each."""
    heads = rows.tensor_split(min(parts, len(rows)))

    def cut(value: object) -> Sequence[object]:
        if not isinstance(value, Tensor) or value.ndim == 0 or len(value) % len(rows):
            return [value] * len(heads)
        each = len(value) // len(rows)  # a clip is one row of the UNet, its frames have states
        return value.split([each * len(head) for head in heads])

    tails = [cut(value) for value in args]
    named = {name: cut(value) for name, value in kwargs.items()}
    return [
        forward(head, *(tail[n] for tail in tails), **{name: of[n] for name, of in named.items()})
        for n, head in enumerate(heads)
    ]
