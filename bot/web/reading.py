"""Reads the body of a request, counted as it comes, whatever its length was said to be."""

import asyncio

from aiohttp import web


async def body_of(request: web.Request, *, limit: int, read_s: float) -> bytes:
    """Return the whole body.

    Args:
        request: Any request.
        limit: Bytes that it may have.
        read_s: Seconds in which it has to come.

    Raises:
        web.HTTPRequestEntityTooLarge: It is larger.
        web.HTTPRequestTimeout: It is slower.
        web.HTTPBadRequest: It breaks off, or makes no sense as HTTP.
    """
    if request.content_length is not None and request.content_length > limit:
        raise web.HTTPRequestEntityTooLarge(limit, request.content_length)
    body = bytearray()
    try:
        async with asyncio.timeout(read_s):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit:
                    raise web.HTTPRequestEntityTooLarge(limit, len(body))
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (web.RequestPayloadError, ConnectionError):
        raise web.HTTPBadRequest from None
    return bytes(body)
