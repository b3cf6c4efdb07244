"""The names of what can make the local engine faster, for the bot, which knows no torch.

What each of them does is in `providers/local/engine/speed.py`; docs/performance.md says what it
gave, and what it costs.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations

AUTO = "auto"  # what was proved equal and faster for the device
OFF = "off"

COMPILED = ("compile", "graphs", "vae", "text")
KERNELS = ("flash", "efficient", "cudnn")
EXACT = (
    *COMPILED,
    *("channels_last", "fused", "tuned_convolutions", "split_guidance", "two_windows"),
    *KERNELS,
)
FP8 = "fp8"
LOSSY = (FP8, "deep_reuse", "guidance_reuse", "wide_stride")
NAMES = (*EXACT, *LOSSY)

# What acts on the call of the UNet or on how many windows attend at once, and so is left out when
# a render is tried again in slices.
OF_THE_CALL = frozenset(
    {"compile", "graphs", "split_guidance", "two_windows", "deep_reuse", *KERNELS}
)
_APART = (
    frozenset({"fused", FP8}),  # both replace the multiplications of an attention
    frozenset({"split_guidance", "deep_reuse"}),  # the halves of a call would share deep features
    frozenset({"compile", "graphs"}),  # the second is the first, and more
    *(frozenset(pair) for pair in combinations(KERNELS, 2)),
)

# By the kind of device; a lever is in it once it was measured to be faster there, with a PSNR of
# 40 dB or more against the plain path.
PROVED: dict[str, tuple[str, ...]] = {"cpu": ("two_windows",), "cuda": ()}


def parse(text: str) -> tuple[str, ...]:
    """Read `auto`, `off`, or names separated by commas.

    Raises:
        ValueError: A name is not known, or two do not go together.
    """
    names = tuple(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))
    if names in ((AUTO,), (OFF,)):
        return names
    unknown = [name for name in names if name not in NAMES]
    if unknown or not names:
        about = f"there is no {', '.join(unknown)}; " if unknown else ""
        raise ValueError(f"{about}use `{AUTO}`, `{OFF}`, or some of {', '.join(NAMES)}")
    check_together(names)
    return names


def check_together(names: Iterable[str]) -> None:
    """Refuse levers of which only one can act.

    Raises:
        ValueError: There are such; the message names them.
    """
    given = set(names)
    for pair in _APART:
        if pair <= given:
            raise ValueError(f"{' and '.join(sorted(pair))} do not go together")


def resolved(names: Sequence[str], device: str) -> tuple[str, ...]:
    """Return the levers that a device is to use.

    Args:
        names: What `parse` returned.
        device: `cpu` or `cuda:N`.
    """
    if tuple(names) == (AUTO,):
        return PROVED[device.partition(":")[0]]
    return () if tuple(names) == (OFF,) else tuple(names)


def is_anything_compiled(names: Iterable[str]) -> bool:
    """Say whether a worker that uses these may compile something."""
    wanted = set(names)
    if AUTO in wanted:
        wanted = {name for proved in PROVED.values() for name in proved}
    return not wanted.isdisjoint(COMPILED)


def has_fp8(capability: tuple[int, ...]) -> bool:
    """Say whether a GPU of a compute capability multiplies in 8 bits: Ada 8.9, Hopper 9.0."""
    return capability >= (8, 9)
