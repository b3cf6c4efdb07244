"""What can be asked for: the account's own list in v4, the documented names in v6 and v7."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from jobs.request import ModelDefaults, ModelInfo, ProviderName
from providers.modelslab.dialects import Dialect
from providers.modelslab.wire import read_text

LONGEST_ID = 100  # characters: what Discord's autocomplete can offer
FIRST_CHOICE = "midjourney"  # the model of the v4 document's example

# v4 makes 40 frames at 8 a second whatever is asked (`meta` in the document's example, whose
# request asks for 30 steps and a guidance of 7.5).
V4_DEFAULTS = ModelDefaults(width=512, height=512, frames=40, fps=8, steps=30, guidance_scale=7.5)

# docs.modelslab.com, Text to Video (v6): at most 512 pixels and 25 frames, 20 steps, guidance 7.
V6_DEFAULTS = ModelDefaults(width=512, height=512, frames=25, fps=8, steps=20, guidance_scale=7.0)
V6_MODELS = {"wan2.2": "Wan 2.2", "ltx-2.3": "LTX 2.3"}  # the page's header; others are ignored

# Partners' models answer with 720p at 24 frames a second; a request has at most 1024 pixels.
V7_DEFAULTS = ModelDefaults(width=1024, height=576, frames=120, fps=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerModel:
    """A model of v7 and what it can be told.

    Attributes:
        title: Its name for people.
        ratios: The shapes it takes, as they are written on the wire.
        durations_s: The lengths it takes; empty where it decides by itself.
    """

    title: str
    ratios: tuple[str, ...]
    durations_s: tuple[int, ...] = ()


# Ratios of Seedance: ModelsLab's own SDK (modelslab_py, providers/byteplus/schemas.py); Kling as
# clients send it. Models that demand a sound or a picture are left out: nobody can give them one.
V7_MODELS = {
    "kling-v3-t2v": PartnerModel(
        title="Kling 3.0", ratios=("16:9", "9:16", "1:1"), durations_s=(5, 10)
    ),
    "seedance-t2v": PartnerModel(title="Seedance", ratios=("16:9", "4:3", "1:1", "9:21")),
    "seedance-1.0-pro-fast-t2v": PartnerModel(
        title="Seedance 1.0 Pro Fast", ratios=("16:9", "4:3", "1:1", "9:21")
    ),
}
V7_NOTE = "This model draws by its own seed, so a video cannot be made again."


def documented_models(dialect: Dialect) -> tuple[ModelInfo, ...]:
    """Return the models of a dialect that has no list to ask for; none for v4."""
    if dialect is Dialect.V6:
        return tuple(
            _model(name, title, V6_DEFAULTS, max_side=512) for name, title in V6_MODELS.items()
        )
    if dialect is Dialect.V7:
        return tuple(
            _model(name, model.title, V7_DEFAULTS, note=V7_NOTE)
            for name, model in V7_MODELS.items()
        )
    return ()


def listed_models(value: object) -> tuple[ModelInfo, ...] | None:
    """Read the answer of the v4 model list; what is not ready or has no usable id is left out.

    Args:
        value: JSON: an array, or an object whose `data` is one.

    Returns:
        The models, that of the document's example first if it is there; None if it is no list.
    """
    if isinstance(value, dict):
        value = cast("dict[str, object]", value).get("data")
    if not isinstance(value, list):
        return None
    found: dict[str, ModelInfo] = {}
    for row in cast("list[object]", value):
        model = _listed(cast("dict[str, object]", row)) if isinstance(row, dict) else None
        if model is not None:
            found.setdefault(model.id, model)
    return _favourite_first(tuple(found.values()))


def _favourite_first(models: Sequence[ModelInfo]) -> tuple[ModelInfo, ...]:
    return tuple(sorted(models, key=lambda model: model.id != FIRST_CHOICE))


def _listed(row: dict[str, object]) -> ModelInfo | None:
    name = read_text(row.get("model_id"))
    is_ready = row.get("status", "model_ready") == "model_ready"
    if not is_ready or not 0 < len(name) <= LONGEST_ID or not name.isprintable():
        return None
    word = read_text(row.get("instance_prompt"))
    return _model(
        name,
        read_text(row.get("model_name"))[:LONGEST_ID] or name,
        V4_DEFAULTS,
        trigger_words=(word,) if word else (),
    )


def _model(
    name: str,
    title: str,
    defaults: ModelDefaults,
    *,
    max_side: int = 1024,
    trigger_words: tuple[str, ...] = (),
    note: str = "",
) -> ModelInfo:
    return ModelInfo(
        id=name,
        provider=ProviderName.MODELSLAB,
        title=title,
        defaults=defaults,
        max_side=max_side,
        trigger_words=trigger_words,
        note=note,
    )
