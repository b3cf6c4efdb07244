"""Refuses threads that Discord would not start.

Source: Discord's "Channel" resource, "Start Thread from Message" and "Start Thread without
Message".
"""

from bot.sandbox.errors import ApiError, Problem, invalid
from bot.sandbox.json_types import JsonObject
from bot.sandbox.rules.bounds import check_choice, check_length, check_number
from bot.sandbox.world.entities import MAX_SLOWMODE_S, Channel, ChannelKind, Message

DURATIONS = frozenset({60, 1440, 4320, 10080})
PRIVATE_THREAD = 12


def check_thread(parent: Channel, payload: JsonObject) -> None:
    """Check what any new thread has.

    Raises:
        ApiError: 50024 in a thread, or 50035.
    """
    if parent.is_thread:
        raise ApiError(Problem.WRONG_CHANNEL_TYPE)
    check_length(("name",), str(payload.get("name") or ""), 1, 100)
    if payload.get("auto_archive_duration") is not None:
        check_choice(("auto_archive_duration",), payload["auto_archive_duration"], DURATIONS)
    slowmode_s = payload.get("rate_limit_per_user")
    check_number(("rate_limit_per_user",), slowmode_s, 0, MAX_SLOWMODE_S)


def check_source(message: Message) -> None:
    """Check the message that a thread is to start from: it can have one.

    Raises:
        ApiError: 160004.
    """
    if message.thread is not None:
        raise ApiError(Problem.THREAD_EXISTS)


def check_kind(payload: JsonObject) -> None:
    """Check the type of a thread without a message, which is private unless the request says.

    Raises:
        ApiError: 50035; the sandbox has public threads only.
    """
    if payload.get("type", PRIVATE_THREAD) != ChannelKind.PUBLIC_THREAD:
        message = "The sandbox has public threads only: type 11 (Discord would take 12, too)."
        raise invalid(("type",), "BASE_TYPE_CHOICES", message)
