"""What the Novita door answers about a task, in the one form that every client of Novita reads.

The official clients differ in what they bear: some end on a missing `extra`, on null instead of
an empty list, on an empty string where a number belongs, or on a fraction. So every field is
always there, `eta` and `progress_percent` are whole, and times are numbers in strings.
Source: https://novita.ai/docs/api-reference/model-apis-task-result and -webhook.
"""

import json
import math
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from pydantic import BaseModel

from bot.web.counter import Look
from jobs.model import ApiAddress, Job
from jobs.states import JobState

EVENT_TYPE = "ASYNC_TASK_RESULT"
TASK_TYPE = "TXT_TO_VIDEO"
NOT_YET_MS = "0"
ALMOST = 99  # per cent, until the file is there
CANCELLED = "The video was cancelled."
NOT_KEPT = "The video could not be kept."
FAILED = "The video could not be made."


class TaskStatus(StrEnum):
    """The four documented states; clients end on any other."""

    QUEUED = "TASK_STATUS_QUEUED"
    PROCESSING = "TASK_STATUS_PROCESSING"
    SUCCEED = "TASK_STATUS_SUCCEED"
    FAILED = "TASK_STATUS_FAILED"


class Submitted(BaseModel, frozen=True):
    """The answer to a submit."""

    task_id: str


class DebugInfo(BaseModel, frozen=True):
    """When what happened, in milliseconds since 1970, and JSON of what was really used."""

    request_info: str = ""
    submit_time_ms: str
    execute_time_ms: str
    complete_time_ms: str


class WebhookEcho(BaseModel, frozen=True):
    """Where an event is told."""

    url: str


class ResultExtra(BaseModel, frozen=True):
    """What is known beside the state; `webhook` stands in events only."""

    seed: str
    enable_nsfw_detection: bool = False
    debug_info: DebugInfo
    webhook: WebhookEcho | None = None


class Task(BaseModel, frozen=True):
    """Where a task stands; `eta` is in seconds, 0 if nobody knows."""

    task_id: str
    status: TaskStatus
    reason: str = ""
    task_type: str = TASK_TYPE
    eta: int = 0
    progress_percent: int = 0


class Video(BaseModel, frozen=True):
    """A finished file; the link works for `video_url_ttl` seconds."""

    video_url: str
    video_url_ttl: str
    video_type: str


class TaskResult(BaseModel, frozen=True):
    """The answer of `GET /v3/async/task-result`."""

    extra: ResultExtra
    task: Task
    images: list[Video] = []  # never any: this door makes videos
    videos: list[Video] = []
    audios: list[Video] = []


class Event(BaseModel, frozen=True):
    """A webhook."""

    event_type: str = EVENT_TYPE
    payload: TaskResult


def task_result(look: Look, *, now: datetime | None = None) -> TaskResult:
    """Return how far a task is.

    Args:
        look: At its job.
        now: The time, for what is left of a render whose backend does not say; None leaves it out.
    """
    job = look.job
    status = status_of(job)
    task = Task(
        task_id=job.id,
        status=status,
        reason=_reason(job) if status is TaskStatus.FAILED else "",
        eta=_eta(look, status, now),
        progress_percent=_percent(look, status),
    )
    return TaskResult(extra=_extra(job), task=task, videos=_videos(look))


def callback_body(look: Look) -> dict[str, object]:
    """Return what the webhook about a job that has ended says."""
    api = look.job.address.api
    result = task_result(look)
    url = None if api is None else api.webhook
    return event_body(result, url=url)


def event_body(result: TaskResult, *, url: str | None) -> dict[str, object]:
    """Return an event that holds a result and names where it goes."""
    echo = None if url is None else WebhookEcho(url=url)
    extra = result.extra.model_copy(update={"webhook": echo})
    event = Event(payload=result.model_copy(update={"extra": extra}))
    return event.model_dump(mode="json", exclude_none=True)


def status_of(job: Job) -> TaskStatus:
    """Return the documented state that a job is in."""
    match job.state:
        case JobState.QUEUED:
            return TaskStatus.QUEUED
        case (
            JobState.SUBMITTING
            | JobState.RUNNING
            | JobState.FETCHING
            | JobState.READY
            | JobState.DELIVERING
            | JobState.UNCONFIRMED
        ):
            return TaskStatus.PROCESSING
        case JobState.DONE:
            return TaskStatus.SUCCEED
        case JobState.FAILED | JobState.CANCELLED | JobState.UNDELIVERED:
            return TaskStatus.FAILED
        case _:
            assert_never(job.state)


def milliseconds(at: datetime | None) -> str:
    """Return a time as Novita writes it; "0" for what has not happened."""
    return NOT_YET_MS if at is None else str(round(at.timestamp() * 1000))


def _extra(job: Job) -> ResultExtra:
    seed = job.request.seed if job.receipt is None else job.receipt.seed
    return ResultExtra(
        seed=str(seed),
        enable_nsfw_detection=_is_looked_at(job),
        debug_info=DebugInfo(
            request_info=json.dumps(_used(job), separators=(",", ":")),
            submit_time_ms=milliseconds(job.created_at),
            execute_time_ms=milliseconds(job.started_at),
            complete_time_ms=milliseconds(job.ended_at),
        ),
    )


def _is_looked_at(job: Job) -> bool:
    """Say whether the model's safety checker looks at the video, or has looked."""
    return job.receipt is not None and job.receipt.effective.get("safety_checker") is True


def _used(job: Job) -> dict[str, object]:
    """Return what a job is really rendered with, where that may differ from what was asked."""
    request, api = job.request, job.address.api or ApiAddress(protocol="")
    used: dict[str, object] = {
        **api.echo,
        "model": request.model,
        "width": api.width or request.width,
        "height": api.height or request.height,
        "rendered_width": request.width,
        "rendered_height": request.height,
        "frames": request.frames,
        "fps": request.fps,
        "steps": request.steps,
        "guidance_scale": request.guidance_scale,
    }
    told = {} if job.receipt is None else dict(job.receipt.effective)
    return {**used, "effective": told, "warnings": list(job.warnings)}


def _videos(look: Look) -> list[Video]:
    if look.url is None:
        return []
    kind = look.job.request.format.value
    return [Video(video_url=look.url, video_url_ttl=str(look.ttl_s), video_type=kind)]


def _reason(job: Job) -> str:
    if job.failure is not None and job.failure.message:
        return job.failure.message
    match job.state:
        case JobState.CANCELLED:
            return CANCELLED
        case JobState.UNDELIVERED:
            return NOT_KEPT
        case _:
            return FAILED


def _percent(look: Look, status: TaskStatus) -> int:
    match status:
        case TaskStatus.SUCCEED:
            return 100
        case TaskStatus.QUEUED | TaskStatus.FAILED:
            return 0
        case TaskStatus.PROCESSING:
            if look.job.rendered_at is not None:
                return ALMOST
            fraction = None if look.progress is None else look.progress.fraction
            return min(ALMOST, int(100 * (fraction or 0.0)))
        case _:
            assert_never(status)


def _eta(look: Look, status: TaskStatus, now: datetime | None) -> int:
    """Return whole seconds: what the backend says, else the queue, else the usual time."""
    if status not in (TaskStatus.QUEUED, TaskStatus.PROCESSING):
        return 0
    told = None if look.progress is None else look.progress.eta_s
    if told is None and look.standing is not None:
        told = look.standing.eta_s
    if told is None:
        told = _rest_of_estimate(look.job, now)
    return max(0, math.ceil(told)) if told is not None and math.isfinite(told) else 0


def _rest_of_estimate(job: Job, now: datetime | None) -> float | None:
    if job.estimate_s is None or job.rendered_at is not None:
        return None
    gone = 0.0
    if job.started_at is not None and now is not None:
        gone = (now - job.started_at).total_seconds()
    return job.estimate_s - gone
