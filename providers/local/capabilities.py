"""What the local engine can and cannot honour, said before a job is queued. No torch here."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

from jobs.errors import RequestError
from jobs.request import ResolvedRequest, Scheduler, Segment

# What these begin with is no noise. The other 17 all land on the picture of an exact noise
# predictor (tests/local/test_oracle.py).
UNUSABLE_SCHEDULERS: Mapping[Scheduler, tuple[str, Scheduler]] = {
    Scheduler.DDIM_INVERSE: ("begins with an init image, at a `strength` below 1", Scheduler.DDIM),
}


def check_scheduler(request: ResolvedRequest) -> None:
    """Refuse a scheduler that cannot make a video from noise, unless it begins with an image.

    Raises:
        RequestError: It cannot; the message names one that can.
    """
    has_image = request.image is not None and not is_image_ignored(request)
    asked = request.scheduler
    if asked is not None and asked in UNUSABLE_SCHEDULERS and not has_image:
        reason, substitute = UNUSABLE_SCHEDULERS[asked]
        message = f"`scheduler`: {asked} {reason}; add one, or use {substitute}."
        raise RequestError(message, field="scheduler")


def unknown(field: str, asked: str, known: Sequence[str]) -> RequestError:
    """Return the refusal of an id, with the ones that may have been meant."""
    plain = "".join(c for c in asked[:40] if c.isalnum() or c in "._-")
    if not known:
        message = f"`{field}`: there is no '{plain}' here, and no other either."
        return RequestError(message, field=field)
    near = difflib.get_close_matches(asked, known, n=3, cutoff=0.4) or sorted(known)[:3]
    message = f"`{field}`: there is no '{plain}' here; try {', '.join(near)}."
    return RequestError(message, field=field)


def warnings_for(request: ResolvedRequest) -> list[str]:
    """Return a sentence for each option that is asked for and will not act."""
    warnings: list[str] = []
    if request.negative_prompt and request.guidance_scale <= 1:
        warnings.append("`negative_prompt` has no effect at a `guidance_scale` of 1.")
    if request.image and is_image_ignored(request):
        warnings.append("`strength` is 1, so the init image is ignored.")
    if request.image and request.strength is not None:
        warnings += _strength_warnings(request, request.strength)
    if not request.image and request.strength is not None:
        warnings.append("`strength` has no effect without an init image.")
    loose = unnamed(request.segments, request.negative_prompt, request.embeddings)
    if loose:
        warnings.append(f"No prompt names {', '.join(loose)}, so it is added to `prompt`.")
    return warnings


def lcm_warning(request: ResolvedRequest) -> str | None:
    """Return one sentence if a request asks for the LCM scheduler; the weights are not for it."""
    if request.scheduler is not Scheduler.LCM:
        return None
    return (
        f"`scheduler`: {Scheduler.LCM} draws well only with LCM weights, and `{request.model}` "
        "has none here; leave it out, or ask for an AnimateLCM model or an LCM LoRA."
    )


def _strength_warnings(request: ResolvedRequest, strength: float) -> list[str]:
    if strength == 0:
        return ["`strength` is 0, so every frame is the init image."]
    if request.steps * strength < 1 and request.steps_run == 1:
        asked = f"{request.steps} steps at a `strength` of {strength:g}"
        return [f"{asked} are less than one; one is run."]
    return []


def unnamed(segments: Sequence[Segment], negative: str, embeddings: Sequence[str]) -> list[str]:
    """Return the embeddings that stand in no prompt; one acts only where its id stands."""
    text = "\n".join([*(segment.prompt for segment in segments), negative])
    return [name for name in embeddings if not words_of([name]).search(text)]


def words_of(names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that finds ids where they stand as whole words."""
    longest_first = sorted(names, key=len, reverse=True)
    choice = "|".join(re.escape(name) for name in longest_first)
    return re.compile(rf"(?<![\w.-])(?:{choice})(?![\w-])", re.IGNORECASE)


def is_image_ignored(request: ResolvedRequest) -> bool:
    """A strength of 1 starts from pure noise (docs/design.md, "The request")."""
    return request.strength is not None and request.strength >= 1
