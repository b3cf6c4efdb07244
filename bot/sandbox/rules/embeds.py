"""Refuses embeds that Discord would refuse.

Source: Discord's "Message" resource, "Embed Limits".
"""

from collections.abc import Iterator

from bot.sandbox.errors import invalid
from bot.sandbox.json_types import JsonObject, as_object, objects
from bot.sandbox.rules.bounds import Path, check_length, required

MAX_EMBEDS = 10
MAX_FIELDS = 25
MAX_TEXT = 6000
SHOWN = frozenset(
    {"title", "description", "url", "image", "thumbnail", "author", "footer", "fields"}
)


def check_embeds(embeds: list[JsonObject]) -> None:
    """Check all embeds of a message.

    Raises:
        ApiError: 50035.
    """
    check_length(("embeds",), embeds, 0, MAX_EMBEDS)
    counted = 0
    for index, embed in enumerate(embeds):
        if not embed.keys() & SHOWN:
            # Observed: it is the description that Discord asks an empty embed for.
            raise required(("embeds", index, "description"))
        check_length(("embeds", index, "fields"), objects(embed.get("fields")), 0, MAX_FIELDS)
        for path, text, least, most in _texts(embed):
            check_length(("embeds", index, *path), text, least, most)
            counted += len(text)
    if counted > MAX_TEXT:
        message = f"Embed size exceeds maximum size of {MAX_TEXT}"
        raise invalid(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", message)


def _texts(embed: JsonObject) -> Iterator[tuple[Path, str, int, int]]:
    """Yield every text that counts, with its place and its bounds."""
    author, footer = as_object(embed.get("author")), as_object(embed.get("footer"))
    yield ("title",), str(embed.get("title") or ""), 0, 256
    yield ("description",), str(embed.get("description") or ""), 0, 4096
    yield ("author", "name"), str(author.get("name") or ""), 0, 256
    yield ("footer", "text"), str(footer.get("text") or ""), 0, 2048
    for index, field in enumerate(objects(embed.get("fields"))):
        yield ("fields", index, "name"), str(field.get("name") or ""), 1, 256
        yield ("fields", index, "value"), str(field.get("value") or ""), 1, 1024
