"""Leaves out work whose outcome hardly changes from one step to the next; the frames do change.

Deep features: a UNet's inner blocks see the picture coarsely, and what they say changes slowly.
They are asked at every second call; in between, the outer blocks work with what was said last
(DeepCache, arXiv 2312.00858). Guidance: in the second half of a run, what the prompt adds to the
picture is asked at every second call, and in between the last answer holds. Both count the calls
of one run, so a request gives the same frames every time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers.models.unets.unet_motion_model import UNetMotionOutput
from torch import Tensor

Call = Callable[..., Any]
EVERY = 2  # calls, of which one is whole
FIRST_SHARE = 0.5  # of a run, in which guidance is always asked for


def whole(
    unet: Any,  # noqa: ANN401 - diffusers' edge
    sample: Tensor,
    timestep: Tensor,
    *,
    encoder_hidden_states: Tensor,
) -> tuple[Tensor, Tensor]:
    """Call a UNet; return what it says, and what its inner blocks do."""
    view = _View(unet, sample, timestep, encoder_hidden_states)
    rows = view.rows
    kept = [rows]
    for block in unet.down_blocks:
        rows, made = view.down(block, rows)
        kept += made
    if unet.mid_block is not None:
        rows = view.middle(rows)
    for block in unet.up_blocks[:-1]:
        count = len(block.resnets)
        passed, kept = tuple(kept[-count:]), kept[:-count]
        rows = view.up(block, rows, passed, size=kept[-1].shape[2:])
    return view.end(rows, tuple(kept)), rows


def outer(
    unet: Any,  # noqa: ANN401 - diffusers' edge
    sample: Tensor,
    timestep: Tensor,
    deep: Tensor,
    *,
    encoder_hidden_states: Tensor,
) -> Tensor:
    """Return what a UNet says whose inner blocks say what they said before."""
    view = _View(unet, sample, timestep, encoder_hidden_states)
    made = view.down(unet.down_blocks[0], view.rows)[1]
    kept = (view.rows, *made)[: len(unet.up_blocks[-1].resnets)]
    return view.end(deep, kept)


def has_depth(unet: Any) -> bool:  # noqa: ANN401 - diffusers' edge
    """Say whether a UNet has inner blocks, and nothing that `whole` does not know of."""
    config = unet.config
    return (
        len(unet.up_blocks) > 1
        and config.addition_embed_type is None
        and config.encoder_hid_dim_type is None
    )


class DeepReuse:
    """Calls a UNet, every second time without its inner blocks; for one run after another.

    Args:
        ask_whole: As `whole`, without the UNet.
        ask_outer: As `outer`.
    """

    def __init__(self, ask_whole: Call, ask_outer: Call) -> None:
        self._ask_whole = ask_whole
        self._ask_outer = ask_outer

    def for_one_run(self) -> Call:
        """Return what calls the UNet for one run."""
        last: list[Tensor] = []
        calls = 0

        def call(sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> Any:  # noqa: ANN401
            nonlocal calls
            calls += 1
            rows = len(sample) * sample.shape[2]
            if calls % EVERY != 1 and last and len(last[0]) == rows:
                said = self._ask_outer(
                    sample, timestep, last[0], encoder_hidden_states=encoder_hidden_states
                )
            else:
                said, deep = self._ask_whole(
                    sample, timestep, encoder_hidden_states=encoder_hidden_states
                )
                last[:] = [deep]
            return UNetMotionOutput(sample=said)

        return call


def for_one_run(call: Call | DeepReuse | None) -> Call | None:
    """Return a way to call the UNet that remembers nothing of another run."""
    return call.for_one_run() if isinstance(call, DeepReuse) else call


@dataclass(slots=True, kw_only=True)
class Guidance:
    """What the prompt adds, in one run.

    Attributes:
        is_reused: In the second half of the run it is asked for every second time.
    """

    is_reused: bool = False
    _last: Tensor | None = field(default=None, init=False)

    def is_due(self, call: int, total: int) -> bool:
        """Say whether the UNet is to be asked without the prompt, too, in one call of a run."""
        since = call - round(total * FIRST_SHARE)
        return not self.is_reused or self._last is None or since < 0 or since % EVERY == 0

    def keep(self, added: Tensor) -> None:
        """Note what the prompt added."""
        if self.is_reused:
            self._last = added

    @property
    def last(self) -> Tensor:
        """What it added when it was asked for last."""
        assert self._last is not None  # noqa: S101 - `is_due` says so first
        return self._last


class _View:
    """One call of a UNet, as diffusers' `UNetMotionModel.forward` begins it.

    Rows are the frames of all clips of the batch, one after another.
    """

    def __init__(self, unet: Any, sample: Tensor, timestep: Tensor, states: Tensor) -> None:  # noqa: ANN401
        self._unet = unet
        self._states = states
        self._frames = sample.shape[2]
        factor = 2**unet.num_upsamplers
        self._is_odd = any(side % factor for side in sample.shape[-2:])
        moments = timestep.reshape(1).expand(len(sample))
        moments = unet.time_embedding(unet.time_proj(moments).to(sample.dtype))
        self._moments = moments.repeat_interleave(
            self._frames, dim=0, output_size=len(moments) * self._frames
        )
        self.rows: Tensor = unet.conv_in(sample.transpose(1, 2).flatten(0, 1))

    def down(self, block: Any, rows: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:  # noqa: ANN401
        """Go through a block; return its rows, and those that it passes across."""
        return block(rows, temb=self._moments, **self._named(block))

    def middle(self, rows: Tensor) -> Tensor:
        """Go through the block in the middle."""
        block = self._unet.mid_block
        named: dict[str, Any] = {"encoder_hidden_states": self._states}
        if hasattr(block, "motion_modules"):
            named["num_frames"] = self._frames
        return block(rows, self._moments, **named)

    def up(
        self,
        block: Any,  # noqa: ANN401
        rows: Tensor,
        passed: tuple[Tensor, ...],
        *,
        size: torch.Size | None = None,
    ) -> Tensor:
        """Go through a block with what was passed across; `size` is that of the next ones."""
        return block(
            rows,
            temb=self._moments,
            res_hidden_states_tuple=passed,
            upsample_size=size if self._is_odd else None,
            **self._named(block),
        )

    def end(self, rows: Tensor, passed: tuple[Tensor, ...]) -> Tensor:
        """Go through the last block and what follows it, and part the rows into clips."""
        unet = self._unet
        rows = self.up(unet.up_blocks[-1], rows, passed)
        if unet.conv_norm_out:
            rows = unet.conv_act(unet.conv_norm_out(rows))
        return unet.conv_out(rows).unflatten(0, (-1, self._frames)).transpose(1, 2)

    def _named(self, block: Any) -> dict[str, Any]:  # noqa: ANN401
        named: dict[str, Any] = {"num_frames": self._frames}
        if getattr(block, "has_cross_attention", False):
            named["encoder_hidden_states"] = self._states
        return named
