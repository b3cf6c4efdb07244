"""The one place where an error becomes an answer, for commands and for buttons.

Only `user_message` of an error of ours is ever shown; of anything else the asker gets a
reference number, and the log has the traceback under it. Everything said here is ephemeral.
"""

import logging
import secrets

import aiohttp
import discord
from discord import app_commands
from discord.ui import View
from typing_extensions import override

from cogs.cases.pages import appeal_view
from cogs.text import cut
from jobs.errors import FlipbookError, PolicyError

logger = logging.getLogger(__name__)

MAX_MESSAGE_CHARS = 2000  # Discord's limit for a message's content
UNKNOWN_INTERACTION = 10062  # acknowledged too late, three seconds are the limit
ALREADY_ACKNOWLEDGED = 40060  # Discord delivered it twice, or another process was faster
OUTDATED = "This command has changed meanwhile; reload Discord (Ctrl+R) and try again."


class FlipbookTree(app_commands.CommandTree[discord.Client]):
    """The command tree whose errors are answered instead of only logged."""

    @override
    async def on_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError, /
    ) -> None:
        """Answer whatever went wrong in a command."""
        await report(interaction, error)
        self.client.dispatch("answered", interaction)


async def report(interaction: discord.Interaction, error: Exception) -> None:
    """Tell the member what went wrong, and the log what it needs to know."""
    cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    if isinstance(cause, discord.HTTPException) and is_too_late(cause):
        logger.warning(
            "Interaction %s was not ours to answer: %s",
            interaction.id,
            cause,
            extra={"action": "late_ack"},
        )
        return
    await tell(interaction, cause)


async def tell(interaction: discord.Interaction, cause: Exception) -> None:
    """Answer with the sentence for an error; a refused prompt can be appealed by a button."""
    await say(interaction, message_of(cause, interaction), appeal_view_of(cause))


def appeal_view_of(cause: Exception) -> View:
    """Return the button that appeals a refusal; discord.py's "nothing given" if it cannot be."""
    refusal = cause.refusal if isinstance(cause, PolicyError) else None
    return discord.utils.MISSING if refusal is None else appeal_view(refusal)


def message_of(cause: Exception, interaction: discord.Interaction) -> str:
    """Return the sentence for an error; one that nobody foresaw is logged under a reference."""
    match cause:
        case FlipbookError():
            return cause.user_message
        case app_commands.TransformerError():
            return "One of the options has a value that Discord could not read; pick it again."
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            return OUTDATED
        case app_commands.CheckFailure():
            return "You may not use this command here."
        case _:
            reference = secrets.token_hex(4).upper()
            logger.error(
                "Interaction %s broke, reference %s",
                interaction.id,
                reference,
                exc_info=cause,
                extra={"action": "interaction_broke", "reference": reference},
            )
            return f"Something went wrong here (reference {reference})."


async def say(
    interaction: discord.Interaction, message: str, view: View = discord.utils.MISSING
) -> None:
    """Answer so that only the member sees it, whatever was answered before."""
    message = cut(message, MAX_MESSAGE_CHARS)
    try:
        if not await _say_first(interaction, message, view):
            if await _is_open(interaction):
                # A follow-up to an open deferral would fill it, as public as it is.
                await interaction.delete_original_response()
            await interaction.followup.send(message, ephemeral=True, view=view)
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        logger.warning("Interaction %s: no answer possible: %r", interaction.id, error)


async def _say_first(interaction: discord.Interaction, message: str, view: View) -> bool:
    """Acknowledge with the message, and say whether it was the first answer and arrived.

    A connection that broke is tried once more: Discord takes only one of the two.
    """
    if interaction.response.is_done():
        return False
    send = interaction.response.send_message
    try:
        try:
            await send(message, ephemeral=True, view=view)
        except (aiohttp.ClientError, OSError):
            await send(message, ephemeral=True, view=view)
    except discord.HTTPException as error:
        if error.code != ALREADY_ACKNOWLEDGED:
            raise
        return not await _is_open(interaction)  # what arrived is this message, or a deferral
    return True


async def _is_open(interaction: discord.Interaction) -> bool:
    """Say whether a deferral waits to be filled."""
    known = interaction.response.type
    if known is not None:
        return known is discord.InteractionResponseType.deferred_channel_message
    return (await interaction.original_response()).flags.loading


def is_too_late(error: discord.HTTPException) -> bool:
    """Say whether an interaction can no longer be acknowledged by us."""
    return error.code in (UNKNOWN_INTERACTION, ALREADY_ACKNOWLEDGED)
