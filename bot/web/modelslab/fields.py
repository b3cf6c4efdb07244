"""The types of this protocol's fields: numbers that come as strings, `yes` and `no`, seeds.

Each type reads what clients send for it, and says in the words of a sentence what is wrong with
anything else ("The width must be an integer.").
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from jobs.request import (
    MAX_CLIP_SKIP,
    MAX_FPS,
    MAX_FRAMES,
    MAX_SEED,
    MAX_SIDE,
    MAX_STEPS,
    MIN_FPS,
    MIN_FRAMES,
    MIN_SIDE,
    Scheduler,
    VideoFormat,
)

MAX_TEXT = 1024
MAX_URL = 2048
MAX_NAME = 200  # characters of a model's name or of a `track_id`
MAX_GUIDANCE = 20.0  # "minimum: 1; maximum: 20" in the v4 document

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}(\.0{1,20})?")
_NUMBER = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,3})?")
_URL = re.compile(r"[!-~]+")  # printable ASCII, no space
_SWITCH: Mapping[object, bool] = {
    **dict.fromkeys(("yes", "true", "1", "on"), True),
    **dict.fromkeys(("no", "false", "0", "off"), False),
}
_NOTHING = frozenset({"", "null", "none", "undefined"})


def is_nothing(value: object) -> bool:
    """Say whether a value stands for none: null, or one of the words that clients write for it."""
    return value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING)


def _wrong(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("wrong", cast("Any", sentence))  # it wants a literal


def _read_whole(value: object) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value.strip().partition(".")[0])
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise _wrong("must be an integer.")


def _read_number(value: object) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value.strip())
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        value = float(value)
    if not isinstance(value, float) or not math.isfinite(value):
        raise _wrong("must be a number.")
    return value


def _within(value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise _wrong(f"must be between {low:.12g} and {high:.12g}.")


def _whole(low: int, high: int) -> BeforeValidator:
    def read(value: object) -> int:
        number = _read_whole(value)
        _within(number, low, high)
        return number

    return BeforeValidator(read)


def _number(low: float, high: float) -> BeforeValidator:
    def read(value: object) -> float:
        number = _read_number(value)
        _within(number, low, high)
        return number

    return BeforeValidator(read)


def _shown(kind: str, low: float, high: float) -> WithJsonSchema:
    """Describe a number, which may also come as a string, or as null for its default."""
    bounds = {"type": kind, "minimum": low, "maximum": high}
    digits = r"^-?[0-9]+$" if kind == "integer" else r"^-?[0-9]+(\.[0-9]+)?$"
    return WithJsonSchema(
        {"anyOf": [bounds, {"type": "string", "pattern": digits}, {"type": "null"}]}
    )


def _read_switch(value: object) -> bool:
    word = str(value).strip().lower() if isinstance(value, str | int | bool) else ""
    if word not in _SWITCH:
        raise _wrong("must be yes or no.")
    return _SWITCH[word]


def _read_scheduler(value: object) -> Scheduler:
    try:
        return Scheduler(value)
    except ValueError:
        raise _wrong("must be one of the 18 names that the document lists.") from None


def _read_format(value: object) -> VideoFormat:
    try:
        return VideoFormat(str(value).strip().lower())
    except ValueError:
        raise _wrong("must be mp4 or gif.") from None


def _read_word(value: object) -> object:
    """Take a number for a text: a `track_id` is often one."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _read_url(value: object) -> object:
    return None if value in ("0", 0, False) else value  # what some clients send for none


def _check_text(text: str) -> str:
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise _wrong("holds characters that are no text.")
    return text


def _longest(most: int) -> AfterValidator:
    def check(text: str) -> str:
        if len(text) > most:
            raise _wrong(f"must not be longer than {most} characters.")
        return _check_text(text)

    return AfterValidator(check)


def _check_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_usable = False
    if not is_usable or not _URL.fullmatch(text) or len(text) > MAX_URL:
        raise _wrong("must be a valid URL.")
    return text


def _text_shown(most: int, *, is_required: bool = False) -> WithJsonSchema:
    text: dict[str, object] = {"type": "string", "maxLength": most}
    return WithJsonSchema(
        {**text, "minLength": 1} if is_required else {"anyOf": [text, {"type": "null"}]}
    )


def _choice_shown(names: list[str]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "string", "enum": names}, {"type": "null"}]})


Side = Annotated[int, _whole(MIN_SIDE, MAX_SIDE), _shown("integer", MIN_SIDE, MAX_SIDE)]
Steps = Annotated[int, _whole(1, MAX_STEPS), _shown("integer", 1, MAX_STEPS)]
Frames = Annotated[int, _whole(MIN_FRAMES, MAX_FRAMES), _shown("integer", MIN_FRAMES, MAX_FRAMES)]
Fps = Annotated[int, _whole(MIN_FPS, MAX_FPS), _shown("integer", MIN_FPS, MAX_FPS)]
ClipSkip = Annotated[int, _whole(1, MAX_CLIP_SKIP), _shown("integer", 1, MAX_CLIP_SKIP)]
Seed = Annotated[int, _whole(-1, MAX_SEED), _shown("integer", -1, MAX_SEED)]
Guidance = Annotated[float, _number(1, MAX_GUIDANCE), _shown("number", 1, MAX_GUIDANCE)]
# v6 counts from 0, which is no guidance, as 1 is; its document ends at 8, its SDK does not.
GuidanceV6 = Annotated[float, _number(0, MAX_GUIDANCE), _shown("number", 0, MAX_GUIDANCE)]
Strength = Annotated[float, _number(0, 1), _shown("number", 0, 1)]
YesNo = Annotated[bool, BeforeValidator(_read_switch), _choice_shown(["yes", "no"])]
SchedulerName = Annotated[
    Scheduler, BeforeValidator(_read_scheduler), _choice_shown([one.value for one in Scheduler])
]
OutputType = Annotated[
    VideoFormat, BeforeValidator(_read_format), _choice_shown([one.value for one in VideoFormat])
]
Prompt = Annotated[str, _longest(MAX_TEXT), _text_shown(MAX_TEXT, is_required=True)]
Text = Annotated[str, _longest(MAX_TEXT), _text_shown(MAX_TEXT)]
ModelName = Annotated[str, _longest(MAX_NAME), _text_shown(MAX_NAME, is_required=True)]
Word = Annotated[str, BeforeValidator(_read_word), _longest(MAX_NAME), _text_shown(MAX_NAME)]
Url = Annotated[str, AfterValidator(_check_url)]
WebhookUrl = Annotated[Url | None, BeforeValidator(_read_url), _text_shown(MAX_URL)]
Key = Annotated[str, WithJsonSchema({"type": "string"})]
