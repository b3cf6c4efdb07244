"""What a backend made differently from what was asked: nothing is replaced in silence.

Backends echo what they really use. A hosted one may take another model than the one that was
named (ModelsLab v6 does so without an error), or lower a number; the card and the result say it.
"""

from collections.abc import Iterator

from cogs.text import code, cut
from cogs.wording import plain_words
from jobs.model import Job

MAX_CHANGES_CHARS = 300
NAMES = {
    "frames": "frames",
    "fps": "fps",
    "steps": "steps",
    "guidance_scale": "guidance",
    "scheduler": "scheduler",
    "strength": "strength",
    "clip_skip": "clip skip",
    "seed": "seed",
}


def change_lines(job: Job) -> list[str]:
    """Return a line for another model, and one for all other values; none if all is as asked."""
    if job.receipt is None:
        return []
    title = job.request.provider.heading
    lines: list[str] = []
    model = job.receipt.effective.get("model")
    if isinstance(model, str) and model != job.request.model:
        asked = code(job.request.model, 60)
        lines.append(f"⚠️ {title} used {code(model, 60)} instead of {asked}.")
    differences = ", ".join(_differences(job, job.receipt.effective))
    if differences:
        lines.append(cut(f"⚠️ {title} changed {differences}.", MAX_CHANGES_CHARS))
    return lines


def _differences(job: Job, effective: dict[str, object]) -> Iterator[str]:
    """Yield what was changed, as `steps 30 → 20`; what was left to the backend is no change."""
    sides = [(getattr(job.request, side), effective.get(side)) for side in ("width", "height")]
    if any(_is_other(asked, told) for asked, told in sides):
        (width, _), (height, _) = sides
        told_size = "\u00d7".join(_shown(asked if told is None else told) for asked, told in sides)
        yield f"size {width}\u00d7{height} → {told_size}"
    for name, word in NAMES.items():
        asked, told = getattr(job.request, name), effective.get(name)
        if _is_other(asked, told):
            yield f"{word} {_shown(asked)} → {_shown(told)}"


def _is_other(asked: object, told: object) -> bool:
    """Compare as numbers where both are: a wire may carry 30 as "30" or 30.0."""
    if asked is None or told is None:
        return False
    try:
        return float(str(asked)) != float(str(told))
    except ValueError:
        return str(asked) != str(told)


def _shown(value: object) -> str:
    match value:
        case int():
            return str(value)
        case float():
            return f"{value:g}"
        case _:
            return plain_words(str(value)).removesuffix("Scheduler")
