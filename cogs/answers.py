"""What Discord's refusals mean for us; the only place that knows its error codes.

Source: Discord's "Opcodes and Status Codes", JSON error codes.
"""

from enum import Enum, auto

import aiohttp
import discord


class Answer(Enum):
    """What a failed request tells."""

    PASSING = auto()  # trouble that passes by itself: try again later
    TOO_LARGE = auto()  # the file exceeds what this place takes
    CLOSED = auto()  # this channel takes nothing from us
    BLOCKED = auto()  # Discord objects to the content
    NO_MESSAGE = auto()  # the message meant is gone
    NO_REPLY = auto()  # this message cannot be replied to
    DEAD_TOKEN = auto()  # the interaction's token no longer works
    REFUSED = auto()  # anything else that Discord did not like


CODES = {
    10003: Answer.CLOSED,  # unknown channel
    10004: Answer.CLOSED,  # unknown guild
    50001: Answer.CLOSED,  # missing access
    50013: Answer.CLOSED,  # missing permissions
    50083: Answer.CLOSED,  # thread is archived
    160005: Answer.CLOSED,  # thread is locked
    10008: Answer.NO_MESSAGE,  # unknown message
    10015: Answer.DEAD_TOKEN,  # unknown webhook
    50027: Answer.DEAD_TOKEN,  # invalid webhook token
    20009: Answer.BLOCKED,  # explicit content
    200000: Answer.BLOCKED,  # AutoMod
    200001: Answer.BLOCKED,  # AutoMod, title
    240000: Answer.BLOCKED,  # harmful link
    160002: Answer.NO_REPLY,  # cannot reply without Read Message History
    50035: Answer.NO_REPLY,  # invalid form body; of what we send, only the reference can be stale
    40005: Answer.TOO_LARGE,
    20016: Answer.PASSING,  # slow mode
    20028: Answer.PASSING,  # write limit of the channel
    30046: Answer.PASSING,  # too many edits of a message older than an hour
}

SENTENCES = {
    10003: "The channel does not exist any more.",
    10004: "Flipbook is not in this server any more.",
    50001: "Flipbook cannot see the channel any more.",
    50013: "Flipbook may not post in the channel any more.",
    50083: "The thread is archived and Flipbook may not open it.",
    160005: "The thread is locked.",
    20009: "Discord found the message too explicit for this channel.",
    200000: "This server's AutoMod blocked the message.",
    200001: "This server's AutoMod blocked the message.",
    240000: "Discord blocked a link in the message.",
}


def read(error: Exception) -> Answer:
    """Say what an error of a request to Discord means."""
    if not isinstance(error, discord.HTTPException):
        return Answer.PASSING if is_connection_trouble(error) else Answer.REFUSED
    if error.code in CODES:
        return CODES[error.code]
    if error.status == 413:
        return Answer.TOO_LARGE
    if error.status == 429 or error.status >= 500:
        return Answer.PASSING
    return Answer.DEAD_TOKEN if error.status in (401, 404) else Answer.REFUSED


def sentence(error: discord.HTTPException) -> str:
    """Say in one sentence why nothing can be posted."""
    return SENTENCES.get(error.code, "Discord did not accept the video.")


def is_connection_trouble(error: Exception) -> bool:
    """Say whether the request may simply not have come through."""
    kinds = (discord.RateLimited, aiohttp.ClientError, TimeoutError, OSError)
    return isinstance(error, kinds)
