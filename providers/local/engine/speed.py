"""What can make a render faster: each a switch, each off until it was measured to be worth it.

None of them changes where the weights lie once a model is loaded, so models and LoRAs are swapped
as ever. What is compiled is compiled for a few shapes only; a request of another shape takes the
plain path, and waits for no compiler. The frames are those of the plain path to rounding, but for
the levers that `providers.local.levers` calls lossy.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from providers.local.engine import fp8, reuse
from providers.local.engine.decoding import DECODED_AT_ONCE
from providers.local.engine.fused import fuse
from providers.local.engine.reuse import DeepReuse
from providers.local.engine.windows import STRIDE, is_round, set_stride, set_windows_at_once
from providers.local.levers import check_together

Call = Callable[..., Any]

TOKENS = 77  # of one piece of a prompt
SCALE = 8  # pixels of one latent, either way


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A request for which the UNet is compiled."""

    width: int = 512
    height: int = 512
    frames: int
    is_guided: bool = True
    is_loop: bool = False


# At most eight: torch gives up compiling a function for more (torch._dynamo.config).
USUAL = (
    Shape(frames=40),
    Shape(frames=16),
    Shape(frames=128),
    Shape(frames=40, is_guided=False),
    Shape(frames=16, is_guided=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What is switched on.

    Attributes:
        levers: The names of all that is on, for receipts.
        compiler: The backend of `torch.compile`.
        is_unet_compiled: The UNet is compiled.
        has_graphs: The UNet's compiled code is launched as CUDA graphs; Inductor can.
        is_vae_compiled: The VAE's decoder is compiled, too, for whole chunks.
        is_text_compiled: The text encoder is, for prompts without textual inversions.
        shapes: What the UNet is compiled for.
        channels_last: Convolutions' weights lie channel by channel, as tensor cores want them.
        is_fused: Queries, keys and values come from one multiplication.
        tuned_convolutions: cuDNN tries its deterministic ways and takes the fastest.
        is_guidance_split: With the prompt and without it one by one, in half the memory.
        windows_at_once: Windows in one attention of the motion blocks; None is all of them.
        attention: Names of torch's `SDPBackend`s, the first choice first; none is torch's choice.
        is_fp8: The UNet's linear layers multiply in 8 bits.
        is_depth_reused: The UNet's inner blocks are asked at every second call only.
        is_guidance_reused: So is, in a run's second half, what the UNet says without the prompt.
        stride: Frames between two windows.
    """

    levers: tuple[str, ...] = ()
    compiler: str = "inductor"
    is_unet_compiled: bool = False
    has_graphs: bool = False
    is_vae_compiled: bool = False
    is_text_compiled: bool = False
    shapes: tuple[Shape, ...] = USUAL
    channels_last: bool = False
    is_fused: bool = False
    tuned_convolutions: bool = False
    is_guidance_split: bool = False
    windows_at_once: int | None = None
    attention: tuple[str, ...] = ()
    is_fp8: bool = False
    is_depth_reused: bool = False
    is_guidance_reused: bool = False
    stride: int = STRIDE


PLAIN = Speed()
LEVERS: Mapping[str, Mapping[str, Any]] = {
    "compile": {"is_unet_compiled": True},
    "graphs": {"is_unet_compiled": True, "has_graphs": True},
    "vae": {"is_vae_compiled": True},
    "text": {"is_text_compiled": True},
    "channels_last": {"channels_last": True},
    "fused": {"is_fused": True},
    "tuned_convolutions": {"tuned_convolutions": True},
    "split_guidance": {"is_guidance_split": True},
    "two_windows": {"windows_at_once": 2},
    "flash": {"attention": ("FLASH_ATTENTION", "EFFICIENT_ATTENTION", "MATH")},
    "efficient": {"attention": ("EFFICIENT_ATTENTION", "MATH")},
    "cudnn": {"attention": ("CUDNN_ATTENTION", "FLASH_ATTENTION", "EFFICIENT_ATTENTION", "MATH")},
    "fp8": {"is_fp8": True},
    "deep_reuse": {"is_depth_reused": True},
    "guidance_reuse": {"is_guidance_reused": True},
    "wide_stride": {"stride": 2 * STRIDE},
}


def speed_of(names: Iterable[str]) -> Speed:
    """Switch on what is named.

    Raises:
        KeyError: There is no lever of that name.
        ValueError: Two of them do not go together.
    """
    speed, names = PLAIN, tuple(names)
    check_together(names)
    for name in names:
        speed = replace(speed, **LEVERS[name])
    return replace(speed, levers=names)


def check_device(speed: Speed, device: torch.device) -> None:
    """Refuse what a device has no hardware for.

    Raises:
        ValueError: There is something; the message names the lever.
    """
    if speed.is_fp8 and not fp8.can_multiply(device):
        raise ValueError(f"fp8 needs a GPU with 8-bit floating point (Ada, Hopper), not {device}")


def speed_up_unet(unet: nn.Module, speed: Speed) -> Call | DeepReuse | None:
    """Change a UNet that lies where it stays, and return a faster way to call it, if there is one.

    Args:
        unet: With windowed motion blocks.
        speed: What is switched on.
    """
    _change(unet, speed)

    def faster(call: Call) -> Call:
        return _faster(call, unet, speed)

    if speed.is_depth_reused and reuse.has_depth(unet):
        return DeepReuse(
            faster(lambda *args, **named: reuse.whole(unet, *args, **named)),
            faster(lambda *args, **named: reuse.outer(unet, *args, **named)),
        )
    call = faster(unet)
    if speed.is_guidance_split:
        call = _split(call)
    return None if call is unet else call


def speed_up_vae(vae: Any, speed: Speed) -> None:  # noqa: ANN401 - diffusers' edge
    """Change a VAE that lies where it stays."""
    if speed.channels_last:
        _lay_channels_last(vae)
    if speed.is_vae_compiled:
        plain, sizes = vae.decoder.forward, {_size(shape) for shape in speed.shapes}

        def fits(latents: Tensor, *_: object, **__: object) -> bool:
            return len(latents) == DECODED_AT_ONCE and tuple(latents.shape[2:]) in sizes

        vae.decoder.forward = _gate(plain, _compiled(plain, speed), fits)


def speed_up_text_encoder(model: Any, speed: Speed) -> None:  # noqa: ANN401 - transformers' edge
    """Change a text encoder; one that has learnt words for a render is called as it is."""
    if speed.is_text_compiled:
        plain, table = model.forward, model.get_input_embeddings()
        known = table.num_embeddings

        def fits(*_: object, **named: object) -> bool:
            return table.num_embeddings == known and not named

        model.forward = _gate(plain, _compiled(plain, speed, is_whole=False), fits)


def _change(unet: nn.Module, speed: Speed) -> None:
    """Change what is in a UNet."""
    if speed.channels_last:
        _lay_channels_last(unet)
    if speed.is_fused:
        fuse(unet)
    if speed.is_fp8:
        fp8.put_fp8_into(unet)
    set_windows_at_once(unet, speed.windows_at_once)
    set_stride(unet, speed.stride)


def _faster(call: Call, unet: nn.Module, speed: Speed) -> Call:
    """Change how a UNet, or part of it, is called."""
    if speed.is_unet_compiled:
        compiled = _compiled(call, speed, has_graphs=speed.has_graphs)
        call = _gate(call, compiled, lambda *args, **named: _is_usual(unet, speed, *args, **named))
    return _with_kernels(call, speed.attention) if speed.attention else call


def _compiled(call: Call, speed: Speed, *, has_graphs: bool = False, is_whole: bool = True) -> Call:
    """Compile for fixed shapes; `is_whole` says that Python must have no part in it."""
    options: dict[str, Any] | None = {"triton.cudagraphs": True} if has_graphs else None
    torch_compile: Any = torch.compile  # its overloads know no options beside a backend
    compiled: Call = torch_compile(
        call, fullgraph=is_whole, dynamic=False, backend=speed.compiler, options=options
    )
    return _copied(compiled) if has_graphs else compiled


def _copied(call: Call) -> Call:
    """Give away copies of what a graph makes: its next run writes to the same place."""

    def run(*args: object, **named: object) -> Any:  # noqa: ANN401 - as diffusers
        torch.compiler.cudagraph_mark_step_begin()
        made = call(*args, **named)
        if isinstance(made, Tensor):
            return made.clone()
        if hasattr(made, "sample"):
            return type(made)(sample=made.sample.clone())
        return tuple(each.clone() for each in made)

    return run


def _gate(plain: Call, fast: Call, fits: Callable[..., bool]) -> Call:
    def run(*args: object, **named: object) -> Any:  # noqa: ANN401
        return (fast if fits(*args, **named) else plain)(*args, **named)

    return run


def _is_usual(
    unet: nn.Module,
    speed: Speed,
    sample: Tensor,
    *_: Tensor,
    encoder_hidden_states: Tensor,
) -> bool:
    rows, frames, height, width = len(sample), *sample.shape[2:]
    shape = Shape(
        width=width * SCALE,
        height=height * SCALE,
        frames=frames,
        is_guided=rows > 1,
        is_loop=is_round(unet),
    )
    return shape in speed.shapes and encoder_hidden_states.shape[1] == TOKENS


def _with_kernels(call: Call, names: Iterable[str]) -> Call:
    backends = [getattr(SDPBackend, name) for name in names]

    def run(*args: object, **named: object) -> Any:  # noqa: ANN401
        with sdpa_kernel(backends, set_priority=True):
            return call(*args, **named)

    return run


def _split(call: Call) -> Call:
    """Call once for each row of the latents; a row's frames have as many rows of states."""

    def run(sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> Any:  # noqa: ANN401
        states = encoder_hidden_states.chunk(len(sample))
        made = [
            call(row, timestep, encoder_hidden_states=state)
            for row, state in zip(sample.chunk(len(sample)), states, strict=True)
        ]
        return type(made[0])(sample=torch.cat([each.sample for each in made]))

    return run


def _lay_channels_last(module: Any) -> None:  # noqa: ANN401 - `nn.Module.to` has no such overload
    module.to(memory_format=torch.channels_last)


def _size(shape: Shape) -> tuple[int, int]:
    return shape.height // SCALE, shape.width // SCALE
