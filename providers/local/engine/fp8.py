"""Multiplies in 8 bits where a card can, at twice its rate; the frames change a little.

Every linear layer of the UNet's blocks keeps its weights as they were read: models and LoRAs are
copied into those. Beside them lies what is multiplied, rounded to `float8_e4m3fn` with one scale a
row, and made anew, in place, before a run that follows a change. The activations are rounded as
they come. A CPU multiplies the numbers of 8 bits as float32, so that the error shows anywhere.
"""

from collections.abc import Callable
from typing import Any

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn
from torch.nn.functional import linear
from typing_extensions import override

from providers.local.levers import has_fp8

EIGHT_BITS = torch.float8_e4m3fn
LARGEST = torch.finfo(EIGHT_BITS).max
SMALLEST = 1e-12  # a row of zeros is divided by something
MULTIPLY: Callable[..., Tensor] = vars(torch)["_scaled_mm"]  # it has no public name yet
OUTCOME = torch.bfloat16  # the only one that every such card has
MULTIPLE = 16  # of both sides of a weight, which the kernel demands


def can_multiply(device: torch.device) -> bool:
    """Say whether a device has this arithmetic; a CPU always does."""
    return device.type != "cuda" or has_fp8(torch.cuda.get_device_capability(device))


class Fp8Linear(nn.Linear):
    """A linear layer with the names and the weights of the one that it replaces."""

    rounded: Tensor
    scales: Tensor

    def __init__(self, plain: nn.Linear) -> None:
        has_bias = "bias" in dict(plain.named_parameters())
        super().__init__(plain.in_features, plain.out_features, bias=has_bias, device="meta")
        self._has_bias = has_bias
        self.weight = plain.weight
        self.bias = plain.bias
        rounded, scales = in_8_bits(self.weight.detach())
        self.register_buffer("rounded", rounded, persistent=False)
        self.register_buffer("scales", scales, persistent=False)
        self._seen = self.weight._version  # noqa: SLF001 - torch's own count of changes in place

    @torch.no_grad()
    def refresh(self) -> None:
        """Round the weights again if they were changed since."""
        version = self.weight._version  # noqa: SLF001
        if version != self._seen:
            rounded, scales = in_8_bits(self.weight)
            self.rounded.copy_(rounded)
            self.scales.copy_(scales)
            self._seen = version

    @override
    def forward(self, input: Tensor) -> Tensor:
        """Multiply rows of any shape."""
        rows, scales = in_8_bits(input.flatten(0, -2))
        multiply = with_kernel if input.is_cuda else in_float32
        made = multiply(rows, scales, self.rounded, self.scales)
        made = made.to(input.dtype).view(*input.shape[:-1], -1)
        return made + self.bias if self._has_bias else made


def with_kernel(rows: Tensor, scales: Tensor, weight: Tensor, weight_scales: Tensor) -> Tensor:
    """Multiply rows with a weight, both of 8 bits with scales."""
    return MULTIPLY(
        rows,
        weight.t(),
        scale_a=scales,
        scale_b=weight_scales.t(),
        out_dtype=OUTCOME,
    )


def in_float32(rows: Tensor, scales: Tensor, weight: Tensor, weight_scales: Tensor) -> Tensor:
    """Do the same without the kernel, which is very slow on a CPU."""
    return (linear(rows.float(), weight.float()) * scales * weight_scales.t()).to(OUTCOME)


def put_fp8_into(unet: nn.Module) -> int:
    """Replace the linear layers of a UNet's attentions and feed-forwards; return how many.

    The weights must lie where they stay.
    """
    blocks = [part for part in unet.modules() if isinstance(part, Attention | FeedForward)]
    found = [
        (parent, name, layer)
        for block in blocks
        for parent in block.modules()
        for name, layer in parent.named_children()
        if type(layer) is nn.Linear and _fits(layer)
    ]
    for parent, name, layer in found:
        setattr(parent, name, Fp8Linear(layer))
    return len(found)


def refresh(unet: nn.Module) -> None:
    """Round all weights again that were changed since they were rounded."""
    for part in unet.modules():
        if isinstance(part, Fp8Linear):
            part.refresh()


def _fits(layer: nn.Linear) -> bool:
    return not (layer.in_features % MULTIPLE or layer.out_features % MULTIPLE)


def in_8_bits(rows: Tensor) -> Any:  # noqa: ANN401 - two tensors; torch's arithmetic is Any
    """Return rows in 8 bits, and what each of them has to be multiplied with."""
    top = rows.abs().amax(dim=1, keepdim=True).float()
    scales = top.clamp(min=SMALLEST) / LARGEST
    return (rows / scales).to(EIGHT_BITS), scales
