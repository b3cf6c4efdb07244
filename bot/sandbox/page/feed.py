"""Sends the page what has changed, as server-sent events; the first event holds everything.

Source: the HTML standard, "Server-sent events".
"""

import json
from contextlib import suppress

from aiohttp import web

from bot.sandbox.errors import SandboxTimeoutError
from bot.sandbox.json_types import JsonObject
from bot.sandbox.page.view import Entries, View
from bot.sandbox.world.accounts import User
from bot.sandbox.world.world import World

LOOK_AGAIN_S = 1.0  # some things change with time alone: three seconds pass and a command failed


class Differences:
    """Remembers what one page knows."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def update(self, entries: Entries) -> JsonObject | None:
        """Tell what is new, other or gone since the last time; None if nothing is."""
        written = {key: json.dumps(entry) for key, entry in entries.items()}
        put = {key: entries[key] for key in entries if self._known.get(key) != written[key]}
        gone = [key for key in self._known if key not in written]
        self._known = written
        return {"put": put, "gone": gone} if put or gone else None


class Feed:
    """All the streams that are open."""

    def __init__(self, *, world: World, view: View) -> None:
        self._world = world
        self._view = view
        self._is_over = False

    async def end(self, _: web.Application) -> None:
        """Let every stream end now: the server waits for them when it closes."""
        self._is_over = True
        self._world.changes.notify()

    async def stream(self, request: web.Request, viewer: User) -> web.StreamResponse:
        """Send changes until the page goes away or the sandbox closes."""
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        differences = Differences()
        while not self._is_over:
            seen = self._world.changes.revision
            changed = differences.update(self._view.entries(viewer))
            # A comment line, when nothing changed, finds out whether the page is still there.
            written = f"data: {json.dumps(changed)}\n\n" if changed else ":\n\n"
            await response.write(written.encode())
            await self._wait(seen)
        await response.write(b"event: end\ndata: {}\n\n")
        return response

    async def _wait(self, seen: int) -> None:
        changes = self._world.changes
        with suppress(SandboxTimeoutError):
            await changes.wait_for(
                lambda: self._is_over or changes.revision > seen,
                timeout_s=LOOK_AGAIN_S,
                describe=lambda: "no change",
            )
