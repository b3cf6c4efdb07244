"""Finds words that a server's AutoMod blocks.

Source: Discord's "Auto Moderation": a rule checks "when a member sends or edits a message",
keywords match whole words in any case, `*` before or after a keyword matches parts of words. Whom
AutoMod spares is not in that document: ours are administrators and those with Manage Server, so a
bot is checked like anybody else.
"""

import re

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.world.entities import Guild, Member

EXEMPT = frozenset({"administrator", "manage_guild"})


def check_words(author: Member, text: str) -> None:
    """Refuse a text with a blocked word, whoever writes it.

    Raises:
        ApiError: 200000.
    """
    if not author.permissions & EXEMPT and blocks(author.guild, text):
        raise ApiError(Problem.BLOCKED)


def blocks(guild: Guild, text: str) -> bool:
    """Whether a server's AutoMod finds one of its words in a text."""
    return any(_pattern(word).search(text) for word in guild.blocked_words)


def _pattern(keyword: str) -> re.Pattern[str]:
    """Turn a keyword into a pattern; a whole word stands between white space."""
    start = "" if keyword.startswith("*") else r"(?<!\S)"
    end = "" if keyword.endswith("*") else r"(?!\S)"
    return re.compile(start + re.escape(keyword.strip("*")) + end, re.IGNORECASE)
