"""`POST /hooks/{provider}/{token}`: where hosted providers say that they have news.

Nothing here believes a webhook: neither service signs them, so the address holds the attempt's
128-bit token and the body is kept as a hint. The answer is immediate, because the services wait
five seconds (Novita) to thirty (ModelsLab); what the hint is worth is found out later, by asking.
"""

import logging
from collections.abc import Callable, Sequence

from aiohttp import web

from bot.web.reading import body_of
from jobs.errors import StorageError
from jobs.ports import Clock, Inbox

logger = logging.getLogger(__name__)

MAX_BODY = 64 * 1024  # bytes; a task result has a few hundred
READ_S = 10.0  # for the whole body

# Only what can be a token gets through to the handler, and so to the database.
PATH = "/hooks/{provider:[a-z]{1,20}}/{token:[0-9a-f]{32}}"


class Hooks:
    """Takes webhooks in.

    Args:
        inbox: Keeps them.
        arrived: Called after each one that was kept.
        clock: Tells when it came.
        read_s: Seconds in which a body has to come.
    """

    def __init__(
        self, *, inbox: Inbox, arrived: Callable[[], None], clock: Clock, read_s: float = READ_S
    ) -> None:
        self._inbox = inbox
        self._arrived = arrived
        self._clock = clock
        self._read_s = read_s

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return the one route."""
        return [web.post(PATH, self._take)]

    async def _take(self, request: web.Request) -> web.Response:
        provider, token = request.match_info["provider"], request.match_info["token"]
        body = await body_of(request, limit=MAX_BODY, read_s=self._read_s)
        try:
            job_id = await self._inbox.receive(provider, token, body, now=self._clock.now())
        except StorageError:
            logger.exception("Webhook not kept", extra={"action": "webhook_lost"})
            raise web.HTTPServiceUnavailable from None
        if job_id is None:
            raise web.HTTPNotFound
        logger.info(
            "Job %s: a webhook of %s came", job_id, provider, extra={"action": "webhook_came"}
        )
        self._arrived()
        return web.Response(text="ok")
