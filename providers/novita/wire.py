"""The bodies that Novita sends, as they really come: numbers as strings, nulls, missing parts.

Only what a decision hangs on is required; anything else that is missing or of a wrong type is
read as "not said", so that one odd field never hides a video that was paid for.
"""

import math
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, StringConstraints, ValidationError


def _number(value: object) -> float | None:
    """Read 7, "7" or 7.5; anything else, and what is no finite number, is not said."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: object) -> int | None:
    """Read 7 or "7" without a detour by floats, which would round a long seed."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    digits = str(value) if isinstance(value, int) and abs(value) < 2**64 else value
    if not isinstance(digits, str) or len(digits) > 20 or not digits.isascii():
        return None
    return int(digits) if digits.removeprefix("-").isdecimal() else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _id(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _record(value: object) -> object:
    return value if isinstance(value, dict) else {}


def _records(value: object) -> object:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _flag(value: object) -> bool:
    return value is True or value == "true"


Number = Annotated[float | None, BeforeValidator(_number)]
Whole = Annotated[int | None, BeforeValidator(_whole)]
Text = Annotated[str, BeforeValidator(_text)]
Flag = Annotated[bool, BeforeValidator(_flag)]
# Documented as a UUID; whatever it is, it goes into a query, a log and a column.
TaskId = Annotated[
    str, BeforeValidator(_id), StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,128}$")
]


class _Body(BaseModel, frozen=True):
    """A body from outside; fields that we do not know are let through unread."""


class Fault(_Body, frozen=True):
    """A refusal, with whatever status (facts: "basic-error-code")."""

    code: Whole = None
    reason: Text = ""
    message: Text = ""


class Submitted(_Body, frozen=True):
    """The answer to a submit that was taken on."""

    task_id: TaskId


class Task(_Body, frozen=True):
    """Where a task stands."""

    task_id: TaskId
    status: str
    reason: Text = ""
    eta: Number = None
    progress_percent: Number = None


class Verdict(_Body, frozen=True):
    """What the safety checker says of one file; `valid` is that it found something (its SDK)."""

    valid: Flag = False


class File(_Body, frozen=True):
    """A finished file; documented with a verdict where it is an image."""

    nsfw_detection_result: Annotated[Verdict, BeforeValidator(_record)] = Verdict()


class Video(File, frozen=True):
    """A finished video; the link lives for `video_url_ttl` seconds, an hour as documented."""

    video_url: Text = ""
    video_type: Text = ""


class Extra(_Body, frozen=True):
    """What is known of a task beside its state."""

    seed: Whole = None


class TaskResult(_Body, frozen=True):
    """The answer of `/v3/async/task-result`, and the payload of a webhook."""

    task: Task
    videos: Annotated[list[Video], BeforeValidator(_records)] = []
    images: Annotated[list[File], BeforeValidator(_records)] = []
    extra: Annotated[Extra, BeforeValidator(_record)] = Extra()

    @property
    def is_flagged(self) -> bool:
        """Its safety checker found something in a file."""
        return any(file.nsfw_detection_result.valid for file in (*self.videos, *self.images))


class Event(_Body, frozen=True):
    """A webhook."""

    event_type: Text = ""
    payload: TaskResult


class Model(_Body, frozen=True):
    """One model of the list, of any kind."""

    name: Text = ""
    sd_name: Text = ""
    sd_name_in_api: Text = ""
    status: Whole = None
    base_model: Text = ""
    base_model_type: Text = ""
    is_sdxl: Flag = False


class Pagination(_Body, frozen=True):
    """Where the next page begins; an empty cursor is the end."""

    next_cursor: Text = ""


class ModelPage(_Body, frozen=True):
    """One page of `/v3/model`."""

    models: Annotated[list[Model], BeforeValidator(_records)]
    pagination: Annotated[Pagination, BeforeValidator(_record)] = Pagination()


def read_fault(document: object) -> Fault | None:
    """Return the refusal that a body's JSON spells out, or None if it is none."""
    try:
        fault = Fault.model_validate(document)
    except ValidationError:
        return None
    return fault if fault.reason or (fault.code is not None and fault.message) else None


def read_event(body: bytes) -> Event | None:
    """Return a webhook's event, or None if it is none."""
    try:
        return Event.model_validate_json(body)
    except ValidationError:
        return None
