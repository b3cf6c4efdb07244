"""Reads what a request carries: JSON, or a form of `payload_json` and `files[n]`.

Sources: Discord's "API Reference" (Uploading Files) and "Opcodes and Status Codes": 50109 is
"The request body contains invalid JSON", 50035 also an "invalid Content-Type". Ours: how deep JSON
may be, and that a text must be one that UTF-8 can write.
"""

import json
import math
import re

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from bot.sandbox.errors import ApiError, Problem, invalid
from bot.sandbox.rest.call import Body, UploadedFile

PAYLOAD_PART = "payload_json"
FILE_PART = re.compile(r"files\[([0-9]{1,9})\]")
MAX_DEPTH = 60
"""Ours: a container with a section with a button is ten deep, a group of commands fifteen."""

BROKEN = (
    *(ValueError, LookupError, RuntimeError, AssertionError, EOFError),
    *(HttpProcessingError, web.RequestPayloadError),
)
"""What aiohttp raises for a body that is not what its headers say."""


async def read_body(request: web.Request) -> Body:
    """Read JSON or a form.

    Raises:
        ApiError: 50109 for broken JSON, 50035 for a broken form or another type, 40005.
    """
    try:
        if request.content_type.startswith("multipart/"):
            return await _read_form(request)
        content = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise ApiError(Problem.TOO_LARGE) from error
    except BROKEN as error:
        raise ApiError(Problem.INVALID_FORM) from error
    if content and request.content_type != "application/json":
        raise ApiError(Problem.INVALID_FORM)
    return Body(payload=_parsed(content, request.charset))


async def _read_form(request: web.Request) -> Body:
    payload: object = None
    files: dict[int, UploadedFile] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        content, name = bytes(await part.read()), part.name or ""
        if name == PAYLOAD_PART:
            payload = _parsed(content)
        elif name.startswith("files"):
            filename = part.filename or "unknown"
            files[_number(name)] = UploadedFile(filename=filename, content=content)
    return Body(payload=payload, files=files)


def _number(name: str) -> int:
    """Read the number of a part; a name that is meant as such and is none is refused (ours)."""
    found = FILE_PART.fullmatch(name)
    if found is None:
        raise invalid((name,), "FILE_PART_INVALID", "Name files as files[n].")
    return int(found[1])


def _parsed(content: bytes, charset: str | None = None) -> object:
    if not content:
        return None
    try:
        written = content.decode(charset or "utf-8")
        value = json.loads(written, parse_constant=_no_number, parse_float=_finite)
        _check_tree(value)
    except (ValueError, LookupError, RecursionError) as error:
        raise ApiError(Problem.INVALID_JSON) from error
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is too large")
    return number


def _check_tree(value: object) -> None:
    """Check that nothing lies too deep and that every text can be written again."""
    level: list[object] = [value]
    for _ in range(MAX_DEPTH):
        for text in filter(lambda one: isinstance(one, str), level):
            str(text).encode()
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return
    raise ValueError("too deep")


def _inside(value: object) -> list[object]:
    match value:
        case dict():
            return [*value.keys(), *value.values()]
        case list():
            return [*value]
        case _:
            return []
