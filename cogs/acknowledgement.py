"""Acknowledges interactions and fills in what was deferred, through connections that break.

Discord gives three seconds for the first and takes it once; discord.py repeats a 502 and its like,
but no connection that broke. Whether a request arrived before its connection broke is asked, not
guessed: a second acknowledgement is refused with 40060 if it did.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import aiohttp
import discord

from cogs.errors import ALREADY_ACKNOWLEDGED, is_too_late

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The message that an acknowledgement opened."""

    message_id: int
    is_ephemeral: bool
    is_loading: bool


async def open_card(interaction: discord.Interaction) -> int | None:
    """Acknowledge in public and return the card's id, or None if it is not ours to answer.

    An interaction that was delivered twice gets its card's id both times.
    """
    opened = await _defer(interaction, ephemeral=False)
    return None if opened is None or opened.is_ephemeral else opened.message_id


async def open_private(interaction: discord.Interaction) -> bool:
    """Acknowledge for the member alone, and say whether the answer is still ours to give."""
    opened = await _defer(interaction, ephemeral=True)
    return opened is not None and opened.is_ephemeral and opened.is_loading


async def fill(
    interaction: discord.Interaction,
    answer: str | discord.ui.LayoutView,
    below: discord.ui.View = discord.utils.MISSING,
) -> None:
    """Fill in what was deferred; to do it twice changes nothing.

    Args:
        interaction: That was acknowledged.
        answer: What it is answered with.
        below: Buttons below a sentence.
    """
    edit = interaction.edit_original_response
    await twice(
        interaction,
        lambda: edit(content=answer, view=below) if isinstance(answer, str) else edit(view=answer),
    )


async def twice(interaction: discord.Interaction, request: Callable[[], Awaitable[T]]) -> T:
    """Make a request that may be repeated, and repeat it if the connection breaks."""
    try:
        return await request()
    except (aiohttp.ClientError, OSError) as error:
        logger.info("Interaction %s: %r; once more", interaction.id, error)
        return await request()


async def _defer(interaction: discord.Interaction, *, ephemeral: bool) -> Opened | None:
    """Acknowledge with "thinking"; None if that came too late."""
    response = interaction.response
    try:
        ack = await twice(interaction, lambda: response.defer(ephemeral=ephemeral, thinking=True))
    except discord.HTTPException as error:
        if not is_too_late(error):
            raise
        arrived = error.code == ALREADY_ACKNOWLEDGED
        return await _opened_before(interaction) if arrived else _too_late(interaction, error)
    except (aiohttp.ClientError, OSError) as error:
        return await _opened_before(interaction) or _too_late(interaction, error)
    if ack is None or ack.message_id is None:
        return await _opened_before(interaction)
    return Opened(
        message_id=ack.message_id, is_ephemeral=ack.is_ephemeral(), is_loading=ack.is_thinking()
    )


async def _opened_before(interaction: discord.Interaction) -> Opened | None:
    """Return what an acknowledgement opened that arrived although its answer did not."""
    try:
        message = await twice(interaction, interaction.original_response)
    except (discord.HTTPException, aiohttp.ClientError, OSError):
        return None
    flags = message.flags
    return Opened(message_id=message.id, is_ephemeral=flags.ephemeral, is_loading=flags.loading)


def _too_late(interaction: discord.Interaction, error: Exception) -> None:
    logger.warning(
        "Interaction %s: %r; nothing was done",
        interaction.id,
        error,
        extra={"action": "late_ack"},
    )
