"""Which of Novita's models can make a video, and how they are called in a submit.

txt2video is AnimateDiff on Stable Diffusion 1.5, so most of what `/v3/model` lists is not for
it: SDXL and inpainting checkpoints, and whatever is not ready.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from jobs.request import ModelInfo, ProviderName
from providers.novita.orders import DEFAULTS, MAX_SIDE, MIN_SIDE
from providers.novita.wire import Model

SD_15 = "SD 1.5"
READY = 1
TITLE_CHARS = 100
# The model of the txt2video page's own example.
FAVOURITE = "darkSushiMixMix_225D_64380.safetensors"


class Kind(StrEnum):
    """What is asked for, in the words of `filter.types`."""

    CHECKPOINT = "checkpoint"
    LORA = "lora"
    EMBEDDING = "textualinversion"


def checkpoints(listed: Iterable[Model]) -> tuple[ModelInfo, ...]:
    """Return the models that can make a video; the documented example first, if it is there."""
    usable = (model for model in listed if _is_usable(model) and model.base_model == SD_15)
    found = {_checkpoint_id(model): model for model in usable}
    infos = (_info(name, model) for name, model in found.items() if name)
    return tuple(sorted(infos, key=lambda info: info.id != FAVOURITE))


def additions(listed: Iterable[Model]) -> tuple[str, ...]:
    """Return the names of LoRAs or embeddings that fit; some do not say what they were made for."""
    usable = (model for model in listed if _is_usable(model) and model.base_model in (SD_15, ""))
    names: Sequence[str] = [model.sd_name_in_api or model.sd_name for model in usable]
    return tuple(dict.fromkeys(name for name in names if name))


def _is_usable(model: Model) -> bool:
    is_inpainting = "inpaint" in model.base_model_type.lower()
    return model.status == READY and not model.is_sdxl and not is_inpainting


def _checkpoint_id(model: Model) -> str:
    """Return the name for a submit: `sd_name` on the page of txt2video, the other on others."""
    return model.sd_name or model.sd_name_in_api


def _info(name: str, model: Model) -> ModelInfo:
    return ModelInfo(
        id=name,
        provider=ProviderName.NOVITA,
        title=(model.name or name)[:TITLE_CHARS],
        defaults=DEFAULTS,
        min_side=MIN_SIDE,
        max_side=MAX_SIDE,
    )
