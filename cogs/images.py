"""Reads an attached init image while the acknowledgement is due.

It has a moment before it, so that most refusals can be ephemeral, and goes on after it if the
download takes longer.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import discord

from jobs.errors import RequestError
from jobs.request import MAX_IMAGE_BYTES
from jobs.service import Service

PATIENCE_S = 1.5  # of the three seconds that Discord leaves before the acknowledgement


class ImageReading:
    """An image on its way: downloaded, checked and stored in a task of its own."""

    def __init__(self, task: "asyncio.Task[str]") -> None:
        self._task = task

    @property
    def is_done(self) -> bool:
        """The image is stored, or refused."""
        return self._task.done()

    async def wait_briefly(self) -> None:
        """Wait for the image no longer than the acknowledgement can."""
        await asyncio.wait({self._task}, timeout=PATIENCE_S)

    async def image_id(self) -> str:
        """Return the stored image's id.

        Raises:
            RequestError: It is no image, too large, or could not be downloaded.
        """
        return await asyncio.shield(self._task)


@asynccontextmanager
async def reading(service: Service, attachment: discord.Attachment) -> AsyncGenerator[ImageReading]:
    """Read an attachment in the background; nothing of it runs on after this context."""
    task = asyncio.create_task(accept(service, attachment), name=f"image {attachment.id}")
    try:
        yield ImageReading(task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def accept(service: Service, attachment: discord.Attachment) -> str:
    """Download an attachment and have it checked and stored.

    Raises:
        RequestError: It is no image, or could not be downloaded.
    """
    try:
        content = await attachment.read()
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        message = "`image` could not be downloaded from Discord; attach it again."
        raise RequestError(message, field="image") from error
    return await service.accept_image(content)


def check_size(attachment: discord.Attachment) -> None:
    """Refuse a file that is too large before a byte of it is read.

    Raises:
        RequestError: It is larger than an init image may be.
    """
    if attachment.size > MAX_IMAGE_BYTES:
        message = (
            f"`image` has {attachment.size / 2**20:.1f} MiB; "
            f"{MAX_IMAGE_BYTES // 2**20} MiB is the most."
        )
        raise RequestError(message, field="image")
