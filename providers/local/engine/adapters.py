"""Puts LoRAs and textual inversions onto a pipeline for one render, and takes them off again.

LoRAs are added to the weights themselves: a layer then costs what it costs without, and what was
compiled stays valid. Afterwards the weights are copied back from host memory, so the next render
on the pipeline is what it would have been on a fresh one, bit for bit. Everything is read and
checked before anything is changed.
"""

import copy
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from jobs.request import LoraUse
from providers.local.engine.inversions import read_inversion
from providers.local.engine.loras import Layer, Target, read_lora
from providers.local.engine.ticket import RenderError
from providers.local.engine.trouble import is_memory
from providers.local.library.weights import BrokenFileError
from providers.local.wire import FailureCode, RenderFiles

Sum = list[tuple[float, Layer]]


@contextmanager
def adapted(
    pipe: Any,  # noqa: ANN401 - diffusers' edge
    *,
    loras: Sequence[LoraUse],
    files: RenderFiles,
) -> Generator[dict[str, str]]:
    """Put on what a request names; yield the token of each textual inversion.

    Of one with several vectors it is the first; the others follow it as `<name>_1`, `<name>_2`,
    which is what diffusers' `maybe_convert_prompt` expects.

    Args:
        pipe: The pipeline, from the shelf.
        loras: Which act, and how strongly; one of strength 0 is only checked.
        files: Where LoRAs and textual inversions lie; all of the latter are put on.

    Raises:
        RenderError: One of them does not fit the model.
    """
    sums = _read_loras(pipe, loras, files.loras)
    words = _read_inversions(pipe, files.embeddings)
    try:
        _add(pipe, sums)
        with _taught(pipe, words):
            yield {name: f"<{name.lower()}>" for name in files.embeddings}
    finally:
        _restore(pipe, sums)


def _read_loras(
    pipe: Any,  # noqa: ANN401
    loras: Sequence[LoraUse],
    files: Mapping[str, Path],
) -> dict[Target, Sum]:
    modules = {"unet": pipe.unet, "text_encoder": pipe.text_encoder}
    sums: dict[Target, Sum] = {}
    for lora in loras:
        with _misfit_told("LoRA", lora.id):
            layers = read_lora(files[lora.id], modules)
        for target, layer in layers.items() if lora.strength else ():
            sums.setdefault(target, []).append((lora.strength, layer))
    return sums


def _read_inversions(pipe: Any, files: Mapping[str, Path]) -> dict[str, Tensor]:  # noqa: ANN401
    """Return one vector for each token."""
    width = pipe.text_encoder.get_input_embeddings().weight.shape[1]
    words: dict[str, Tensor] = {}
    for name, file in files.items():
        with _misfit_told("embedding", name):
            first, *others = read_inversion(file, width=width)
        token = f"<{name.lower()}>"
        words |= {token: first} | {f"{token}_{at}": row for at, row in enumerate(others, 1)}
    return words


@torch.no_grad()
def _add(pipe: Any, sums: Mapping[Target, Sum]) -> None:  # noqa: ANN401
    """Add every LoRA to its weights; the sum is rounded once."""
    for weight, whole, parts in _weights(pipe, sums):
        total = whole.to(weight.device, torch.float32)
        for strength, layer in parts:
            total = total + strength * layer.delta(weight.shape, weight.device)
        weight.copy_(total)


@torch.no_grad()
def _restore(pipe: Any, sums: Mapping[Target, Sum]) -> None:  # noqa: ANN401
    for weight, whole, _ in _weights(pipe, sums):
        weight.copy_(whole)


def _weights(
    pipe: Any,  # noqa: ANN401
    sums: Mapping[Target, Sum],
) -> Iterable[tuple[Tensor, Tensor, Sum]]:
    """Yield the weights that are changed, each with what it was and what is added."""
    for (part, name), parts in sums.items():
        yield getattr(pipe, part).get_parameter(name), pipe.pristine[part][name], parts


@contextmanager
def _taught(pipe: Any, words: Mapping[str, Tensor]) -> Generator[None]:  # noqa: ANN401
    """Let the text encoder know tokens for a while, by a table and a tokenizer that go again."""
    if not words:
        yield
        return
    tokenizer, table = pipe.tokenizer, pipe.text_encoder.get_input_embeddings()
    known, size = table.weight, table.num_embeddings
    longer = copy.deepcopy(tokenizer)
    longer.add_tokens(list(words))
    ids: list[int] = longer.convert_tokens_to_ids(list(words))
    rows = torch.cat([known.detach(), known.new_zeros(max(0, max(ids) + 1 - size), known.shape[1])])
    rows[torch.tensor(ids, device=rows.device)] = torch.stack(list(words.values())).to(rows)
    try:
        table.weight, table.num_embeddings = nn.Parameter(rows, requires_grad=False), len(rows)
        pipe.tokenizer = longer
        yield
    finally:
        pipe.tokenizer = tokenizer
        table.weight, table.num_embeddings = known, size


@contextmanager
def _misfit_told(kind: str, name: str) -> Generator[None]:
    try:
        yield
    except Exception as error:  # a foreign file may raise anything
        if is_memory(error):
            raise
        reason = f": {error}" if isinstance(error, BrokenFileError) else ""
        message = f"The {kind} {name} does not fit this model{reason}."
        raise RenderError(FailureCode.BAD_ADAPTER, message) from error
