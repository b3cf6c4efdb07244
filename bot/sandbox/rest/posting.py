"""Turns requests into messages: creates and edits them, with files, after all the checks.

Sources: Discord's "Message" resource (create, edit) and "Uploading Files".
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.sandbox.errors import ApiError, Problem, invalid
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.rest.call import UploadedFile
from bot.sandbox.rules.mentions import AllowedMentions
from bot.sandbox.rules.messages import Draft, check_draft
from bot.sandbox.world.components import texts
from bot.sandbox.world.entities import Attachment, Channel, Message, MessageFlags, MessageKind
from bot.sandbox.world.media import content_type, safe_filename
from bot.sandbox.world.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a request asks a message to say, and within which bounds."""

    payload: JsonObject
    files: Mapping[int, UploadedFile]
    upload_limit: int
    parse: frozenset[str]
    """The mentions that ping when the request does not say."""


class Posting:
    """Writes messages into the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def blank(self, channel: Channel) -> Message:
        """Make a message of the bot's that says nothing and stands nowhere yet."""
        return Message(
            id=self._world.snowflakes.new(),
            channel=channel,
            author=self._world.bot,
            created_at=self._world.clock.now(),
        )

    def create(self, message: Message, content: Content) -> Message:
        """Fill a blank message and post it.

        Raises:
            ApiError: Discord would refuse the content or the size of a file.
        """
        self._fill(message, content)
        is_reply = message.kind == MessageKind.REPLY and message.metadata is None
        if is_reply and message.reference:
            allowed = AllowedMentions.read(content.payload, content.parse)
            replied = {message.reference.author.id}
            message.pings |= replied if allowed.pings_replied_user else set()
        self.place(message)
        return message

    def place(self, message: Message) -> None:
        """Post a message; that takes a thread out of the archive (Discord's "Threads")."""
        if message.channel.archived and not message.is_ephemeral:
            self._world.revive_thread(message.channel)
        self._world.post(message)

    def edit(self, message: Message, content: Content) -> Message:
        """Change a message; one that says "thinking" stops doing so.

        Raises:
            ApiError: As for `create`; also, the message is in an archived thread (50083).
        """
        if message.channel.archived:
            raise ApiError(Problem.THREAD_ARCHIVED)
        before, was_loading = message.text, message.is_loading
        self._fill(message, content)
        message.flags &= ~MessageFlags.LOADING
        if not was_loading:
            message.edits.append(before)
            message.edited_at = self._world.clock.now()
        self._world.message_changed(message)
        return message

    def _fill(self, message: Message, content: Content) -> None:
        allowed = AllowedMentions.read(content.payload, content.parse)
        draft = Draft.of(message).changed(content.payload)
        draft = replace(draft, attachments=self._attachments(message, content))
        check_draft(draft)
        message.content, message.embeds = draft.content, draft.embeds
        message.components, message.flags = draft.components, draft.flags
        self._world.set_attachments(message, draft.attachments)
        # An edit without allowed_mentions parses the content with the default allowances again.
        message.pings |= allowed.pinged(_pinging_text(message), message.channel)

    def _attachments(self, message: Message, content: Content) -> list[Attachment]:
        """Find the files a message is to have: `attachments` names the full set (API v10)."""
        files = content.files
        if any(len(file.content) > content.upload_limit for file in files.values()):
            raise ApiError(Problem.TOO_LARGE)
        if "attachments" not in content.payload:
            new = [self._new(message, file, {}) for file in files.values()]
            return [*message.attachments, *new]
        kept = {attachment.id: attachment for attachment in message.attachments}
        listed: list[Attachment] = []
        for index, entry in enumerate(objects(content.payload["attachments"])):
            id_ = str(entry.get("id"))
            if id_ in kept:
                description = entry.get("description", kept[id_].description)
                listed.append(replace(kept[id_], description=description))
            elif id_.isdecimal() and int(id_) in files:
                listed.append(self._new(message, files[int(id_)], entry))
            else:
                path = ("attachments", index)
                raise invalid(path, "ATTACHMENT_NOT_FOUND", "Attachment data not found")
        return listed

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


def _pinging_text(message: Message) -> str:
    """Take what can ping: content and text displays, not embeds."""
    return "\n".join([message.content, *texts(message.components)])
