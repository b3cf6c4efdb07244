"""The way to servers' log channels: one message for each piece of news, which pings nobody."""

import logging

import discord

from cogs.answers import Answer, read
from cogs.cards import WORKING, page
from cogs.text import cut
from jobs.guilds import News

logger = logging.getLogger(__name__)

MAX_CHARS = 3500  # of the 4000 that Components V2 take


class DiscordGuildLog:
    """The `GuildLog` that posts with the bot's own token."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def post(self, news: News) -> bool:
        """Post news, once however often this is called; False if it may work later."""
        channel = self._client.get_partial_messageable(news.channel_id, guild_id=news.guild_id)
        try:
            await channel.send(
                view=page(WORKING, [cut(news.text, MAX_CHARS)]),
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
