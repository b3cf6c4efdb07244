"""Describes a message for the page: what a Discord client would show of it, files by their place.

Links to Discord's CDN and `attachment://` names become addresses of the page's own origin: its
content security policy lets nothing else in.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from bot.sandbox.client.render import first_line
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.world.commands import NESTED
from bot.sandbox.world.entities import Message
from bot.sandbox.world.files import Attachment
from bot.sandbox.world.interaction import Interaction, InteractionKind
from bot.sandbox.world.media import picture_size

MEDIA_KEYS = frozenset({"media", "file", "image", "thumbnail", "video"})


def describe_message(
    message: Message, viewer_id: str, interactions: Mapping[str, Interaction], now: datetime
) -> JsonObject:
    """Describe a message for one account.

    Args:
        message: Any message that the account may see.
        viewer_id: Whose pings are marked.
        interactions: All there were; tells which command a message answers.
        now: The sandbox's present moment: a deferral fails with time alone.
    """
    author = message.author
    source = interactions.get(str((message.metadata or {}).get("id")))
    return {
        "id": message.id,
        "channel": message.channel.id,
        "author": {"id": author.id, "name": author.name, "bot": author.is_bot},
        "time": message.created_at.isoformat(),
        "edited": message.edited_at is not None,
        "ephemeral": message.is_ephemeral,
        "loading": message.is_loading,
        "has_failed": message.is_loading and source is not None and source.failed(now),
        "ping": viewer_id in message.pings,
        "reply": _reply(message),
        "used": _used(message, source),
        "content": message.content,
        "embeds": [_resolved(embed, message) for embed in message.shown_embeds],
        "components": [_resolved(component, message) for component in message.components],
        "v2": message.uses_components_v2,
        "files": [describe_file(file) for file in _loose_files(message)],
    }


def describe_file(file: Attachment) -> JsonObject:
    """Describe a file and say where the page finds it."""
    width, height = picture_size(file.content) or (None, None)
    return {
        "src": f"/page/files/{file.id}/{file.filename}",
        "name": file.filename,
        "type": file.content_type,
        "size": len(file.content),
        "alt": file.description,
        "spoiler": file.is_spoiler,
        "width": width,
        "height": height,
    }


def command_name(data: JsonObject) -> str:
    """Read the full name of a used command, e.g. `job info`."""
    nested = [o for o in objects(data.get("options")) if o.get("type") in NESTED]
    return " ".join([str(data.get("name", "")), *(command_name(option) for option in nested)])


def _loose_files(message: Message) -> list[Attachment]:
    """List the files that stand below the text: not those that a component or an embed shows."""
    return [] if message.uses_components_v2 else message.listed_attachments


def _reply(message: Message) -> JsonObject | None:
    quoted = message.reference
    if quoted is None:
        return None
    if quoted.is_deleted:
        return {"id": quoted.id, "deleted": True}
    author = {"id": quoted.author.id, "name": quoted.author.name, "bot": quoted.author.is_bot}
    text = first_line(quoted) or ("a file" if quoted.attachments else "")
    return {"id": quoted.id, "author": author, "text": text}


def _used(message: Message, source: Interaction | None) -> JsonObject | None:
    """Say whose command a message answers; a reply to a message says so itself."""
    if source is None or source.kind is not InteractionKind.COMMAND or message.reference:
        return None
    return {"name": source.member.name, "command": command_name(source.data)}


def _resolved(thing: JsonObject, message: Message) -> JsonObject:
    """Copy a component or an embed with its media replaced by what the page can show."""
    return {key: _resolved_value(key, value, message) for key, value in thing.items()}


def _resolved_value(key: str, value: object, message: Message) -> object:
    match value:
        case dict():
            whole = cast("JsonObject", value)
            return _media(whole, message) if key in MEDIA_KEYS else _resolved(whole, message)
        case list():
            entries = cast("list[object]", value)
            return [_resolved_value("", entry, message) for entry in entries]
        case _:
            return value


def _media(media: JsonObject, message: Message) -> JsonObject:
    url = str(media.get("url", ""))
    for file in message.attachments:
        if file.is_shown_by([url]):
            return describe_file(file)
    return {"href": url}
