"""Keeps one AnimateDiff pipeline in memory, loaded from a model's folder.

Loading takes seconds, so the last one stays; changing files of a model makes it load anew.
"""

import gc
import logging
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.animatediff.pipeline_animatediff import AnimateDiffPipeline
from diffusers.utils.logging import disable_progress_bar as quiet_diffusers
from transformers.utils.logging import disable_progress_bar as quiet_transformers

from providers.local.ticket import RenderError
from providers.local.weights import Fingerprint, fingerprint
from providers.local.windows import put_windows_into
from providers.local.wire import FailureCode

logger = logging.getLogger(__name__)


class PipelineShelf:
    """The pipeline of the last model, on one device.

    Attributes:
        device: `cpu` or `cuda:N`.
        dtype: float32 on a CPU, float16 on a GPU.
    """

    def __init__(self, *, device: str) -> None:
        self.device = torch.device(device)
        self.dtype = torch.float32 if self.device.type == "cpu" else torch.float16
        self._held: tuple[Path, Fingerprint] | None = None
        self._pipe: Any = None
        quiet_diffusers()
        quiet_transformers()

    def get(self, folder: Path) -> Any:  # noqa: ANN401 - diffusers' edge
        """Return the pipeline of a model's folder, loaded if it is not the one held.

        Raises:
            RenderError: The folder cannot be loaded.
        """
        wanted = (folder, fingerprint(folder))
        if self._held != wanted:
            self.clear()
            self._pipe = self._load(folder)
            self._held = wanted
        return self._pipe

    def clear(self) -> None:
        """Let go of the pipeline and give its memory back."""
        self._held = self._pipe = None
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _load(self, folder: Path) -> Any:  # noqa: ANN401
        try:
            # Without an explicit dtype the parts of one folder may come in different ones.
            pipe: Any = AnimateDiffPipeline.from_pretrained(
                folder, dtype=self.dtype, local_files_only=True, use_safetensors=True
            )
            pipe.to(self.device)
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:  # a broken folder may raise anything
            logger.exception("The model %s cannot be loaded", folder.name)
            message = (
                f"The model {folder.name} cannot be loaded on this machine; "
                "its operator has to add it again."
            )
            raise RenderError(FailureCode.BAD_MODEL, message) from error
        pipe.set_progress_bar_config(disable=True)
        put_windows_into(pipe.unet)
        return pipe
