"""Makes text from outside harmless, because prompts are written by whoever may type `/video`.

A prompt must not ping, format, link, reverse or hide anything, and it must not be able to
forge a line of ours: it is put on one line, stripped of invisible characters, escaped, and
isolated from the direction of the text around it.
"""

import unicodedata

MARKDOWN = frozenset("\\`*_~|<>#[]():-+=")
HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})  # Unicode's general categories
JOINERS = frozenset("\u200c\u200d")  # needed by emoji and by several scripts, and harmless
ISOLATE, POP_ISOLATE = "\u2068", "\u2069"  # UAX #9: first-strong isolate, and its end
ZERO_WIDTH_SPACE = "\u200b"
ELLIPSIS = "…"


def plain(text: str) -> str:
    """Return the text on one line, without control, invisible and direction characters."""
    spaced = (" " if character.isspace() else character for character in text)
    return " ".join("".join(c for c in spaced if c == " " or not _is_hidden(c)).split())


def safe(text: str, limit: int) -> str:
    """Return text that a message shows as it was written, in at most `limit` characters."""
    room = limit - len(ISOLATE + ELLIPSIS + POP_ISOLATE)
    shown: list[str] = []
    for piece in map(_escape, plain(text)):
        if len(piece) > room:
            shown.append(ELLIPSIS)
            break
        shown.append(piece)
        room -= len(piece)
    return ISOLATE + "".join(shown) + POP_ISOLATE


def cut(text: str, limit: int) -> str:
    """Return text of our own in at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - len(ELLIPSIS)] + ELLIPSIS


def _is_hidden(character: str) -> bool:
    return character not in JOINERS and unicodedata.category(character) in HIDDEN


def _escape(character: str) -> str:
    if character == "@":
        return "@" + ZERO_WIDTH_SPACE
    return "\\" + character if character in MARKDOWN else character
