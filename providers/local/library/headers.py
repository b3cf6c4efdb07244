"""Reads what a safetensors file says it holds, without reading a tensor and without torch.

A file that is added is held to the whole format: every tensor's bytes follow from its shape and
type, and together they fill the file without a gap or an overlap. So a header cannot name bytes
twice, or bytes that are not there (https://github.com/huggingface/safetensors, "Format").
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from providers.local.library.weights import (
    HEADER_LIMIT,
    BrokenFileError,
    check_is_file,
    parsed,
)

PICKLES = frozenset({".bin", ".ckpt", ".pkl", ".pt", ".pth"})
BITS = {  # safetensors 0.8, tensor.rs
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}
MAX_DIMENSIONS = 8
MAX_TENSORS = 100_000  # a whole SD 1.5 checkpoint has 1,145


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file holds.

    Attributes:
        shapes: Of each tensor, by name.
        metadata: Free text by name, as trainers write it.
        size: Bytes of the whole file.
    """

    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str] = field(default_factory=dict)
    size: int = 0

    @property
    def parameters(self) -> int:
        """Return how many numbers the file holds."""
        return sum(prod(shape) for shape in self.shapes.values())


def read_header(path: Path, name: str) -> Header:
    """Read and check the header of a safetensors file.

    Args:
        path: The file.
        name: What to call it in the message.

    Raises:
        BrokenFileError: It is a pickle, is missing or truncated, or contradicts itself.
    """
    if path.suffix.lower() in PICKLES:
        raise BrokenFileError(
            f"{name} is a pickle, which could run code; only .safetensors are taken"
        )
    check_is_file(path, name)
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(HEADER_LIMIT, size - 8):
                raise BrokenFileError(f"{name} is no whole safetensors file")
            content = parsed(file.read(length))
    except (OSError, ValueError) as error:
        raise BrokenFileError(f"{name} cannot be read") from error
    shapes, used = _tensors(content, name)
    if size != 8 + length + used:
        how = "truncated" if size < 8 + length + used else "longer than it should be"
        raise BrokenFileError(f"{name} is {how}")
    return Header(shapes=shapes, metadata=_metadata(content), size=size)


def _tensors(content: object, name: str) -> tuple[dict[str, tuple[int, ...]], int]:
    """Return the shapes, and how many bytes all tensors take."""
    if not isinstance(content, dict) or not 1 <= len(content) <= MAX_TENSORS:
        raise BrokenFileError(f"{name} has a header that cannot be read")
    shapes: dict[str, tuple[int, ...]] = {}
    spans: list[tuple[int, int]] = []
    for key, value in content.items():
        if key == "__metadata__":
            continue
        try:
            shapes[key], span = _tensor(value)
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise BrokenFileError(f"{name} describes a tensor that cannot be") from error
        spans.append(span)
    if not shapes:
        raise BrokenFileError(f"{name} holds no tensors")
    return shapes, _end_of(spans, name)


def _tensor(value: Any) -> tuple[tuple[int, ...], tuple[int, int]]:  # noqa: ANN401 - JSON is anything
    shape, (begin, end) = value["shape"], value["data_offsets"]
    if not isinstance(shape, list) or not all(map(_is_count, [*shape, begin, end])):
        raise ValueError("no counts")
    if len(shape) > MAX_DIMENSIONS or (end - begin) * 8 != prod(shape) * BITS[value["dtype"]]:
        raise ValueError("its bytes do not follow from its shape")
    return tuple(shape), (begin, end)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _end_of(spans: Iterable[tuple[int, int]], name: str) -> int:
    reached = 0
    for begin, end in sorted(spans):
        if begin != reached:
            what = "overlap" if begin < reached else "leave a gap"
            raise BrokenFileError(f"{name} has tensors that {what}")
        reached = end
    return reached


def _metadata(content: Mapping[str, Any]) -> dict[str, str]:
    found = content.get("__metadata__")
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(value, str)}
