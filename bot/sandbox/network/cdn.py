"""Serves uploaded files under signed links, as Discord's CDN hosts do, or fails to."""

from aiohttp import web

from bot.sandbox.world.files import Attachment
from bot.sandbox.world.world import World

HEADERS = {
    "Accept-Ranges": "bytes",
    # Ours: the plain port serves files on the chat page's origin, and what somebody has uploaded
    # must not run there as a page.
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}

GONE = "This content is no longer available."


class Cdn:
    """Finds the file of a link."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lost = 0
        self._broken = 0

    def lose(self, times: int = 1) -> None:
        """Let the next `times` requests find nothing."""
        self._lost = times

    def break_off(self, times: int = 1) -> None:
        """Send half a file and cut the connection, for the next `times` requests."""
        self._broken = times

    def register(self, app: web.Application) -> None:
        """Serve files below both of the CDN's roots."""
        for root in ("attachments", "ephemeral-attachments"):
            path = f"/{root}/{{channel_id}}/{{attachment_id}}/{{filename}}"
            app.router.add_get(path, self._serve)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self._lost:
            self._lost -= 1
            return web.Response(status=404, text=GONE)
        attachment = self._world.files.get(request.match_info["attachment_id"])
        is_valid = self._world.links.is_valid(request.path, request.query)
        if attachment is None or attachment.path != request.path or not is_valid:
            return web.Response(status=404, text=GONE)
        if self._broken:
            self._broken -= 1
            return await _half(request, attachment)
        return file_response(request, attachment)


async def _half(request: web.Request, attachment: Attachment) -> web.StreamResponse:
    content = attachment.content
    response = web.StreamResponse(headers={"Content-Type": attachment.content_type})
    response.content_length = len(content)
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def file_response(request: web.Request, attachment: Attachment) -> web.Response:
    """Answer with a file or with the range of it that a video player asks for."""
    content, type_ = attachment.content, attachment.content_type
    wanted = _range(request)
    if wanted is None:
        return web.Response(body=content, content_type=type_, headers=HEADERS)
    start, stop, _ = wanted.indices(len(content))
    if start >= stop:
        told = {"Content-Range": f"bytes */{len(content)}"}
        return web.Response(status=416, headers=HEADERS | told)
    told = {"Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
    part = content[start:stop]
    return web.Response(status=206, body=part, content_type=type_, headers=HEADERS | told)


def _range(request: web.Request) -> slice | None:
    """Read the header `Range`; one that makes no sense is ignored (RFC 9110, 14.2)."""
    try:
        wanted = request.http_range
    except ValueError:
        return None
    return None if wanted.start is None and wanted.stop is None else wanted
