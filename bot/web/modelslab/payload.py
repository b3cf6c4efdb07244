"""Reads a body into names and values: JSON, or a form, as clients of this protocol send either.

An init image may be twenty times as large as all the rest. It is cut out before anything is
parsed, so that nobody without a key can make us parse megabytes.
"""

import json
import re
from typing import NoReturn, cast
from urllib.parse import parse_qsl

from bot.web.gate import MAX_BODY
from bot.web.problems import Problem, ProblemKind

IMAGE = "init_image"
MAX_FIELDS = 100  # of a form; the documents have some twenty
FORM = "application/x-www-form-urlencoded"

_IMAGE = re.compile(rb'"init_image"\s{0,8}:\s{0,8}"')


def read_payload(body: bytes, content_type: str) -> dict[str, object]:
    """Return what a body says, by the names on the wire; nothing for an empty one.

    Args:
        body: All of it.
        content_type: Without parameters. It decides little: curl calls everything a form.

    Raises:
        Problem: It is neither, or too large without being an image.
    """
    text = body.strip()
    if not text:
        return {}
    if content_type == FORM and not text.startswith(b"{"):
        return _read_form(text)
    if len(text) <= MAX_BODY:
        return _read_json(text)
    rest, image = _cut(text)
    values = _read_json(rest)
    return {**values, IMAGE: image} if IMAGE in values else values


def _cut(text: bytes) -> tuple[bytes, str]:
    """Return a large body without its image, and the image."""
    found = _IMAGE.search(text)
    start = found.end() if found else len(text)
    end = text.find(b'"', start)  # no quote is inside: neither base64 nor a URL has one
    if end < 0 or len(text) - (end - start) > MAX_BODY:
        _too_large()
    # A slash may be escaped, as PHP's json_encode does.
    image = text[start:end].replace(b"\\/", b"/").decode("ascii", errors="replace")
    return text[:start] + text[end:], image


def _read_json(text: bytes) -> dict[str, object]:
    try:
        values = cast("object", json.loads(text, parse_constant=_no_number))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise Problem(ProblemKind.BAD_REQUEST, "The body is no JSON object.")
    return cast("dict[str, object]", values)


def _read_form(text: bytes) -> dict[str, object]:
    if len(text) > MAX_BODY:
        _too_large()
    try:
        pairs = parse_qsl(
            text.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise Problem(ProblemKind.BAD_REQUEST, "The body is no form.") from None
    return dict(pairs)


def _too_large() -> NoReturn:
    message = f"The body has more than {MAX_BODY} bytes beside its image."
    raise Problem(ProblemKind.TOO_LARGE, message)


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)
