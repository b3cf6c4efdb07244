"""Multiplies an attention's queries, keys and values at once, and keeps three weights all the same.

One multiplication with a wide matrix reads its input once. diffusers' own fusing copies the
weights, so a model or a LoRA that is swapped in afterwards would not reach them. Here the three
are views of the wide one: whatever is copied into them is in it.
"""

from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention


class FusedProcessor:
    """The arithmetic of diffusers' `AttnProcessor2_0` for rows x places x channels."""

    def __call__(
        self,
        attn: Any,  # noqa: ANN401 - as diffusers calls it
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        **unused: object,
    ) -> Tensor:
        """Attend."""
        if encoder_hidden_states is None:
            parts = linear(hidden_states, attn.wide).chunk(3, dim=-1)
        else:
            keys = linear(encoder_hidden_states, attn.wide)
            parts = (attn.to_q(hidden_states), *keys.chunk(2, dim=-1))
        rows = len(hidden_states)
        query, key, value = (
            part.view(rows, -1, attn.heads, part.shape[-1] // attn.heads).transpose(1, 2)
            for part in parts
        )
        made = scaled_dot_product_attention(query, key, value)
        return attn.to_out[1](attn.to_out[0](made.transpose(1, 2).flatten(2)))


@torch.no_grad()
def fuse(unet: nn.Module) -> int:
    """Fuse every attention that is simple enough; return how many.

    The weights must lie where they stay: moving the module would part them.
    """
    found = [module for module in unet.modules() if isinstance(module, Attention)]
    simple = [attention for attention in found if _is_simple(attention)]
    for attention in simple:
        _widen(attention)
        attention.set_processor(FusedProcessor())  # pyright: ignore[reportArgumentType] - ours
    return len(simple)


def _is_simple(attention: Any) -> bool:  # noqa: ANN401 - diffusers' edge
    norms = ("spatial_norm", "group_norm", "norm_q", "norm_k", "norm_cross")
    layers: tuple[Any, ...] = (attention.to_q, attention.to_k, attention.to_v)
    return (
        all(getattr(attention, name, None) is None for name in norms)
        and all(
            type(layer) is nn.Linear and "bias" not in dict(layer.named_parameters())
            for layer in layers
        )
        and not attention.residual_connection
        and attention.rescale_output_factor == 1
    )


def _widen(attention: Any) -> None:  # noqa: ANN401
    layers = [attention.to_k, attention.to_v]
    if not attention.is_cross_attention:
        layers.insert(0, attention.to_q)
    wide = torch.cat([layer.weight for layer in layers])
    for layer, weight in zip(
        layers, wide.split([len(each.weight) for each in layers]), strict=True
    ):
        layer.weight = nn.Parameter(weight, requires_grad=layer.weight.requires_grad)
    attention.register_buffer("wide", wide, persistent=False)
