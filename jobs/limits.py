"""Holds a request to its limits and fills what the asker left to the model.

Everything here is pure and in memory, so a door can refuse bad input before it answers
anything else, and no bad input ever costs something.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence

from jobs.errors import RequestError
from jobs.request import (
    MAX_CLIP_SKIP,
    MAX_EMBEDDINGS,
    MAX_FPS,
    MAX_FRAMES,
    MAX_GUIDANCE,
    MAX_LORAS,
    MAX_PROMPT_CHARS,
    MAX_SEED,
    MAX_SEGMENTS,
    MAX_STEPS,
    MIN_FPS,
    MIN_FRAMES,
    SIDE_STEP,
    Aspect,
    ModelInfo,
    Quality,
    ResolvedRequest,
    Segment,
    VideoRequest,
)

ASPECT_RATIOS = {
    Aspect.SQUARE: (1, 1),
    Aspect.PORTRAIT: (3, 4),
    Aspect.LANDSCAPE: (4, 3),
    Aspect.WIDE: (16, 9),
}
QUALITY_FACTORS = {Quality.DRAFT: 0.5, Quality.NORMAL: 1.0, Quality.BEST: 2.0}


def resolve(
    request: VideoRequest, model: ModelInfo, *, draw_seed: Callable[[], int]
) -> ResolvedRequest:
    """Fill every default from `model` and check every limit.

    Args:
        request: As it was asked.
        model: The model that will render it.
        draw_seed: Gives a seed when none was asked, so that it is known before the submit.

    Raises:
        RequestError: A value is outside its range; the message names field and range.
    """
    check_segments(request.segments)
    check_options(request)
    width, height = sides(request, model)
    segments = share_frames(request.segments, request.frames, model.defaults.frames)
    asks_for_any = request.seed is None or request.seed == -1
    resolved = {
        **request.model_dump(),
        "provider": model.provider,
        "model": model.id,
        "segments": segments,
        "frames": sum(segment.frames or 0 for segment in segments),
        "width": width,
        "height": height,
        "fps": request.fps if request.fps is not None else model.defaults.fps,
        "steps": request.steps if request.steps is not None else default_steps(request, model),
        "guidance_scale": (
            request.guidance_scale
            if request.guidance_scale is not None
            else model.defaults.guidance_scale
        ),
        "scheduler": request.scheduler or model.scheduler,
        "seed": draw_seed() if asks_for_any else request.seed,
    }
    return ResolvedRequest.model_validate(resolved)


def default_steps(request: VideoRequest, model: ModelInfo) -> int:
    """Return the model's steps, scaled by the asked quality and kept in range."""
    return max(1, min(MAX_STEPS, round(model.defaults.steps * QUALITY_FACTORS[request.quality])))


def check_between(field: str, value: float | None, low: float, high: float) -> None:
    """Hold one number to its range; None is the model's default and passes.

    Raises:
        RequestError: It is outside.
    """
    if value is not None and not low <= value <= high:
        message = (
            f"`{field}` must be between {_plain(low)} and {_plain(high)}, not {_plain(value)}."
        )
        raise RequestError(message, field=field)


def check_segments(segments: Sequence[Segment]) -> None:
    """Hold the prompts to their number and length.

    Raises:
        RequestError: None or too many parts, an empty prompt or one that is too long.
    """
    if len(segments) > MAX_SEGMENTS:
        message = f"`prompt` has {len(segments)} parts; {MAX_SEGMENTS} is the most."
        raise RequestError(message, field="prompt")
    if any("\ud800" <= char <= "\udfff" for part in segments for char in part.prompt):
        raise RequestError("`prompt` holds characters that are no text.", field="prompt")
    if not segments or not all(_is_visible(segment.prompt) for segment in segments):
        what = "is empty" if len(segments) <= 1 else "has an empty part"
        raise RequestError(f"`prompt` {what}: say what the video should show.", field="prompt")
    for segment in segments:
        if len(segment.prompt) > MAX_PROMPT_CHARS:
            message = (
                f"`prompt` is {len(segment.prompt)} characters long; "
                f"{MAX_PROMPT_CHARS} is the most for one part."
            )
            raise RequestError(message, field="prompt")


def check_options(request: VideoRequest) -> None:
    """Hold everything but prompts and sizes to its range.

    Raises:
        RequestError: The first value that is outside.
    """
    if len(request.negative_prompt) > MAX_PROMPT_CHARS:
        message = (
            f"`negative_prompt` is {len(request.negative_prompt)} characters long; "
            f"{MAX_PROMPT_CHARS} is the most."
        )
        raise RequestError(message, field="negative_prompt")
    check_between("frames", request.frames, MIN_FRAMES, MAX_FRAMES)
    check_between("fps", request.fps, MIN_FPS, MAX_FPS)
    check_between("steps", request.steps, 1, MAX_STEPS)
    check_between("guidance_scale", request.guidance_scale, 1, MAX_GUIDANCE)
    check_between("seed", request.seed, -1, MAX_SEED)
    check_between("clip_skip", request.clip_skip, 1, MAX_CLIP_SKIP)
    check_between("strength", request.strength, 0, 1)
    for lora in request.loras:
        check_between("loras", lora.strength, 0, 1)
    _check_list("loras", [lora.id for lora in request.loras], MAX_LORAS)
    _check_list("embeddings", request.embeddings, MAX_EMBEDDINGS)


def sides(request: VideoRequest, model: ModelInfo) -> tuple[int, int]:
    """Return width and height in pixels: as asked, else by aspect, else the model's.

    Raises:
        RequestError: A side is no multiple of 8 or outside what the model can do.
    """
    width, height = model.defaults.width, model.defaults.height
    if request.aspect is not None:
        width, height = _shape(request.aspect, max(width, height), model)
    width = request.width if request.width is not None else width
    height = request.height if request.height is not None else height
    _check_side("width", width, model)
    _check_side("height", height, model)
    return width, height


def share_frames(
    segments: Sequence[Segment], frames: int | None, default: int
) -> tuple[Segment, ...]:
    """Give every part its number of frames.

    Parts without one share equally what `frames` leaves (the first ones take the rest), or
    get the model's `default` each if `frames` is not given.

    Raises:
        RequestError: The parts do not add up, or their sum is outside 8-128.
    """
    given = [segment.frames for segment in segments if segment.frames is not None]
    open_parts = len(segments) - len(given)
    if any(part < 1 for part in given):
        raise RequestError("A part of `prompt` needs at least 1 frame.", field="frames")
    total = frames if frames is not None else sum(given) + open_parts * default
    check_between("frames", total, MIN_FRAMES, MAX_FRAMES)
    left = total - sum(given)
    if left < open_parts or (open_parts == 0 and left != 0):
        message = (
            f"The parts of `prompt` take {sum(given)} frames, "
            f"which does not fit `frames` = {total}."
        )
        raise RequestError(message, field="frames")
    shares = iter(_split(left, open_parts))
    return tuple(
        segment.model_copy(
            update={"frames": segment.frames if segment.frames is not None else next(shares)}
        )
        for segment in segments
    )


def _split(total: int, parts: int) -> Iterable[int]:
    return (total // parts + (index < total % parts) for index in range(parts))


def _shape(aspect: Aspect, longest: int, model: ModelInfo) -> tuple[int, int]:
    """Fit a shape into the model's default side, larger if its short side would be too short."""
    across, down = ASPECT_RATIOS[aspect]
    unit = max(longest / max(across, down), model.min_side / min(across, down))

    def snap(parts: int) -> int:
        side = round(parts * unit / SIDE_STEP) * SIDE_STEP
        return max(model.min_side, min(model.max_side, side))

    return snap(across), snap(down)


def _check_side(field: str, side: int, model: ModelInfo) -> None:
    if side % SIDE_STEP == 0 and model.min_side <= side <= model.max_side:
        return
    nearest = max(model.min_side, min(model.max_side, round(side / SIDE_STEP) * SIDE_STEP))
    message = (
        f"`{field}` must be a multiple of {SIDE_STEP} between {model.min_side} and "
        f"{model.max_side} for the model {model.id}, not {side}; the nearest is {nearest}."
    )
    raise RequestError(message, field=field)


def _check_list(field: str, ids: Sequence[str], most: int) -> None:
    if len(ids) > most:
        message = f"`{field}` names {len(ids)}; {most} is the most."
        raise RequestError(message, field=field)
    if len(set(ids)) < len(ids):
        raise RequestError(f"`{field}` names the same one twice.", field=field)


def _is_visible(text: str) -> bool:
    """Say whether anything of a text can be seen: controls, formats and spaces cannot."""
    return any(unicodedata.category(char)[0] not in "CZ" for char in text)


def _plain(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)
