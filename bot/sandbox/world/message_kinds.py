"""What kinds of messages there are, and the marks that a message can bear.

Source: Discord's "Message" resource.
"""

from enum import IntEnum, IntFlag


class MessageFlags(IntFlag):
    """Discord's "Message Flags", those that matter to a bot."""

    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    COMPONENTS_V2 = 1 << 15


NO_FLAGS = MessageFlags(0)


class MessageKind(IntEnum):
    """Discord's "Message Types", those that a bot's messages have."""

    DEFAULT = 0
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    CONTEXT_MENU_COMMAND = 23
