"""Finds the files that a message is to have among those it has and those that a request brings.

Sources: Discord's "Message" resource (Attachment Request Structure; "Edit Message": `attachments`
is the full set) and "Uploading Files" (the limit is each file's, `id` is the number of the part).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.sandbox.errors import ApiError, Problem, invalid
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.rest.call import UploadedFile
from bot.sandbox.world.entities import Message
from bot.sandbox.world.files import Attachment
from bot.sandbox.world.media import content_type, safe_filename
from bot.sandbox.world.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a request asks a message to say, and within which bounds."""

    payload: JsonObject
    files: Mapping[int, UploadedFile]
    upload_limit: int
    """The most bytes of one file."""
    request_limit: int | None = None
    """The most bytes of all together."""
    parse: frozenset[str]
    """The mentions that ping when the request does not say."""


class Attachments:
    """Makes attachments; they are in the world only once a message has them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def wanted(self, message: Message, content: Content, *, is_new: bool) -> list[Attachment]:
        """List the files that a message is to have.

        Raises:
            ApiError: 40005 if a file or all of them are too large; 50035 if there is no such file.
        """
        _check_sizes(content)
        entries = content.payload.get("attachments")
        if not isinstance(entries, list):
            return [*message.attachments, *self._unlisted(message, content, frozenset())]
        found = [
            self._listed(message, content, index, entry)
            for index, entry in enumerate(objects(content.payload["attachments"]))
        ]
        if is_new:
            # In a new message `attachments` only tells about files, it does not choose among them.
            listed = frozenset(str(entry.get("id")) for entry in objects(entries))
            found += self._unlisted(message, content, listed)
        return found

    def _unlisted(
        self, message: Message, content: Content, listed: frozenset[str]
    ) -> list[Attachment]:
        files = content.files.items()
        return [self._new(message, file, {}) for n, file in files if str(n) not in listed]

    def _listed(
        self, message: Message, content: Content, index: int, entry: JsonObject
    ) -> Attachment:
        id_ = str(entry.get("id"))
        for attachment in message.attachments:
            if attachment.id == id_:
                return _retold(attachment, entry)
        if id_.isdecimal() and int(id_) in content.files:
            return self._new(message, content.files[int(id_)], entry)
        path = ("attachments", index)
        raise invalid(path, "ATTACHMENT_NOT_FOUND", "Attachment data not found")

    def _new(self, message: Message, file: UploadedFile, entry: JsonObject) -> Attachment:
        name = safe_filename(str(entry.get("filename") or file.filename))
        id_ = self._world.snowflakes.new()
        root = "ephemeral-attachments" if message.is_ephemeral else "attachments"
        path = f"/{root}/{message.channel.id}/{id_}/{name}"
        return Attachment(
            id=id_,
            channel_id=message.channel.id,
            filename=name,
            content=file.content,
            content_type=content_type(name),
            description=entry.get("description"),
            is_spoiler=bool(entry.get("is_spoiler")) or name.startswith("SPOILER_"),
            is_ephemeral=message.is_ephemeral,
            path=path,
            url=self._world.links.sign(path),
        )


def _check_sizes(content: Content) -> None:
    sizes = [len(file.content) for file in content.files.values()]
    if any(size > content.upload_limit for size in sizes):
        raise ApiError(Problem.TOO_LARGE)
    limit = content.request_limit
    if limit is not None and sizes and sum(sizes) + len(json.dumps(content.payload)) > limit:
        raise ApiError(Problem.TOO_LARGE)


def _retold(attachment: Attachment, entry: JsonObject) -> Attachment:
    """Change what an edit may change of a file it keeps: description and spoiler."""
    description = entry.get("description", attachment.description)
    is_spoiler = bool(entry.get("is_spoiler", attachment.is_spoiler))
    return replace(attachment, description=description, is_spoiler=is_spoiler)
