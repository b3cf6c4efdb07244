"""Writes what is sent, and says what will be lost: pure functions of a request and a dialect.

Sources: for v4 the "Train Text to Video Endpoint" document of stablediffusionapi.com, for v6 the
Text to Video page of docs.modelslab.com, for v7 the schemas of ModelsLab's own SDK.
"""

from collections.abc import Callable, Mapping, Sequence

from jobs.errors import RequestError
from jobs.request import ResolvedRequest
from providers.modelslab.dialects import Dialect
from providers.modelslab.models import V4_DEFAULTS, V7_DEFAULTS, V7_MODELS, PartnerModel

MAX_GUIDANCE = {Dialect.V4: 20.0, Dialect.V6: 8.0}
V6_MAX_SIDE = 512
V6_MAX_FRAMES = 25
V6_MAX_FPS = 16
V6_MAX_CLIP_SKIP = 2
V4_STRENGTH = 0.7  # the document's example; it acts on an init image only, and there is none


def write_body(request: ResolvedRequest, dialect: Dialect) -> dict[str, object]:
    """Return the body of a submit without the key, the webhook and the token."""
    match dialect:
        case Dialect.V4:
            return _v4(request)
        case Dialect.V6:
            return _v6(request)
        case Dialect.V7:
            return _v7(request)


def check(request: ResolvedRequest, dialect: Dialect) -> Sequence[str]:
    """Return a sentence for each option that a dialect cannot honour.

    Raises:
        RequestError: There is an init image, or a side that the dialect cannot make: the video
            would have nothing to do with what was asked.
    """
    _check_image(request)
    if dialect is Dialect.V6:
        _check_sides(request)
    own = {Dialect.V4: _v4_warnings, Dialect.V6: _v6_warnings, Dialect.V7: _v7_warnings}
    return [*_shared_warnings(request), *own[dialect](request)]


def _prompt(request: ResolvedRequest) -> str:
    return ", ".join(segment.prompt for segment in request.segments)


def _v4(request: ResolvedRequest) -> dict[str, object]:
    """Every attribute of the document, in its order and with its types."""
    return {
        "model_id": request.model,
        "prompt": _prompt(request),
        "negative_prompt": request.negative_prompt or None,
        "width": str(request.width),
        "height": str(request.height),
        "scheduler": request.scheduler.value if request.scheduler else None,
        "num_inference_steps": str(request.steps),
        "enhance_prompt": "yes" if request.enhance_prompt else "no",  # their default is yes
        "guidance_scale": min(request.guidance_scale, MAX_GUIDANCE[Dialect.V4]),
        "strength": V4_STRENGTH if request.strength is None else request.strength,
        "seed": request.seed,
    }


def _v6(request: ResolvedRequest) -> dict[str, object]:
    skip = min(request.clip_skip, V6_MAX_CLIP_SKIP)
    return {
        "model_id": request.model,
        "prompt": _prompt(request),
        "negative_prompt": request.negative_prompt or None,
        "seed": request.seed,
        "width": request.width,
        "height": request.height,
        "num_frames": min(request.frames, V6_MAX_FRAMES),
        "num_inference_steps": request.steps,
        "guidance_scale": min(request.guidance_scale, MAX_GUIDANCE[Dialect.V6]),
        "fps": min(request.fps, V6_MAX_FPS),
        "clip_skip": None if skip == 1 else skip,
        "output_type": "mp4",  # their default is a GIF, which is made here where it is asked for
    }


def _v7(request: ResolvedRequest) -> dict[str, object]:
    model = V7_MODELS.get(request.model)
    body: dict[str, object] = {
        "model_id": request.model,
        "prompt": _prompt(request),
        "negative_prompt": request.negative_prompt or None,
    }
    if model is not None:
        body["aspect_ratio"] = _nearest_ratio(request, model)
        if model.durations_s:
            body["duration"] = str(_nearest_duration(request, model))
    return body


def _nearest_ratio(request: ResolvedRequest, model: PartnerModel) -> str:
    shape = request.width / request.height
    return min(model.ratios, key=lambda ratio: abs(_ratio(ratio) / shape - 1))


def _ratio(ratio: str) -> float:
    across, down = ratio.split(":")
    return int(across) / int(down)


def _nearest_duration(request: ResolvedRequest, model: PartnerModel) -> int:
    return min(model.durations_s, key=lambda seconds: abs(seconds - request.duration_s))


def _check_image(request: ResolvedRequest) -> None:
    if request.image and (request.strength is None or request.strength < 1):
        message = "`image`: ModelsLab makes videos from text only; leave the image out."
        raise RequestError(message, field="image")


def _check_sides(request: ResolvedRequest) -> None:
    for field, side in (("width", request.width), ("height", request.height)):
        if side > V6_MAX_SIDE:
            message = f"`{field}` is at most {V6_MAX_SIDE} at ModelsLab, not {side}."
            raise RequestError(message, field=field)


def _shared_warnings(request: ResolvedRequest) -> list[str]:
    said: Mapping[str, bool] = {
        "ModelsLab takes one prompt, so the parts are joined into one.": len(request.segments) > 1,
        "ModelsLab takes no LoRAs here.": bool(request.loras),
        "ModelsLab takes no embeddings here.": bool(request.embeddings),
        "ModelsLab closes no loops.": request.closed_loop,
        "`strength` is 1, so the init image is ignored.": bool(request.image),
        "`strength` has no effect without an init image.": (
            request.strength is not None and not request.image
        ),
    }
    return [sentence for sentence, applies in said.items() if applies]


def _v4_warnings(request: ResolvedRequest) -> list[str]:
    made = (V4_DEFAULTS.frames, V4_DEFAULTS.fps)
    warnings = _guidance_warning(request, Dialect.V4)
    if (request.frames, request.fps) != made:
        frames, fps = made
        warnings.append(f"ModelsLab makes {frames} frames at {fps} a second, whatever is asked.")
    if request.clip_skip != 1:
        warnings.append("ModelsLab takes no `clip_skip` here.")
    return warnings


def _v6_warnings(request: ResolvedRequest) -> list[str]:
    warnings = _guidance_warning(request, Dialect.V6)
    if request.frames > V6_MAX_FRAMES:
        warnings.append(_at_most("frames", V6_MAX_FRAMES))
    if request.fps > V6_MAX_FPS:
        warnings.append(_at_most("fps", V6_MAX_FPS))
    if request.clip_skip > V6_MAX_CLIP_SKIP:
        warnings.append(_at_most("clip_skip", V6_MAX_CLIP_SKIP))
    return [*warnings, *_style_warnings(request)]


def _v7_warnings(request: ResolvedRequest) -> list[str]:
    ignored: Mapping[str, Callable[[ResolvedRequest], bool]] = {
        "steps": lambda asked: asked.steps != V7_DEFAULTS.steps,
        "guidance_scale": lambda asked: asked.guidance_scale != V7_DEFAULTS.guidance_scale,
        "fps": lambda asked: asked.fps != V7_DEFAULTS.fps,
        "clip_skip": lambda asked: asked.clip_skip != 1,
    }
    warnings = [
        f"This model takes no `{field}`." for field, is_set in ignored.items() if is_set(request)
    ]
    return [*_shape_warnings(request), *warnings, *_style_warnings(request)]


def _shape_warnings(request: ResolvedRequest) -> list[str]:
    model = V7_MODELS.get(request.model)
    if model is None:
        return []
    warnings: list[str] = []
    shape = _nearest_ratio(request, model)
    if (request.width, request.height) != (V7_DEFAULTS.width, V7_DEFAULTS.height):
        warnings.append(f"This model chooses its own size; the video's shape is {shape}.")
    if not model.durations_s:
        warnings.append("This model chooses how long the video is.")
    elif (seconds := _nearest_duration(request, model)) != request.duration_s:
        warnings.append(f"This model makes a video of {seconds} seconds.")
    return warnings


def _style_warnings(request: ResolvedRequest) -> list[str]:
    """Return what v6 and v7 document no field for."""
    warnings: list[str] = []
    if request.scheduler:
        warnings.append("ModelsLab takes no `scheduler` here.")
    if request.enhance_prompt:
        warnings.append("ModelsLab does not enhance prompts here.")
    return warnings


def _guidance_warning(request: ResolvedRequest, dialect: Dialect) -> list[str]:
    most = MAX_GUIDANCE[dialect]
    return [_at_most("guidance_scale", most)] if request.guidance_scale > most else []


def _at_most(field: str, most: float) -> str:
    return f"ModelsLab takes a `{field}` of at most {most:g}, so {most:g} is used."
