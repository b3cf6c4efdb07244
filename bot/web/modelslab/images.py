"""Takes the extension field `init_image`: base64, as a data URL or bare, or an https address.

Whoever writes an address must not be able to make us knock at doors of our own network, so it is
fetched by the one room that guards against that (`providers.http`).
"""

import asyncio
import base64
import binascii
import re

from bot.web.problems import Problem, ProblemKind
from jobs.errors import FlipbookError
from jobs.request import MAX_IMAGE_BYTES
from providers.http import Http

FIELD = "init_image"
FETCH_S = 20.0
_DATA_URL = re.compile(r"data:[a-zA-Z0-9.+/-]{0,80}(;[a-zA-Z0-9=-]{1,40}){0,4};base64,")


class InitImages:
    """Gets the bytes of init images.

    Args:
        http: Fetches those that are named by an address.
    """

    def __init__(self, *, http: Http) -> None:
        self._http = http

    async def content_of(self, value: str) -> bytes:
        """Return an image's bytes; whether it is one is not looked at here.

        Raises:
            Problem: It is neither base64 nor an address, too large, or cannot be fetched.
        """
        if value.startswith(("https://", "http://")):
            return await self._fetched(value)
        return await asyncio.to_thread(_decoded, value)

    async def _fetched(self, url: str) -> bytes:
        try:
            async with (
                asyncio.timeout(FETCH_S),
                self._http.download(url, limit=MAX_IMAGE_BYTES) as chunks,
            ):
                return b"".join([chunk async for chunk in chunks])
        except (FlipbookError, TimeoutError):
            raise _refused("could not be fetched: it takes a public https address.") from None


def _decoded(value: str) -> bytes:
    found = _DATA_URL.match(value)
    try:
        content = base64.b64decode(value[found.end() if found else 0 :], validate=True)
    except (ValueError, binascii.Error):
        raise _refused("must be base64 or an https URL.") from None
    if not content or len(content) > MAX_IMAGE_BYTES:
        raise _refused(f"must have at most {MAX_IMAGE_BYTES // 1024**2} MiB.")
    return content


def _refused(sentence: str) -> Problem:
    return Problem(ProblemKind.BAD_REQUEST, f"The init image {sentence}", field=FIELD)
