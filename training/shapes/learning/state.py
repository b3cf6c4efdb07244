"""Keeps what a training has reached, in files of at most 16 MB each, all of them or none.

A stage's folder holds `NAME-0001.safetensors`, ... and `NAME.json`, which names them and is written
last: whatever is killed, the last whole state is there. The optimiser's state is not kept; going on
without it costs a warm-up.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

LARGEST_SHARD = 16_000_000  # bytes, so that no file is too large to be carried about


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The weights after some steps, and their moving average."""

    step: int
    weights: Mapping[str, Tensor]
    average: Mapping[str, Tensor]


def save(folder: Path, name: str, state: State) -> None:
    """Write a state; the one before goes when the new one is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"weights.{key}": value for key, value in state.weights.items()}
    tensors |= {f"average.{key}": value for key, value in state.average.items()}
    files: list[str] = []
    for number, shard in enumerate(_shards(tensors)):
        files.append(f"{name}-{state.step:07d}-{number:02d}.safetensors")
        save_file(
            {key: value.detach().cpu().contiguous() for key, value in shard.items()},
            folder / files[-1],
        )
    index = folder / f"{name}.json"
    part = folder / f"{name}.json.part"
    part.write_text(json.dumps({"step": state.step, "files": files}) + "\n")
    part.replace(index)
    for old in folder.glob(f"{name}-*.safetensors"):
        if old.name not in files:
            old.unlink()


def load(folder: Path, name: str) -> State | None:
    """Return the last whole state, or None where there is none."""
    index = folder / f"{name}.json"
    if not index.is_file():
        return None
    told = json.loads(index.read_text())
    tensors: dict[str, Tensor] = {}
    for file in told["files"]:
        tensors |= load_file(folder / file)
    return State(
        step=told["step"],
        weights=_without_prefix(tensors, "weights."),
        average=_without_prefix(tensors, "average."),
    )


def _without_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }


def _shards(tensors: Mapping[str, Tensor]) -> Iterable[dict[str, Tensor]]:
    shard: dict[str, Tensor] = {}
    size = 0
    for key, value in tensors.items():
        bytes_of = value.numel() * value.element_size()
        if shard and size + bytes_of > LARGEST_SHARD:
            yield shard
            shard, size = {}, 0
        shard[key] = value
        size += bytes_of
    if shard:
        yield shard
