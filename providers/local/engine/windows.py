"""Motion over more frames than the motion modules know: sliding windows, and circular ones.

AnimateDiff's modules were trained on 16 frames. Longer clips attend in windows of 16, four
frames apart, whose answers are averaged with pyramid weights (FreeNoise, arXiv 2310.15169).
For a closed loop the windows go round: the last one holds the first frames again. A loop that
fits into one window is played forth and back instead, since there every window would hold all
frames and tell each of them to be at every place at once.

diffusers' own FreeNoise is not used: it fails below 16 frames, weighs the last window of odd
lengths by its end only, attends to one window after another, cannot be switched off for
adapters without a middle module, and knows no loop. Where whole windows fit, the frames here
are the same to the last bit.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import torch
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import Tensor, nn
from typing_extensions import override

from jobs.request import ResolvedRequest

CONTEXT = 16  # frames that the motion modules were trained on
STRIDE = 4  # frames between two windows
# Rows of one attention on CUDA, whose kernels fail above: they are a grid's second or third
# dimension (https://github.com/pytorch/pytorch/issues/142228, /146704). A clip of 512 x 512 has
# 4096 pixels, twice with guidance, for each of its windows.
GRID = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Which frames attend to each other, and how the answers come together again.

    An answer's number is window x context + place. A frame has at most `depth` answers, in
    the order of the windows; a frame with fewer repeats one at a weight of 0.

    Attributes:
        frames: Frame numbers, windows x context.
        answers: Numbers of a frame's answers, depth x frames.
        weights: What each of them counts, depth x frames x 1.
        totals: The sum of a frame's weights, frames x 1.
    """

    frames: Tensor
    answers: Tensor
    weights: Tensor
    totals: Tensor


def goes_round(request: ResolvedRequest) -> bool:
    """Say whether a clip's windows and prompts are circular; shorter loops go forth and back."""
    return request.closed_loop and request.frames > CONTEXT


def order_of(request: ResolvedRequest) -> list[int]:
    """Return which of the denoised frames a clip shows, one after another.

    A short loop goes forth over the even frames and back over the odd ones. So each is shown
    once, none stands still at the ends, the number of frames is what was asked, and the motion
    modules get all of them. On the embedded model 18 of 20 loops were right this way, 11 when
    half as many frames were mirrored, and 10 with circular windows.
    """
    frames = range(request.frames)
    if not request.closed_loop or goes_round(request):
        return list(frames)
    return [*frames[::2], *reversed(frames[1::2])]


@lru_cache(maxsize=32)
def windows_of(count: int, *, is_loop: bool, stride: int = STRIDE) -> Windows:
    """Return the windows over `count` frames, `stride` frames apart."""
    context = min(CONTEXT, count)
    starts = list(range(0, count if is_loop else count - context + 1, stride))
    if not is_loop and starts[-1] + context < count:
        starts.append(count - context)
    pyramid = [min(place + 1, context - place) for place in range(context)]
    rows = [[(start + place) % count for place in range(context)] for start in starts]
    found: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for window, row in enumerate(rows):
        for place, frame in enumerate(row):
            found[frame].append((window * context + place, pyramid[place]))
    depth = max(map(len, found))
    filled = [each + [(each[0][0], 0)] * (depth - len(each)) for each in found]
    table = torch.tensor(filled).permute(2, 1, 0).contiguous()
    weights = table[1, :, :, None].float()
    return Windows(
        frames=torch.tensor(rows), answers=table[0], weights=weights, totals=weights.sum(0)
    )


class WindowedBlock(nn.Module):
    """A motion transformer block that attends in windows; the parameters keep their names.

    What it needs of a clip's windows lies on the device as buffers before it is called, so
    that a call copies nothing from the host.

    Attributes:
        is_loop: The windows go round.
        at_once: Windows in one attention; None is all of them.
        stride: Frames between two windows.
    """

    frames: Tensor
    answers: Tensor
    weights: Tensor
    totals: Tensor

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
        self.at_once: int | None = None
        self.stride = STRIDE
        self._laid_out: tuple[int, bool, int] = (0, False, STRIDE)

    def lay_out(self, windows: Windows, *, count: int) -> None:
        """Take the windows of a clip of `count` frames; all blocks may share their tensors."""
        for name in ("frames", "answers", "weights", "totals"):
            self.register_buffer(name, getattr(windows, name), persistent=False)
        self._laid_out = (count, self.is_loop, self.stride)

    @override
    def forward(self, hidden_states: Tensor, **unused: object) -> Tensor:
        """Attend over the frames.

        Args:
            hidden_states: Pixels x frames x channels.
            **unused: What blocks of other kinds need.
        """
        count = hidden_states.shape[1]
        if self._laid_out != (count, self.is_loop, self.stride):
            device = hidden_states.device
            windows = _on(device, count, is_loop=self.is_loop, stride=self.stride)
            self.lay_out(windows, count=count)
        if len(self.frames) == 1:
            hidden_states = self._attend(hidden_states)
        else:
            hidden_states = self._attend_in_windows(hidden_states)
        return self.ff(self.norm3(hidden_states)) + hidden_states

    def _attend_in_windows(self, hidden_states: Tensor) -> Tensor:
        pixels, _, channels = hidden_states.shape
        parts = [
            self._attend(hidden_states[:, chosen].flatten(0, 1)).view(pixels, -1, channels)
            for chosen in self.frames.split(self._together(hidden_states))
        ]
        attended = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        # Answer by answer in the order of the windows: index_add_ would be one call, but on
        # CUDA its order, and with it the last bits of the video, change from run to run.
        result = attended[:, self.answers[0]] * self.weights[0]
        for answer, weight in zip(self.answers[1:], self.weights[1:], strict=True):
            result += attended[:, answer] * weight
        return (result / self.totals).to(hidden_states.dtype)

    def _together(self, hidden_states: Tensor) -> int:
        """Return how many windows may attend at once."""
        count = self.at_once or len(self.frames)
        if hidden_states.device.type == "cuda":
            return max(1, min(count, GRID // len(hidden_states)))
        return count

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
            module.transformer_blocks = nn.ModuleList(
                block if isinstance(block, WindowedBlock) else WindowedBlock(block)
                for block in blocks
            )


def set_loop(unet: nn.Module, *, is_loop: bool) -> None:
    """Choose whether the windows go round."""
    for block in _blocks(unet):
        block.is_loop = is_loop


def is_round(unet: nn.Module) -> bool:
    """Say whether the windows go round."""
    return any(block.is_loop for block in _blocks(unet))


def lay_out_windows(unet: nn.Module, *, frames: int, device: torch.device) -> None:
    """Put the windows of a clip onto the device, once for all blocks."""
    blocks = _blocks(unet)
    if not blocks:
        return
    windows = _on(device, frames, is_loop=blocks[0].is_loop, stride=blocks[0].stride)
    for block in blocks:
        block.lay_out(windows, count=frames)


def set_windows_at_once(unet: nn.Module, at_once: int | None) -> None:
    """Bound the memory of an attention to so many windows; None attends to all at once.

    The frames are the same to rounding, not to the last bit.
    """
    for block in _blocks(unet):
        block.at_once = at_once


def set_stride(unet: nn.Module, stride: int) -> None:
    """Choose how many frames lie between two windows; fewer windows are other frames."""
    for block in _blocks(unet):
        block.stride = stride


def windows_at_once(unet: nn.Module) -> int | None:
    """Return the bound that is set."""
    return next((block.at_once for block in _blocks(unet)), None)


def _blocks(unet: nn.Module) -> list[WindowedBlock]:
    return [module for module in unet.modules() if isinstance(module, WindowedBlock)]


@lru_cache(maxsize=64)
def _on(device: torch.device, count: int, *, is_loop: bool, stride: int) -> Windows:
    """Return the same tensors for the same clip: what was captured for them stays valid."""
    windows = windows_of(count, is_loop=is_loop, stride=stride)
    return Windows(
        frames=windows.frames.to(device),
        answers=windows.answers.to(device),
        weights=windows.weights.to(device),
        totals=windows.totals.to(device),
    )


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
