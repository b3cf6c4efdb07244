"""Finds a result that was posted before, so that a restarted bot posts nothing twice.

Discord remembers a nonce for a few minutes only; after a longer outage the channel itself is
the record: our own message whose file bears the job's name.
"""

from dataclasses import dataclass
from datetime import timedelta

import discord

from cogs.answers import Answer, read
from jobs.model import Job

# Read from the render's end on, 100 a request. Past them "not found" is believed: what an earlier
# run posted stands near that end.
MAX_MESSAGES = 2000
CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What was found: the message with the result, or whether it could not be looked for."""

    message_id: int | None = None
    is_blind: bool = False


async def search(client: discord.Client, job: Job) -> Search:
    """Look for the message that holds a job's result.

    Raises:
        discord.HTTPException: The history could not be read now; later it may.
    """
    channel = client.get_partial_messageable(job.address.channel_id)
    start = discord.Object(id=earliest_id(job))
    is_empty = True
    try:
        async for message in channel.history(limit=MAX_MESSAGES, after=start, oldest_first=True):
            is_empty = False
            if is_ours(client, message) and holds(message, job.file_name):
                return Search(message_id=message.id)
    except discord.HTTPException as error:
        if read(error) is not Answer.CLOSED:
            raise
        return Search()  # closed to reading altogether is closed to posting, which will say why
    return Search(is_blind=is_empty and await is_hidden(channel, start.id))


async def is_hidden(channel: discord.PartialMessageable, message_id: int) -> bool:
    """Say whether a history that looks empty may only not be read.

    Without Read Message History, Discord lists no messages, but it refuses to show a single one,
    existing or not (Get Channel Messages, Get Channel Message).
    """
    try:
        await channel.fetch_message(message_id)
    except discord.HTTPException as error:
        if read(error) not in (Answer.CLOSED, Answer.NO_MESSAGE):
            raise
        return read(error) is Answer.CLOSED
    return False


def earliest_id(job: Job) -> int:
    """Return an id that is older than the result can be: it comes after card and render."""
    rendered = (job.rendered_at or job.created_at) - CLOCK_SKEW
    return max(job.address.card_id or 0, discord.utils.time_snowflake(rendered))


def is_ours(client: discord.Client, message: discord.Message) -> bool:
    """Say whether the bot wrote a message."""
    return client.user is not None and message.author.id == client.user.id


def holds(message: discord.Message, file_name: str) -> bool:
    """Say whether a message carries the file, as an attachment or in a player."""
    if any(attachment.filename == file_name for attachment in message.attachments):
        return True
    return any(f"/{file_name}" in url for url in media_urls(message))


def media_urls(message: discord.Message) -> list[str]:
    """Return the addresses of what the players of a message show."""
    parts = [
        part
        for top in message.components
        for part in (top.children if isinstance(top, discord.Container) else [top])
    ]
    galleries = [part for part in parts if isinstance(part, discord.MediaGalleryComponent)]
    return [item.media.url for gallery in galleries for item in gallery.items]
