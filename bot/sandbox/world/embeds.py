"""Reads embeds, and completes them the way Discord's answers do.

Source: Discord's "Message" resource, "Embed Object"; "Create Message", Limitations: every embed is
`rich`, and `provider`, `video`, sizes and proxy URLs cannot be set.
"""

from collections.abc import Callable

from bot.sandbox.json_types import JsonObject, as_object, objects

KEPT = ("title", "description", "url", "timestamp", "color")
PICTURES = ("image", "thumbnail")
ICONS = ("author", "footer")


def embed_urls(embeds: list[JsonObject]) -> list[str]:
    """List the pictures that embeds show; `attachment://` among them means files."""
    shown = [as_object(embed.get(name)).get("url") for embed in embeds for name in PICTURES]
    icons = [as_object(embed.get(name)).get("icon_url") for embed in embeds for name in ICONS]
    return [str(url) for url in [*shown, *icons] if url]


def embed_text(embed: JsonObject) -> str:
    """Return what an embed says, a line for each part."""
    fields = [
        f"{entry.get('name')}: {entry.get('value')}" for entry in objects(embed.get("fields"))
    ]
    author, footer = as_object(embed.get("author")), as_object(embed.get("footer"))
    head = [author.get("name"), embed.get("title"), embed.get("description")]
    return "\n".join(str(part) for part in [*head, *fields, footer.get("text")] if part)


def complete_embed(embed: JsonObject, media: Callable[[str], JsonObject]) -> JsonObject:
    """Describe an embed; `media` turns a URL into a media object with real links."""
    whole: JsonObject = {"type": "rich"}
    whole |= {name: embed[name] for name in KEPT if embed.get(name) is not None}
    for name in PICTURES:
        if url := as_object(embed.get(name)).get("url"):
            found = media(str(url))
            sizes = {side: found[side] for side in ("width", "height") if found.get(side)}
            whole[name] = {"url": found["url"], "proxy_url": found["proxy_url"]} | sizes
    for name in ICONS:
        if part := as_object(embed.get(name)):
            whole[name] = _with_icon(part, media)
    if fields := objects(embed.get("fields")):
        whole["fields"] = [{"inline": False} | field for field in fields]
    return whole


def _with_icon(part: JsonObject, media: Callable[[str], JsonObject]) -> JsonObject:
    kept = {k: part[k] for k in ("name", "text", "url") if part.get(k) is not None}
    if not part.get("icon_url"):
        return kept
    found = media(str(part["icon_url"]))
    return kept | {"icon_url": found["url"], "proxy_icon_url": found["proxy_url"]}
