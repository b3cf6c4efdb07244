"""Puts LoRAs and textual inversions onto a pipeline for one render, and takes them off again.

Taking them off gives back the very same weights, so the next render on the pipeline is what
it would have been on a fresh one.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.request import LoraUse
from providers.local.ticket import RenderError
from providers.local.wire import FailureCode, RenderFiles


@contextmanager
def adapted(
    pipe: Any,  # noqa: ANN401 - diffusers' edge
    *,
    loras: Sequence[LoraUse],
    files: RenderFiles,
) -> Generator[dict[str, str]]:
    """Load what a request names; yield the token of each textual inversion.

    Args:
        pipe: The pipeline.
        loras: Which act, and how strongly.
        files: Where LoRAs and textual inversions lie; all of the latter are loaded.

    Raises:
        RenderError: One of them does not fit the model.
    """
    try:
        _load_loras(pipe, loras, files.loras)
        yield _load_embeddings(pipe, files.embeddings)
    finally:
        if loras:
            pipe.unload_lora_weights()
        if files.embeddings:
            pipe.unload_textual_inversion()


def _load_loras(pipe: Any, loras: Sequence[LoraUse], files: Mapping[str, Path]) -> None:  # noqa: ANN401
    names = [f"lora{number}" for number in range(len(loras))]  # an id may hold dots, a name not
    for name, lora in zip(names, loras, strict=True):
        with _misfit_told("LoRA", lora.id):
            file = files[lora.id]
            pipe.load_lora_weights(file.parent, weight_name=file.name, adapter_name=name)
            pipe.set_adapters([name])  # fails if not a single weight was for this model
    if loras:
        pipe.set_adapters(names, [lora.strength for lora in loras])


def _load_embeddings(pipe: Any, files: Mapping[str, Path]) -> dict[str, str]:  # noqa: ANN401
    tokens = {name: f"<{name.lower()}>" for name in files}
    for name, token in tokens.items():
        with _misfit_told("embedding", name):
            pipe.load_textual_inversion(str(files[name]), token=token)
    return tokens


@contextmanager
def _misfit_told(kind: str, name: str) -> Generator[None]:
    try:
        yield
    except Exception as error:  # the loaders raise whatever a foreign file makes them raise
        message = f"The {kind} {name} does not fit this model."
        raise RenderError(FailureCode.BAD_ADAPTER, message) from error
