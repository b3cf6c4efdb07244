"""What of text from outside only Discord knows: code spans and alternative texts.

How it is made harmless is told in `jobs.text`, whose functions are used from here.
"""

from jobs.text import ISOLATE, POP_ISOLATE, cut, plain, safe

__all__ = ["ISOLATE", "POP_ISOLATE", "alt_text", "code", "cut", "plain", "safe"]


def code(text: str, limit: int) -> str:
    """Return a name as code, which needs no escapes but cannot hold a backtick."""
    return f"`{cut(plain(text).replace('`', ''), limit - 2)}`"


def alt_text(text: str) -> str | None:
    """Return a description for those who do not see the video; Discord takes 1024 characters."""
    return cut(plain(text), 1024) or None
