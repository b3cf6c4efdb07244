"""The way to servers' log channels: one message for each piece of news, which pings nobody."""

import logging
from collections.abc import Callable, Mapping, Sequence

import discord
from discord.ui import Button, LayoutView

from cogs.answers import Answer, read
from cogs.cards import WORKING, page
from cogs.text import cut
from jobs.moderation.guilds import News

logger = logging.getLogger(__name__)

ButtonsOf = Callable[[str], Sequence[Button[LayoutView]]]

MAX_CHARS = 3500  # of the 4000 that Components V2 take


class DiscordGuildLog:
    """The `GuildLog` that posts with the bot's own token.

    Args:
        client: The bot.
        buttons: By the kind of news that bring some: what is in `key` before the colon. Each is
            given what stands behind it.
    """

    def __init__(
        self, client: discord.Client, *, buttons: Mapping[str, ButtonsOf] | None = None
    ) -> None:
        self._client = client
        self._buttons = buttons or {}

    async def post(self, news: News) -> bool:
        """Post news, once however often this is called; False if it may work later."""
        channel = self._client.get_partial_messageable(news.channel_id, guild_id=news.guild_id)
        try:
            await channel.send(
                view=page(WORKING, [cut(news.text, MAX_CHARS)], self._buttons_of(news)),
                nonce=f"v1.news.{news.number}",  # Discord takes a nonce once
                allowed_mentions=discord.AllowedMentions.none(),
            )
        except Exception as error:
            answer = read(error)
            if answer in (Answer.PASSING, Answer.DEAD_TOKEN):
                logger.info("News %s later: %r", news.number, error)
                return False
            if not isinstance(error, discord.HTTPException):
                raise
            logger.warning(
                "News %s of server %s given up: %s",
                news.number,
                news.guild_id,
                error,
                extra={"action": "news_given_up"},
            )
        return True

    def _buttons_of(self, news: News) -> Sequence[Button[LayoutView]]:
        kind, _, name = news.key.partition(":")
        buttons_of = self._buttons.get(kind)
        return () if buttons_of is None else buttons_of(name)
