"""Serves the page's own files, which come with the package, under a strict content policy."""

import mimetypes
from importlib.resources import files

from aiohttp import web

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Assets:
    """The files of `static/`, read when they are asked for: a change shows when one reloads."""

    def __init__(self) -> None:
        folder = files("bot.sandbox.page") / "static"
        self._files = {file.name: file for file in folder.iterdir()}

    def response(self, name: str) -> web.Response:
        """Answer with a file.

        Raises:
            HTTPNotFound: The page has no such file.
        """
        if name not in self._files:
            raise web.HTTPNotFound
        type_ = mimetypes.guess_type(name)[0] or "application/octet-stream"
        content = self._files[name].read_bytes()
        return web.Response(body=content, content_type=type_, charset="utf-8", headers=HEADERS)
