"""The way to what was posted: deletes results that moderators removed."""

import logging

import aiohttp
import discord

from cogs.answers import Answer, read
from jobs.model import Job

logger = logging.getLogger(__name__)


class DiscordPostings:
    """The `Postings` that deletes with the bot's own token; its own messages it always may."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def delete(self, job: Job) -> bool:
        """Delete a job's result; False if it may work later."""
        if not job.message_id:
            return True
        channel = self._client.get_partial_messageable(
            job.address.channel_id, guild_id=job.requester.guild_id
        )
        try:
            await channel.get_partial_message(job.message_id).delete()
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            answer = read(error)
            if answer in (Answer.PASSING, Answer.DEAD_TOKEN):
                logger.info("Job %s: message deleted later: %r", job.id, error)
                return False
            if answer is not Answer.NO_MESSAGE:
                logger.warning(
                    "Job %s: its message stays: %r",
                    job.id,
                    error,
                    extra={"action": "message_stays"},
                )
        return True
