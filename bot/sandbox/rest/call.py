"""One REST request as the endpoints see it, and their reply.

Endpoints are plain functions of a `Call`: the body has been read before, so that a change of the
world happens at once or not at all, even when the client hangs up.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.json_types import JsonObject

PAYLOAD_PART = "payload_json"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """A `files[n]` part."""

    filename: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a request carries."""

    payload: object = None
    files: dict[int, UploadedFile] = field(default_factory=dict[int, UploadedFile])


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request: values of the route's template, query, JSON object, uploaded files."""

    params: Mapping[str, str]
    query: Mapping[str, str]
    host: str
    payload: JsonObject
    items: list[JsonObject]
    files: dict[int, UploadedFile]

    def flag(self, name: str) -> bool:
        """Read a yes-or-no query parameter."""
        return self.query.get(name, "").lower() in {"1", "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer; without a body it is a 204."""

    body: JsonObject | list[JsonObject] | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def response(self) -> web.Response:
        """Write the answer as Discord does: the media type without a charset."""
        if self.body is None:
            return web.Response(status=204, headers=self.headers)
        content = json.dumps(self.body).encode()
        headers = {"Content-Type": "application/json", **self.headers}
        return web.Response(status=self.status, body=content, headers=headers)


Endpoint = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and a path template with what answers them."""

    method: str
    template: str
    endpoint: Endpoint
    needs_token: bool = True
    is_rate_limited: bool = True
    is_interaction: bool = False
    """Whether it answers interactions: such routes are outside of the bot's global limit."""


async def read_body(request: web.Request) -> Body:
    """Read JSON, or a form of `payload_json` and `files[n]` (Discord's "Uploading Files").

    Raises:
        ApiError: The JSON is broken.
    """
    if request.content_type.startswith("multipart/"):
        return await _read_form(request)
    return Body(payload=_parsed(await request.read()))


async def _read_form(request: web.Request) -> Body:
    payload: object = None
    files: dict[int, UploadedFile] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        content = bytes(await part.read())
        if part.name == PAYLOAD_PART:
            payload = _parsed(content)
        elif part.name and part.name.startswith("files["):
            number = int(part.name.removeprefix("files[").removesuffix("]"))
            files[number] = UploadedFile(filename=part.filename or "unknown", content=content)
    return Body(payload=payload, files=files)


def _parsed(content: bytes) -> object:
    try:
        return json.loads(content) if content else None
    except ValueError as error:
        raise ApiError(Problem.INVALID_JSON) from error
