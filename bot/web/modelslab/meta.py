"""Writes `meta`: what a video is made with, by the names of v4 and of v6.

Before it is rendered that is what the backend was given; afterwards what it says it used.
"""

from collections.abc import Mapping
from typing import cast

from bot.web.modelslab.ids import number_of
from bot.web.modelslab.shapes import Meta, MetaV4, MetaV6
from jobs.model import ApiAddress, Job

_TEXTS = ("prompt", "negative_prompt", "model", "scheduler")
_WHOLE = ("seed", "steps", "frames", "clip_skip")
_NUMBERS = ("guidance_scale", "fps", "strength")


def address_of(job: Job) -> ApiAddress:
    """Return what a job of this door carries along for its answers."""
    return job.address.api or ApiAddress(protocol="modelslab")


def version_of(job: Job) -> str:
    """Return in which version a job was asked: `v4` or `v6`."""
    return "v6" if address_of(job).echo.get("version") == "v6" else "v4"


def meta_of(job: Job) -> Meta:
    """Return what a job's video is, or will be, made with."""
    api, used, size, rendered = address_of(job), _used(job), _file_size(job), _drawn_size(job)
    values = {**used, **_of_both(job, api, used)}
    if version_of(job) == "v6":
        own = {
            "id": str(number_of(job.id)),
            "num_inference_steps": used["steps"],
            "output_type": job.request.format.value,
            "track_id": api.track_id,
            "webhook": api.webhook,
            "width": size[0],
            "height": size[1],
            "rendered_width": rendered[0],
            "rendered_height": rendered[1],
        }
        return MetaV6.model_validate({**values, **own})
    seconds = round(cast("int", used["frames"]) / cast("float", used["fps"]), 3)
    looked = {"safetychecker": "yes" if _is_looked_at(job) else "no"}
    sides = {"W": size[0], "H": size[1], "rendered_W": rendered[0], "rendered_H": rendered[1]}
    return MetaV4.model_validate({**values, **sides, **looked, "seconds": seconds})


def _of_both(job: Job, api: ApiAddress, used: Mapping[str, object]) -> dict[str, object]:
    notes = api.echo.get("notes")
    noted = [str(note) for note in cast("list[object]", notes)] if isinstance(notes, list) else []
    return {
        "model_id": used["model"],
        "num_frames": used["frames"],
        "file_prefix": job.file_name.rpartition(".")[0],
        "warnings": [*noted, *job.warnings],
    }


def _is_looked_at(job: Job) -> bool:
    """Say whether a safety checker looks at the video: as its backend says, or else as asked."""
    if job.receipt is None:
        return address_of(job).safety_checker
    return job.receipt.effective.get("safety_checker") is True


def _used(job: Job) -> dict[str, object]:
    """Return what is used, by the request's names; what a backend says in words is kept short."""
    request = job.request
    used: dict[str, object] = {
        "prompt": ", ".join(segment.prompt for segment in request.segments),
        "negative_prompt": request.negative_prompt,
        "model": request.model,
        "scheduler": request.scheduler.value if request.scheduler else None,
        "seed": request.seed,
        "steps": request.steps,
        "frames": request.frames,
        "fps": request.fps,
        "clip_skip": request.clip_skip,
        "guidance_scale": request.guidance_scale,
        "strength": address_of(job).echo.get("strength", 0.0),
    }
    return {**used, **_told(job)}


def _told(job: Job) -> dict[str, object]:
    """Return what the backend said that it used, as far as it is of the right kind."""
    if job.receipt is None:
        return {}
    said = {name: job.receipt.effective.get(name) for name in (*_TEXTS, *_WHOLE, *_NUMBERS)}
    prompt = said["prompt"]
    if isinstance(prompt, str):
        said["prompt"] = prompt.replace(r"\|", "|")  # `write_prompt` has written it
    return {name: value for name, value in said.items() if _fits(name, value)}


def _fits(name: str, value: object) -> bool:
    if name in _TEXTS:
        return isinstance(value, str)
    kind = int if name in _WHOLE else int | float
    return isinstance(value, kind) and not isinstance(value, bool)


def _file_size(job: Job) -> tuple[int, int]:
    """Return the file's sides: as it is, or as it will be scaled."""
    if job.artifact is not None:
        return job.artifact.width, job.artifact.height
    api = address_of(job)
    return api.width or job.request.width, api.height or job.request.height


def _drawn_size(job: Job) -> tuple[int, int]:
    """Return what the model drew, or will draw; the receipt says it of a file that was scaled."""
    if job.receipt is None or job.artifact is None:
        return job.request.width, job.request.height
    said = job.receipt.effective
    across, down = said.get("rendered_width"), said.get("rendered_height")
    if isinstance(across, int) and isinstance(down, int):
        return across, down
    return job.artifact.width, job.artifact.height
