"""What the local engine can and cannot honour, said before a job is queued. No torch here."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

from jobs.errors import RequestError
from jobs.request import ResolvedRequest, Scheduler, Segment

# Measured on diffusers 0.42.1 with an exact noise predictor: these four do not generate.
UNUSABLE_SCHEDULERS: Mapping[Scheduler, tuple[str, Scheduler]] = {
    Scheduler.IPNDM: ("ends in a wrong picture with every AnimateDiff model", Scheduler.PNDM),
    Scheduler.DDIM_INVERSE: ("turns pictures into noise, not noise into pictures", Scheduler.DDIM),
    Scheduler.KARRAS_VE: ("needs a model of its own kind", Scheduler.EULER_DISCRETE),
    Scheduler.SCORE_SDE_VE: ("needs a model of its own kind", Scheduler.EULER_ANCESTRAL_DISCRETE),
}


def check_scheduler(scheduler: Scheduler | None) -> None:
    """Refuse the schedulers that cannot work.

    Raises:
        RequestError: It is one of the four; the message names one that works instead.
    """
    if scheduler is not None and scheduler in UNUSABLE_SCHEDULERS:
        reason, substitute = UNUSABLE_SCHEDULERS[scheduler]
        message = f"`scheduler`: {scheduler} {reason}; use {substitute}."
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
    if not request.image and request.strength is not None:
        warnings.append("`strength` has no effect without an init image.")
    loose = unnamed(request.segments, request.negative_prompt, request.embeddings)
    if loose:
        warnings.append(f"No prompt names {', '.join(loose)}, so it is added to `prompt`.")
    return warnings


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
