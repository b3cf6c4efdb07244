"""`/openapi.json` and `/docs`: what the HTTP door can do, for programs and for people.

Both are open to everybody who reaches the door: they hold what is in the source, and nothing of
this installation but the address that the reader came by.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape

from aiohttp import web

from bot.web.gate import Gate
from bot.web.openapi import Service, document
from bot.web.page import BASE, STYLE, page
from bot.web.problems import Problem

STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (  # the page is text and one style; whatever else is in it does nothing
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}


class Docs:
    """Tells what is served.

    Args:
        gate: Knows under which address we are reached.
        service: What there is.
    """

    def __init__(self, *, gate: Gate, service: Service) -> None:
        told = document(service)
        self._gate = gate
        self._json = json.dumps(told)
        self._page = page(told)

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return both routes."""
        return [web.get("/openapi.json", self._as_json), web.get("/docs", self._as_page)]

    async def _as_json(self, _: web.Request) -> web.Response:
        return web.Response(text=self._json, content_type="application/json", headers=HEADERS)

    async def _as_page(self, request: web.Request) -> web.Response:
        try:
            base = self._gate.base_of(request)
        except Problem as problem:
            return web.Response(text=problem.message, status=400, headers=HEADERS)
        text = self._page.replace(BASE, escape(base))
        headers = {**HEADERS, "Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
        return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)
