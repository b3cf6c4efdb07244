"""Writes a request as Novita's txt2video wants it, and says before what it cannot honour.

Everything here is pure. The limits are those of the txt2video page; where the page is silent
(the frames per second, the default of the guidance) nothing is promised.
"""

import math
from collections.abc import Iterator, Sequence

from jobs.errors import RequestError
from jobs.limits import check_between
from jobs.request import (
    MAX_EMBEDDINGS,
    MAX_LORAS,
    MAX_PROMPT_CHARS,
    ModelDefaults,
    ResolvedRequest,
    Segment,
)

# https://novita.ai/docs/api-reference/model-apis-txt2video
MIN_PART_FRAMES, MAX_PART_FRAMES = 8, 64
MAX_TOTAL_FRAMES = 128
MIN_SIDE, MAX_SIDE = 256, 1024
MAX_STEPS = 50
MAX_GUIDANCE = 30
MAX_CLIP_SKIP = 12

DEFAULTS = ModelDefaults()  # 8 frames a second: AnimateDiff's own; the page names none


def body_of(request: ResolvedRequest) -> dict[str, object]:
    """Return the body of a submit, without the webhook.

    Raises:
        RequestError: The service has no way to make it.
    """
    body: dict[str, object] = {
        "model_name": request.model,
        "height": request.height,
        "width": request.width,
        "steps": request.steps,
        "guidance_scale": request.guidance_scale,
        "seed": request.seed,  # always: a drawn seed that is not sent would be a lie
        "prompts": [
            {"frames": part.frames, "prompt": part.prompt} for part in parts_of(request.segments)
        ],
        "closed_loop": request.closed_loop,
        "extra": {"response_video_type": "mp4"},  # a GIF is made from it here
    }
    if request.negative_prompt:  # 1 character is its least
        body["negative_prompt"] = request.negative_prompt
    if request.loras:
        body["loras"] = [
            {"model_name": lora.id, "strength": lora.strength} for lora in request.loras
        ]
    if request.embeddings:
        body["embeddings"] = [{"model_name": name} for name in request.embeddings]
    if request.clip_skip > 1:  # 1 is none here, and "stop at the 11th layer" there, maybe
        body["clip_skip"] = request.clip_skip
    return body


def with_webhook(
    body: dict[str, object], hook_url: str | None, *, is_test: bool = False
) -> dict[str, object]:
    """Return a submit's body that names the address of a webhook.

    Args:
        body: As of `body_of`.
        hook_url: Where news of the task are to be sent, or None for nowhere.
        is_test: Send a made-up event there instead of making a video.
    """
    if hook_url is None:
        return body
    hook: dict[str, object] = {"url": hook_url}
    if is_test:
        hook["test_mode"] = {"enabled": True, "return_task_status": "TASK_STATUS_SUCCEED"}
    extra = body.get("extra")
    return {**body, "extra": {**(extra if isinstance(extra, dict) else {}), "webhook": hook}}


def parts_of(segments: Sequence[Segment]) -> Sequence[Segment]:
    """Cut every segment of more than 64 frames into equal parts with the same prompt.

    Raises:
        RequestError: A segment has less than 8 frames, or all together more than 128.
    """
    for number, segment in enumerate(segments, 1):
        frames = segment.frames or 0
        if frames < MIN_PART_FRAMES:
            message = (
                f"Novita gives each part of a prompt at least {MIN_PART_FRAMES} frames, "
                f"and part {number} has {frames}."
            )
            raise RequestError(message, field="frames")
    total = sum(segment.frames or 0 for segment in segments)
    check_between("frames", total, MIN_PART_FRAMES, MAX_TOTAL_FRAMES)
    return [part for segment in segments for part in _cut(segment)]


def check_order(request: ResolvedRequest) -> Sequence[str]:
    """Return a sentence for each option that the service cannot honour.

    Raises:
        RequestError: A value is outside what the service takes, or there is an init image.
    """
    _check_ranges(request)
    if request.image:
        message = "Novita makes videos from text only: leave `image` out, or name another provider."
        raise RequestError(message, field="image")
    return list(_warnings(request))


def _warnings(request: ResolvedRequest) -> Iterator[str]:
    if request.scheduler is not None:
        yield "Novita takes no `scheduler`; it uses its own."
    if request.fps != DEFAULTS.fps:
        yield "Novita takes no `fps`; it chooses how fast the video plays."
    if request.strength is not None:
        yield "`strength` has no effect without an init image."
    if request.enhance_prompt:
        yield "Novita does not enhance prompts, so `enhance_prompt` has no effect."


def _check_ranges(request: ResolvedRequest) -> None:
    parts_of(request.segments)
    check_between("width", request.width, MIN_SIDE, MAX_SIDE)
    check_between("height", request.height, MIN_SIDE, MAX_SIDE)
    check_between("steps", request.steps, 1, MAX_STEPS)
    check_between("guidance_scale", request.guidance_scale, 1, MAX_GUIDANCE)
    check_between("clip_skip", request.clip_skip, 1, MAX_CLIP_SKIP)
    _check_count("loras", len(request.loras), MAX_LORAS)
    _check_count("embeddings", len(request.embeddings), MAX_EMBEDDINGS)
    _check_length("negative_prompt", request.negative_prompt)
    for segment in request.segments:
        _check_length("prompt", segment.prompt)


def _check_length(field: str, text: str) -> None:
    if len(text) > MAX_PROMPT_CHARS:
        message = f"`{field}` is {len(text)} characters long; {MAX_PROMPT_CHARS} is the most."
        raise RequestError(message, field=field)


def _check_count(field: str, count: int, most: int) -> None:
    if count > most:
        raise RequestError(f"`{field}` names {count}; Novita takes {most} at most.", field=field)


def _cut(segment: Segment) -> Iterator[Segment]:
    frames = segment.frames or 0
    parts = math.ceil(frames / MAX_PART_FRAMES)
    for index in range(parts):
        share = frames // parts + (index < frames % parts)
        yield segment.model_copy(update={"frames": share})
