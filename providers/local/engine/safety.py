"""Looks at what was drawn before anybody else does, with the safety checker that a model brings.

It is the one of Stable Diffusion 1.5: CLIP's eye and 17 concepts, each with a threshold. Of a clip
it sees every eighth frame and the last one, many at once. What it flags leaves no file behind.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import init_empty_weights
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from torch import Tensor, nn
from transformers import CLIPConfig

from providers.local.engine.checkpoints import State, read_part
from providers.local.engine.encode import Frames
from providers.local.engine.host_cache import Key
from providers.local.engine.thrift import give_back_memory
from providers.local.engine.ticket import RenderError, Ticket
from providers.local.engine.trouble import is_lost, is_memory
from providers.local.library.weights import BrokenFileError, fingerprint, read_json
from providers.local.wire import FailureCode, Stage

logger = logging.getLogger(__name__)
# It announces a black picture, which nobody makes here.
logging.getLogger(StableDiffusionSafetyChecker.__module__).setLevel(logging.ERROR)

EVERY = 8  # frames; a second, at the usual eight frames of one
AT_ONCE = 8  # pictures; a slow CPU takes eight seconds for each
# What pictures are brought to (openai/CLIP, clip.py), unless the model's own file says otherwise.
EXTRACTOR = Path("feature_extractor", "preprocessor_config.json")
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_SPREAD = (0.26862954, 0.26130258, 0.27577711)
FLAGGED = "The model's safety checker flagged this video, so it is not shown; try other words."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Eye:
    """A safety checker on the device.

    Attributes:
        module: diffusers' own.
        side: Pixels of the square that it sees.
        mean: Of the three colours, as it was trained.
        spread: Their standard deviation.
    """

    module: nn.Module
    side: int
    mean: Tensor
    spread: Tensor

    @torch.inference_mode()
    def finds(self, squares: Tensor) -> bool:
        """Say whether one of some pictures shows what it was made to find.

        Args:
            squares: Pictures x RGB x side x side, 0-255, on the device.
        """
        sized: Tensor = nn.functional.interpolate(
            squares.float(), size=self.side, mode="bicubic", antialias=True
        )
        shown = sized.clamp(0, 255) / 255
        pixels = ((shown - self.mean) / self.spread).to(next(self.module.parameters()).dtype)
        _, found = self.module(clip_input=pixels, images=torch.zeros(len(pixels), 1))
        return any(found)


class Guard:
    """Holds the safety checker of the last model that has one, on one device.

    Args:
        device: Where it looks.
        dtype: Of its weights.
    """

    def __init__(self, *, device: torch.device, dtype: torch.dtype) -> None:
        self._device = device
        self._dtype = dtype
        self._held: tuple[Key, _Eye] | None = None

    def hold(self, folder: Path | None) -> None:
        """Load a safety checker, if it is not the one held; None needs none.

        Raises:
            RenderError: It cannot be used, and then nothing is drawn.
        """
        if folder is not None:
            self._eye(folder)

    def watched(self, chunks: Iterable[Frames], folder: Path, ticket: Ticket) -> Iterator[Frames]:
        """Yield all frames; behind the last of them, refuse a clip that is flagged.

        Raises:
            StoppedError: The render was cancelled.
            RenderError: It is flagged, or its checker cannot be used.
        """
        seen: list[Frames] = []
        last, count = None, 0
        for chunk in chunks:
            seen.append(chunk[-count % EVERY :: EVERY])
            last, count = chunk[-1:], count + len(chunk)
            yield chunk
        if last is not None and (count - 1) % EVERY:
            seen.append(last)
        if self._is_flagged(seen, folder, ticket):
            raise RenderError(FailureCode.FLAGGED, FLAGGED)

    def clear(self) -> None:
        """Let go of the checker and give the device's memory back."""
        self._held = None
        give_back_memory(self._device)

    def _is_flagged(self, seen: Sequence[Frames], folder: Path, ticket: Ticket) -> bool:
        """Look at some pictures at a time, and give a sign of life after each."""
        ticket.enter(Stage.CHECKING)
        eye = self._eye(folder)
        pictures = [square for frames in seen for frame in frames for square in _squares(frame)]
        for start in range(0, len(pictures), AT_ONCE):
            some = torch.from_numpy(np.stack(pictures[start : start + AT_ONCE]))
            if eye.finds(some.to(self._device).permute(0, 3, 1, 2)):
                return True
            ticket.advance(min(start + AT_ONCE, len(pictures)), len(pictures))
        return False

    def _eye(self, folder: Path) -> _Eye:
        try:
            key = (folder, fingerprint(folder))
            if self._held is None or self._held[0] != key:
                self._held = None  # its memory is free before the next one needs it
                self._held = (key, self._opened(folder))
        except Exception as error:  # a broken file may raise anything
            if is_memory(error) or is_lost(error):
                raise
            logger.exception("The safety checker in %s cannot be loaded", folder.parent.name)
            raise _refusal(folder, error) from error
        return self._held[1]

    def _opened(self, folder: Path) -> _Eye:
        config, state = read_part(
            folder, keep=lambda tensor: tensor.to(self._device, self._dtype, copy=True)
        )
        extractor = folder.parent / EXTRACTOR
        colours = read_json(extractor, extractor.name) if extractor.is_file() else {}
        module = _built(config, state).to(self._device).eval()
        return _Eye(
            module=module,
            side=int(module.config.vision_config.image_size),
            mean=_colours(colours.get("image_mean", CLIP_MEAN), self._device),
            spread=_colours(colours.get("image_std", CLIP_SPREAD), self._device),
        )


def _built(config: Mapping[str, Any], state: State) -> Any:  # noqa: ANN401 - diffusers' edge
    """Build the module around its weights.

    Raises:
        BrokenFileError: They are not those of a safety checker.
    """
    with init_empty_weights(include_buffers=False):
        module: Any = StableDiffusionSafetyChecker(CLIPConfig.from_dict(dict(config)))
    try:
        module.load_state_dict(dict(state), assign=True)
    except RuntimeError as error:
        raise BrokenFileError("its weights are not those of a safety checker") from error
    return module


def _colours(values: Sequence[float], device: torch.device) -> Tensor:
    return torch.tensor(values, device=device).reshape(1, 3, 1, 1)


def _squares(frame: Frames) -> Iterator[Frames]:
    """Cut a frame into squares that cover it all: the checker sees nothing else."""
    height, width = frame.shape[:2]
    side = min(height, width)
    pieces = ceil(max(height, width) / side)
    for at in np.linspace(0, max(height, width) - side, pieces).round().astype(int):
        yield frame[:, at : at + side] if width > height else frame[at : at + side]


def _refusal(folder: Path, error: Exception) -> RenderError:
    reason = f" ({error})" if isinstance(error, BrokenFileError) else ""
    message = (
        f"The safety checker of the model {folder.parent.name} cannot be loaded{reason}; "
        "its operator has to add the model again."
    )
    return RenderError(FailureCode.BAD_MODEL, message)
