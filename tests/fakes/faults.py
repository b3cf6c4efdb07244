"""Scripted trouble of the fake services: what goes wrong, where, and how often."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BOMB_MEMBERS = 64  # of 1 MiB each


class Place(StrEnum):
    """Where trouble strikes."""

    SUBMIT = "submit"
    LOOK = "look"
    MODELS = "models"
    VIDEO = "video"
    WEBHOOK = "webhook"


class Kind(StrEnum):
    """What goes wrong."""

    # of any request
    DROP = "drop"  # it has no effect, and the connection is cut
    DROP_AFTER = "drop_after"  # it took effect, and the connection is cut
    HOLD = "hold"  # it waits for a release, and has no effect if its sender has gone by then
    HOLD_AFTER = "hold_after"  # it took effect, and its answer waits for a release
    ANSWER = "answer"  # it has no effect, and `status` with `body` is the answer
    ANSWER_AFTER = "answer_after"  # it took effect, and `status` with `body` is the answer
    REDIRECT = "redirect"  # the answer is `status` (302) to `url`
    GZIP_BOMB = "gzip_bomb"  # the answer is small and unpacks to 64 MiB
    # of a job that is looked at
    STUCK = "stuck"  # it is not done yet
    NO_URL = "no_url"  # it is done, and there is no video
    FAILED = "failed"
    FLAGGED = "flagged"  # it is done, and the safety checker found something in it
    NOT_FOUND = "not_found"
    STRINGS = "strings"  # numbers come as strings
    STRANGE = "strange"  # a status that nobody has documented
    # of a video
    TRUNCATED = "truncated"  # the service has half of the file
    BROKEN_OFF = "broken_off"  # the connection breaks in its middle
    WRONG_TYPE = "wrong_type"  # it is no video
    EMPTY = "empty"
    DRIP = "drip"  # one byte at a time
    ENDLESS = "endless"
    # of a webhook
    DUPLICATE = "duplicate"  # it comes three times
    FORGED = "forged"  # it names another job
    LOST = "lost"


@dataclass(slots=True, kw_only=True)
class Fault:
    """One kind of trouble at one place, for the next `times` requests after the first `skip`."""

    place: Place
    kind: Kind
    times: int = 1
    skip: int = 0
    status: int = 200
    body: Any = None  # JSON, or a string that is sent as HTML
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def strikes(self) -> bool:
        """Decide about one request, and count it."""
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class Gate:
    """Holds requests until they are released, or cut.

    Args:
        note: Told by how much the number of those that are held changes.
    """

    def __init__(self, note: Callable[[int], Awaitable[None]]) -> None:
        self._note = note
        self._waiting: list[asyncio.Future[bool]] = []

    async def hold(self) -> bool:
        """Wait for the release; return whether what is held is to be cut."""
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        await self._note(1)
        try:
            return await place
        finally:
            await self._note(-1)

    def release(self, *, drop: bool) -> None:
        """Let go on what is held now, or cut it."""
        waiting, self._waiting = self._waiting, []
        for place in waiting:
            if not place.done():
                place.set_result(drop)


async def misbehave(
    request: web.Request, fault: Fault, handler: Handler, gate: Gate
) -> web.StreamResponse:
    """Carry a request out as a fault wants it: not at all, or in vain, or late."""
    if fault.kind in INSTEAD:
        return INSTEAD[fault.kind](request, fault)
    if fault.kind is Kind.HOLD and await _is_given_up(request, gate):
        return cut(request)
    answer = await handler(request)
    if fault.kind is Kind.DROP_AFTER:
        return cut(request)
    if fault.kind is Kind.HOLD_AFTER and await _is_given_up(request, gate):
        return cut(request)
    return written(fault) if fault.kind is Kind.ANSWER_AFTER else answer


async def _is_given_up(request: web.Request, gate: Gate) -> bool:
    """Hold a request; say whether it is to be cut, or nobody waits for it any more."""
    is_dropped = await gate.hold()
    return is_dropped or request.transport is None or request.transport.is_closing()


def cut(request: web.Request) -> web.Response:
    """Break a connection off, with a reset."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def written(fault: Fault) -> web.Response:
    """Write the answer that a fault prescribes."""
    if isinstance(fault.body, str):
        return web.Response(
            status=fault.status, text=fault.body, content_type="text/html", headers=fault.headers
        )
    return web.json_response(fault.body, status=fault.status, headers=fault.headers)


def _redirect(fault: Fault) -> web.Response:
    status = 302 if fault.status == 200 else fault.status
    return web.Response(status=status, headers={"Location": fault.url})


INSTEAD: dict[Kind, Callable[[web.Request, Fault], web.Response]] = {
    Kind.DROP: lambda request, _: cut(request),
    Kind.ANSWER: lambda _, fault: written(fault),
    Kind.REDIRECT: lambda _, fault: _redirect(fault),
    Kind.GZIP_BOMB: lambda _, __: web.Response(body=bomb(), headers={"Content-Encoding": "gzip"}),
}


@lru_cache(maxsize=1)
def bomb() -> bytes:
    """Return 64 KiB that unpack to 64 MiB: many members, which cost little to make."""
    return gzip.compress(bytes(2**20)) * BOMB_MEMBERS
