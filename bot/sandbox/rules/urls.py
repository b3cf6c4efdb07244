"""Refuses addresses that Discord would not link to or show.

Sources: the refused scheme is observed (discordjs/discord.js#5724, #6559), as are the words for
what is no address at all; that an address of the web must name a host is ours.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from bot.sandbox.errors import ApiError, invalid
from bot.sandbox.rules.bounds import Path, check_length

MAX_URL = 2048  # the request schemas of Discord's OpenAPI document
WEB = frozenset({"http", "https"})
MEDIA = WEB | {"attachment"}


def check_url(path: Path, url: str, most: int, schemes: Collection[str]) -> None:
    """Check the length and the scheme of an address.

    Raises:
        ApiError: 50035.
    """
    check_length(path, url, 1, most)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _malformed(path) from error
    if parts.scheme not in schemes:
        listed = ", ".join(f"'{scheme}'" for scheme in sorted(schemes))
        message = f'Scheme "{parts.scheme}" is not supported. Scheme must be one of ({listed}).'
        raise invalid(path, "URL_TYPE_INVALID_SCHEME", message)
    if parts.scheme in WEB and not parts.hostname:
        raise _malformed(path)


def _malformed(path: Path) -> ApiError:
    return invalid(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
