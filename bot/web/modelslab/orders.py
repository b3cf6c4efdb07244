"""Turns what was asked in this protocol into a request of ours and what its answers need.

Pure functions; the models there are, and their other names, are given.
"""

from collections.abc import Iterable

from bot.web.modelslab.bodies import V4_FPS, V4_FRAMES, Asked, AskedV4, AskedV6
from jobs.model import ApiAddress
from jobs.request import ModelInfo, Scheduler, Segment, VideoFormat, VideoRequest
from jobs.sizes import nearest_size

PROTOCOL = "modelslab"

# What begins with an image alone is replaced where there is none, and `meta` says so: the document
# lists all 18 names for this endpoint, which takes no image.
_SUBSTITUTES = {Scheduler.DDIM_INVERSE: Scheduler.DDIM}


def request_of(
    body: AskedV4 | AskedV6, model_id: str, models: Iterable[ModelInfo], *, image: str | None
) -> VideoRequest:
    """Return the request.

    Args:
        body: What was asked.
        model_id: What its `model_id` stands for here.
        models: Those there are; the size is fitted to the one that is asked.
        image: The id of the init image that came along, once it is kept.
    """
    width, height = _size_of(body, model_id, models)
    request = VideoRequest(
        segments=(Segment(prompt=body.prompt),),
        model=model_id,
        negative_prompt=body.negative_prompt,
        width=width,
        height=height,
        steps=body.num_inference_steps,
        guidance_scale=max(1.0, body.guidance_scale),
        scheduler=scheduler_of(body),
        seed=None if body.seed == -1 else body.seed,
        enhance_prompt=body.enhance_prompt,
        image=image,
        strength=body.strength if image else None,
    )
    return request.model_copy(update=_own_options(body))


def address_of(
    body: AskedV4 | AskedV6,
    request: VideoRequest,
    *,
    base: str,
    models: Iterable[ModelInfo] = (),
) -> ApiAddress:
    """Return what the answers need.

    Args:
        body: What was asked.
        request: What it became.
        base: The scheme and host that it was asked at.
        models: Those there are; some have a safety checker.
    """
    has_checker = any(one.has_safety_checker for one in models if one.id == request.model)
    is_scaled = (request.width, request.height) != (body.width, body.height)
    notes = [*_notes(body), *_safety_notes(body, has_checker=has_checker)]
    return ApiAddress(
        protocol=PROTOCOL,
        echo={"version": body.version, "strength": body.strength, "notes": notes},
        webhook=body.webhook,
        track_id=body.track_id,
        width=body.width if is_scaled else None,
        height=body.height if is_scaled else None,
        base=base,
        safety_checker=body.safetychecker and has_checker,
    )


def scheduler_of(body: Asked) -> Scheduler | None:
    """Return the scheduler that is used: the one that was asked, if it can be."""
    if body.scheduler is None or _begins_with_image(body):
        return body.scheduler
    return _SUBSTITUTES.get(body.scheduler, body.scheduler)


def _begins_with_image(body: Asked) -> bool:
    return body.init_image is not None and body.strength < 1


def _notes(body: Asked) -> list[str]:
    used = scheduler_of(body)
    if used is body.scheduler:
        return []
    return [f"{body.scheduler} begins with an init image; {used} was taken instead."]


def _safety_notes(body: Asked, *, has_checker: bool) -> list[str]:
    if not body.safetychecker or has_checker:
        return []
    return ["This model has no safety checker, so nothing looks at the video."]


def _size_of(body: Asked, model_id: str, models: Iterable[ModelInfo]) -> tuple[int, int]:
    model = next((one for one in models if one.id == model_id), None)
    if model is None:  # which is refused under its name
        return body.width, body.height
    return nearest_size(model, body.width, body.height)


def _own_options(body: AskedV4 | AskedV6) -> dict[str, object]:
    match body:
        case AskedV4():
            return {"frames": V4_FRAMES, "fps": V4_FPS, "format": VideoFormat.MP4}
        case AskedV6():
            return {
                "frames": body.num_frames,
                "fps": body.fps,
                "format": body.output_type,
                "clip_skip": body.clip_skip,
            }
