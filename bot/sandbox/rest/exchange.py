"""What went over the wire, for those who judge it: one request and its answer, unchanged.

The journal keeps what tests like to ask for; this is the raw truth, so that a referee can hold it
against Discord's own description of its API, and a log can be judged after the process has ended.
"""

import copy
import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from aiohttp import web

from bot.sandbox.rest.call import Body, Route

BODY = web.RequestKey("body", Body)
IS_SCRIPTED = web.RequestKey("is_scripted", bool)

SECRETS = frozenset({"{interaction_token}", "{webhook_token}"})
SHOWN = 8
"""So much of a token is enough to tell one interaction from another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A finished request: what the client sent and what it was told."""

    method: str
    route: str
    """The sandbox's template of the path, below `/api/v10`, as is `path`."""
    path: str
    query: tuple[tuple[str, str], ...] = ()
    content_type: str | None = None
    body: Any = None
    """The request's JSON, or that of its `payload_json`, exactly as it came."""
    files: Mapping[int, str] = field(default_factory=dict[int, str])
    """The names of the uploaded files by the number of their part."""
    status: int
    answer: Any = None
    """The answer's JSON, exactly as it left."""
    is_scripted: bool = False
    """Whether a scripted fault answered, and so not Discord as we read it."""

    @property
    def is_broken(self) -> bool:
        """Whether the sandbox itself made a mistake, which no bot is to blame for."""
        return self.status >= 500 and not self.is_scripted


Observer: TypeAlias = Callable[[Exchange], None]


def exchange_of(
    route: Route, request: web.Request, response: web.Response, prefix: str
) -> Exchange:
    """Describe a request that has just been answered."""
    body = request.get(BODY, Body())
    answer = response.body if isinstance(response.body, bytes) else b""
    return Exchange(
        method=request.method,
        route=route.template,
        path=request.path.removeprefix(prefix),
        query=tuple(request.query.items()),
        content_type=request.content_type if "Content-Type" in request.headers else None,
        body=copy.deepcopy(body.payload),  # the world keeps parts of it and changes them
        files={number: file.filename for number, file in body.files.items()},
        status=response.status,
        answer=json.loads(answer) if answer else None,
        is_scripted=request.get(IS_SCRIPTED, False),
    )


@contextmanager
def traffic_log(path: Path) -> Generator[Observer]:
    """Write every exchange to a file, one JSON object a line; a token is shortened."""
    with path.open("w", encoding="utf-8", buffering=1) as lines:

        def write(exchange: Exchange) -> None:
            lines.write(json.dumps(asdict(_discreet(exchange))) + "\n")

        yield write


def read_traffic(path: Path) -> Iterator[Exchange]:
    """Read what `traffic_log` wrote."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            files = {int(number): name for number, name in record["files"].items()}
            query = tuple((name, value) for name, value in record["query"])
            yield Exchange(**record | {"files": files, "query": query})


def _discreet(exchange: Exchange) -> Exchange:
    """Leave out what would let a reader act: an interaction's token."""
    steps = zip(exchange.route.split("/"), exchange.path.split("/"), strict=False)
    path = "/".join(step[:SHOWN] if name in SECRETS else step for name, step in steps)
    is_template = exchange.route.count("/") == exchange.path.count("/")
    return replace(exchange, path=path) if is_template else exchange
