"""Motion over more frames than the motion modules know: sliding windows, and circular ones.

AnimateDiff's modules were trained on 16 frames. Longer clips attend in windows of 16, four
frames apart, whose answers are averaged with pyramid weights (FreeNoise, arXiv 2310.15169).
For a closed loop the windows go round: the last one holds the first frames again.

diffusers' own FreeNoise is not used: it fails below 16 frames, cuts the last window of odd
lengths, cannot be switched off for adapters without a middle module, and knows no loop.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import torch
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import Tensor, nn
from typing_extensions import override

CONTEXT = 16  # frames that the motion modules were trained on
STRIDE = 4  # frames between two windows
WINDOWS_AT_ONCE = 4  # bounds memory: each holds the activations of 16 frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Which frames attend to each other, and how much each window says about each frame.

    Attributes:
        frames: Frame numbers, windows x context.
        shares: Weights of the same shape; over all windows they add up to 1 for each frame.
    """

    frames: Tensor
    shares: Tensor


@lru_cache(maxsize=32)
def windows_of(count: int, *, is_loop: bool) -> Windows:
    """Return the windows over `count` frames."""
    context = min(CONTEXT, count)
    if is_loop:
        starts = list(range(0, count, STRIDE))
    else:
        starts = list(range(0, count - context + 1, STRIDE))
        if starts[-1] + context < count:
            starts.append(count - context)
    frames = (torch.tensor(starts)[:, None] + torch.arange(context)) % count
    place = torch.arange(context, dtype=torch.float64)
    pyramid = torch.minimum(place + 1, context - place).expand(frames.shape)
    total = torch.zeros(count, dtype=torch.float64)
    for window, weights in zip(frames, pyramid, strict=True):
        total[window] += weights
    return Windows(frames=frames, shares=pyramid / total[frames])


class WindowedBlock(nn.Module):
    """A motion transformer block that attends in windows; the parameters keep their names."""

    def __init__(self, block: Any) -> None:  # noqa: ANN401 - BasicTransformerBlock has optional parts
        super().__init__()
        self.norm1 = block.norm1
        self.attn1 = block.attn1
        self.norm2 = block.norm2
        self.attn2 = block.attn2
        self.norm3 = block.norm3
        self.ff = block.ff
        self.pos_embed = block.pos_embed
        self.is_loop = False

    @override
    def forward(self, hidden_states: Tensor, **unused: object) -> Tensor:
        """Attend over the frames.

        Args:
            hidden_states: Pixels x frames x channels.
            **unused: What blocks of other kinds need.
        """
        windows = windows_of(hidden_states.shape[1], is_loop=self.is_loop)
        if len(windows.frames) == 1:
            hidden_states = self._attend(hidden_states)
        else:
            hidden_states = self._attend_in_windows(hidden_states, windows)
        return self.ff(self.norm3(hidden_states)) + hidden_states

    def _attend_in_windows(self, hidden_states: Tensor, windows: Windows) -> Tensor:
        # Added up window by window: index_add_ would be quicker, but on CUDA its order, and
        # with it the last bits of the video, change from run to run.
        result = torch.zeros_like(hidden_states)
        device, pixels = hidden_states.device, hidden_states.shape[0]
        shares = windows.shares.to(hidden_states)[..., None]
        for first in range(0, len(windows.frames), WINDOWS_AT_ONCE):
            chosen = windows.frames[first : first + WINDOWS_AT_ONCE].to(device)
            attended = self._attend(hidden_states[:, chosen].flatten(0, 1))
            attended = attended.unflatten(0, (pixels, len(chosen)))
            for number, frames in enumerate(chosen):
                result[:, frames] += attended[:, number] * shares[first + number]
        return result

    def _attend(self, hidden_states: Tensor) -> Tensor:
        for norm, attention in ((self.norm1, self.attn1), (self.norm2, self.attn2)):
            normed = norm(hidden_states)
            if self.pos_embed is not None:
                normed = self.pos_embed(normed)
            hidden_states = attention(normed) + hidden_states
        return hidden_states


def put_windows_into(unet: nn.Module) -> None:
    """Make every motion block of a UNet a windowed one."""
    for module in unet.modules():
        if isinstance(module, AnimateDiffTransformer3D):
            blocks = cast("Any", module.transformer_blocks)
            module.transformer_blocks = nn.ModuleList(WindowedBlock(block) for block in blocks)


def set_loop(unet: nn.Module, *, is_loop: bool) -> None:
    """Choose whether the windows go round."""
    for module in unet.modules():
        if isinstance(module, WindowedBlock):
            module.is_loop = is_loop


def draw_noise(
    shape: tuple[int, int, int, int], *, frames: int, seed: int, is_loop: bool
) -> Tensor:
    """Draw the noise that a clip starts from, on the CPU, so that every device gets the same.

    A long clip repeats the noise of its first 16 frames in an order that is drawn anew every
    four frames, which holds its look together (FreeNoise, equation 7); a loop does not need it.

    Args:
        shape: Batch, channels, height and width of the latents.
        frames: Of the clip.
        seed: 0 to 2**32-1.
        is_loop: The clip's end leads back to its start.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    batch, channels, height, width = shape
    noise = torch.randn((batch, channels, frames, height, width), generator=generator)
    if is_loop:
        return noise
    for start in range(CONTEXT, frames, STRIDE):
        order = torch.randperm(STRIDE, generator=generator) + start - CONTEXT
        end = min(start + STRIDE, frames)
        noise[:, :, start:end] = noise[:, :, order[: end - start]]
    return noise
