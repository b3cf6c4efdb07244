"""The numbers of commands and their options.

Source: Discord's "Application Commands": its types, Application Command Option Type, and the
bounds in its Option Structure.
"""

from enum import IntEnum


class CommandKind(IntEnum):
    """How a command is used: typed, or from the menu of a member or of a message."""

    CHAT_INPUT = 1
    USER = 2
    MESSAGE = 3


class OptionType(IntEnum):
    """What an option takes; the first two hold options themselves."""

    SUBCOMMAND = 1
    GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


NESTED = frozenset({OptionType.SUBCOMMAND, OptionType.GROUP})

MAX_NUMBER = 2**53
MAX_INTEGER = 2**53 - 1  # Int53Type in Discord's OpenAPI document
MAX_LENGTH = 6000
