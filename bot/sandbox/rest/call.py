"""One REST request as the endpoints see it, and their reply.

Endpoints are plain functions of a `Call`: the body has been read before, so that a change of the
world happens at once or not at all, even when the client hangs up.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from bot.sandbox.json_types import JsonObject
from bot.sandbox.rules.shapes import Shape


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
    takes: Shape | None = None
    """What the JSON of a request must be; nothing looks at it otherwise."""
    needs_token: bool = True
    is_rate_limited: bool = True
    is_interaction: bool = False
    """Whether it answers interactions: such routes are outside of the bot's global limit."""
