"""What a video says about itself: the receipt as one JSON comment, and its values by name.

The comment is complete and for machines; the named tags are what players and file managers
show to people.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from jobs.model import Receipt

# Looked up in what the backend said, then in what it was given, then in what was asked.
_SETTINGS = (
    "negative_prompt",
    "width",
    "height",
    "frames",
    "fps",
    "steps",
    "guidance_scale",
    "scheduler",
    "clip_skip",
    "closed_loop",
    "strength",
    "loras",
    "embeddings",
    "image",
)


def tags_of(receipt: Receipt) -> Mapping[str, str]:
    """Return the tags of a receipt by name; what it does not say is empty.

    The names are always the same, so tagging a file again leaves nothing of the old receipt.
    """
    prompt = _prompt_of(receipt)
    values: dict[str, object] = {
        **{name: _setting(receipt, name) for name in _SETTINGS},
        "comment": comment_of(receipt),
        "title": prompt,
        "prompt": prompt,
        "seed": receipt.seed,
        "model": receipt.model,
        "model_hash": receipt.model_hash,
        "provider": receipt.provider,
        "provider_job_id": receipt.provider_job_id,
        "job_id": receipt.job_id,
        "parent_job": receipt.parent_job,
    }
    return {name: _text(value) for name, value in values.items()}


def comment_of(receipt: Receipt) -> str:
    """Return the receipt as compact JSON in ASCII, which a GIF's comment may hold too."""
    return _compact(receipt.model_dump(mode="json"))


def _setting(receipt: Receipt, name: str) -> object:
    for values in (receipt.effective, receipt.sent, receipt.asked):
        if not _is_missing(values.get(name)):
            return values[name]
    return None


def _prompt_of(receipt: Receipt) -> str:
    for values in (receipt.effective, receipt.sent, receipt.asked):
        parts = " | ".join(_prompts_in(values))
        if parts:
            return parts
    return ""


def _prompts_in(values: Mapping[str, object]) -> Iterator[str]:
    segments = values.get("segments")
    if isinstance(segments, list | tuple):
        for segment in cast("Sequence[object]", segments):
            if isinstance(segment, Mapping):
                yield str(cast("Mapping[str, object]", segment).get("prompt", ""))
    elif isinstance(values.get("prompt"), str):
        yield str(values["prompt"])


def _is_missing(value: object) -> bool:
    return value is None or value in ("", [], ())


def _text(value: object) -> str:
    if _is_missing(value):
        return ""
    return value if isinstance(value, str) else _compact(value)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), default=str)
