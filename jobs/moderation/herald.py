"""Posts the news in servers' log channels: each once, in the order in which they happened.

What could not be posted is tried again, ever more rarely, and no server waits for another.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.events import Notices, whenever
from jobs.moderation.guilds import News
from jobs.ports import Clock, GuildLog, GuildStore

logger = logging.getLogger(__name__)

BATCH = 20  # servers that are told at once
FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A server that takes no news just now."""

    delay: timedelta
    until: datetime


class Herald:
    """Runs beside the runner until it is cancelled."""

    def __init__(
        self, *, guilds: GuildStore, log: GuildLog, notices: Notices, clock: Clock
    ) -> None:
        self._guilds = guilds
        self._log = log
        self._notices = notices
        self._clock = clock
        self._pauses: dict[int, Pause] = {}

    async def run(self) -> None:
        """Post what is unsent: at the start, when woken, and every minute."""
        event = self._notices.news
        await whenever(event, self.post_all, clock=self._clock, name="herald")

    async def post_all(self) -> None:
        """Post until nothing is left that may be tried now.

        Raises:
            StorageError: The news cannot be read.
        """
        while due := await self._due():
            await asyncio.gather(*(self._post(news) for news in due))

    async def _due(self) -> list[News]:
        """Return the next news of each server that is not to be left in peace."""
        limit = BATCH + len(self._pauses)  # those that pause may come first
        unsent = await self._guilds.unsent_news(limit=limit)
        return [news for news in unsent if not self._is_paused(news.guild_id)]

    def _is_paused(self, guild_id: int) -> bool:
        pause = self._pauses.get(guild_id)
        return pause is not None and self._clock.now() < pause.until

    async def _post(self, news: News) -> None:
        """Post one, and keep its trouble from the other servers."""
        try:
            is_over = await self._log.post(news)
            if is_over:
                await self._guilds.mark_sent(news, now=self._clock.now())
        except Exception:
            logger.exception("News %s not posted", news.number, extra={"action": "news_broke"})
            is_over = False
        if is_over:
            self._pauses.pop(news.guild_id, None)
        else:
            self._pause(news.guild_id)

    def _pause(self, guild_id: int) -> None:
        """Leave a server in peace for twice as long as the last time."""
        known = self._pauses.get(guild_id)
        delay = FIRST_DELAY if known is None else min(LONGEST_DELAY, 2 * known.delay)
        self._pauses[guild_id] = Pause(delay=delay, until=self._clock.now() + delay)
