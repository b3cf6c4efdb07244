"""Reads what ModelsLab says, whatever shape it comes in.

Nothing here raises: a field that is not what it should be counts as not said. The shapes are
those of docs.modelslab.com and of bodies that clients have recorded: `messege` beside `message`,
messages that are objects, `output` as a list, a string or nothing, ids as numbers or strings.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Self, cast

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo

from jobs.request import MAX_SEED

MAX_CHARS = 4096  # of one text: more than any prompt or address has
MAX_URLS = 16
MASK = "***"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_FETCH_ID = re.compile(r"/fetch/([A-Za-z0-9][A-Za-z0-9._-]{0,127})/?$")


def read_text(value: object, secret: str = "") -> str:
    """Return a string without what no record could store, and without the secret; else ""."""
    if not isinstance(value, str):
        return ""
    text = value[: 2 * MAX_CHARS].replace("\0", "").encode(errors="replace").decode()
    return (text.replace(secret, MASK) if secret else text)[:MAX_CHARS].strip()


def read_number(value: object) -> float | None:
    """Return a finite number that was sent as one or as a string."""
    if isinstance(value, str) and len(value) <= 32:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -1e15 < value < 1e15 and math.isfinite(value) else None


def _whole(value: object, low: int, high: int) -> int | None:
    number = read_number(value)
    if number is None or not number.is_integer() or not low <= number <= high:
        return None
    return int(number)


def _secret(info: ValidationInfo) -> str:
    return str(cast("dict[str, object]", info.context or {}).get("secret", ""))


def _read_word(value: object) -> str:
    return read_text(value).lower()


def _read_id(value: object, info: ValidationInfo) -> str:
    """Return an id that can stand in a path: a positive number, or a plain word; else ""."""
    number = _whole(value, 1, 2**53) if isinstance(value, int | float) else None
    text = read_text(value, _secret(info)) if number is None else str(number)
    return text if _ID.fullmatch(text) else ""


def _read_fetch_id(value: object, info: ValidationInfo) -> str:
    """Return the id at the end of `fetch_result`; the address itself is never used."""
    found = _FETCH_ID.search(read_text(value, _secret(info)))
    return found[1] if found else ""


def _read_said(value: object, info: ValidationInfo) -> str:
    """Return a message as one line; an object names a field and what is wrong with it."""
    if isinstance(value, str):
        return read_text(value, _secret(info))
    if isinstance(value, Mapping):
        fields = cast("Mapping[object, object]", value).items()
        lines = [f"{name}: {_first_text(problem)}" for name, problem in list(fields)[:MAX_URLS]]
        return read_text("; ".join(lines), _secret(info))
    return read_text(_first_text(value), _secret(info))


def _first_text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(read_text(line) for line in cast("list[object]", value)[:MAX_URLS])
    return read_text(value)


def _read_urls(value: object, info: ValidationInfo) -> tuple[str, ...]:
    values: list[object] = cast("list[object]", value) if isinstance(value, list) else [value]
    texts = [read_text(one, _secret(info)) for one in values[:MAX_URLS]]
    return tuple(text for text in texts if text.startswith(("https://", "http://")))


def _read_seconds(value: object) -> float | None:
    number = read_number(value)
    return number if number is not None and number >= 0 else None


def _read_meta(value: object, info: ValidationInfo) -> dict[str, object]:
    if not isinstance(value, Mapping):
        return {}
    return read_effective(cast("Mapping[str, object]", value), _secret(info))


def _read_fields(value: object) -> tuple[str, ...]:
    if not isinstance(value, Mapping):
        return ()
    return tuple(read_text(name) for name in cast("Mapping[object, object]", value))[:MAX_URLS]


def _read_flags(value: object) -> bool:
    """Return whether anything is flagged: one flag, or one for each file."""
    values: list[object] = cast("list[object]", value) if isinstance(value, list) else [value]
    return any(_yes_no(one) or one == 1 or _read_word(one) == "true" for one in values[:MAX_URLS])


Said = Annotated[str, BeforeValidator(_read_said)]
Urls = Annotated[tuple[str, ...], BeforeValidator(_read_urls)]
Seconds = Annotated[float | None, BeforeValidator(_read_seconds)]


class Reply(BaseModel, frozen=True, extra="ignore"):
    """One answer or webhook.

    Attributes:
        status: The discriminator, in lower case, whatever the HTTP code says.
        id: The job's, if it can stand in a path.
        fetch_result: Only the id at its end.
        meta: What the service says it uses, by the request's field names.
        nsfw_content_detected: Its safety checker flagged the result. Documented where images are
            made; no page of the video endpoints names it, and none says that it is left out.
        wrong_fields: The fields that a validation error names, by their wire names.
    """

    status: Annotated[str, BeforeValidator(_read_word)] = ""
    id: Annotated[str, BeforeValidator(_read_id)] = ""
    fetch_result: Annotated[str, BeforeValidator(_read_fetch_id)] = ""
    message: Said = ""
    messege: Said = ""
    tip: Said = ""
    tips: Said = ""
    eta: Seconds = None
    retry_after: Seconds = None
    output: Urls = ()
    proxy_links: Urls = ()
    future_links: Urls = ()
    meta: Annotated[dict[str, object], BeforeValidator(_read_meta)] = {}
    nsfw_content_detected: Annotated[bool, BeforeValidator(_read_flags)] = False
    wrong_fields: Annotated[tuple[str, ...], BeforeValidator(_read_fields), Field(alias="_")] = ()

    @classmethod
    def read(cls, value: object, *, secret: str = "") -> Self | None:
        """Read JSON; None if it is no object. The secret is masked wherever it is echoed."""
        if not isinstance(value, Mapping):
            return None
        wire = cast("Mapping[str, object]", value)
        known = {name: wire[name] for name in cls.model_fields if name in wire}
        return cls.model_validate(
            {**known, "_": wire.get("message") or wire.get("messege")}, context={"secret": secret}
        )

    @property
    def job_id(self) -> str:
        """The id to poll, or "" if none was given."""
        return self.id or self.fetch_result

    @property
    def said(self) -> str:
        """The message, whichever way it is spelt."""
        return self.message or self.messege

    @property
    def hint(self) -> str:
        """The tip that goes with it."""
        return self.tip or self.tips

    @property
    def video(self) -> str | None:
        """The address of the video; an MP4 before anything else."""
        links = self.output or self.proxy_links
        movies = [link for link in links if link.partition("?")[0].endswith(".mp4")]
        return next(iter([*movies, *links]), None)


def _text(value: object) -> str | None:
    return read_text(value) or None


def _yes_no(value: object) -> bool | None:
    return value if isinstance(value, bool) else {"yes": True, "no": False}.get(read_text(value))


def _count(value: object) -> int | None:
    return _whole(value, 1, 2**31)


def _seed(value: object) -> int | None:
    return _whole(value, 0, MAX_SEED)


# Our name, the wire's names (v3-v5 and v6 differ), how it is read.
ECHOES: tuple[tuple[str, tuple[str, ...], Callable[[object], object]], ...] = (
    ("prompt", ("prompt",), _text),
    ("negative_prompt", ("negative_prompt",), _text),
    ("model", ("model_id",), _text),
    ("scheduler", ("scheduler",), _text),
    ("width", ("width", "W"), _count),
    ("height", ("height", "H"), _count),
    ("steps", ("num_inference_steps", "steps"), _count),
    ("frames", ("num_frames",), _count),
    ("fps", ("fps",), _count),
    ("guidance_scale", ("guidance_scale",), read_number),
    ("strength", ("strength",), read_number),
    ("clip_skip", ("clip_skip",), _count),
    ("enhance_prompt", ("enhance_prompt",), _yes_no),
    ("seed", ("seed",), _seed),
)


def read_effective(meta: Mapping[str, object], secret: str = "") -> dict[str, object]:
    """Return what a `meta` echoes, by the request's field names; only what it really says."""
    echoed: dict[str, object] = {}
    for field, names, read in ECHOES:
        values = (read(meta[name]) for name in names if name in meta)
        value = next((value for value in values if value is not None), None)
        if value is not None:
            echoed[field] = read_text(value, secret) if isinstance(value, str) else value
    return echoed


def read_webhook(body: bytes) -> str | None:
    """Return the job id that a webhook's body names, or None; the body proves nothing."""
    try:
        value = cast("object", json.loads(body))
    except (ValueError, RecursionError):
        return None
    reply = Reply.read(value)
    return (reply.job_id or None) if reply else None
