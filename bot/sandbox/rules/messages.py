"""Refuses message contents that Discord would refuse.

Sources: Discord's "Message" resource (2000 characters, ten files, flags) and "Component Reference"
(what Components V2 excludes).
"""

from dataclasses import dataclass, replace

from bot.sandbox.errors import ApiError, Problem, invalid
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.rules.bounds import check_length, read_number, too_long
from bot.sandbox.rules.components import check_components
from bot.sandbox.rules.embeds import check_embeds
from bot.sandbox.world.components import texts
from bot.sandbox.world.embeds import embed_text
from bot.sandbox.world.entities import Message
from bot.sandbox.world.files import Attachment
from bot.sandbox.world.message_kinds import NO_FLAGS, MessageFlags

MAX_CONTENT = 2000
MAX_ATTACHMENTS = 10
MAX_DESCRIPTION = 1024
MAX_FILENAME = 1024  # the request schema of Discord's OpenAPI document
MAX_NONCE = 25

ON_CREATE = (
    MessageFlags.SUPPRESS_EMBEDS | MessageFlags.SUPPRESS_NOTIFICATIONS | MessageFlags.COMPONENTS_V2
)
"""What "Create Message" can set, but for voice messages, which the sandbox does not have."""

ON_EDIT = MessageFlags.SUPPRESS_EMBEDS | MessageFlags.COMPONENTS_V2
"""What "Edit Message" can set; "unsupported flag changes are currently ignored without error"."""

LEGACY = ("content", "embeds", "sticker_ids", "poll", "shared_client_theme")
"""What a message with Components V2 cannot have beside them ("Create Message")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a message is to say."""

    content: str = ""
    embeds: list[JsonObject]
    components: list[JsonObject]
    attachments: list[Attachment]
    flags: MessageFlags = NO_FLAGS

    @classmethod
    def of(cls, message: Message) -> "Draft":
        """Take what a message says now."""
        return cls(
            content=message.content,
            embeds=message.embeds,
            components=message.components,
            attachments=message.attachments,
            flags=message.flags,
        )

    def changed(self, payload: JsonObject, *, is_new: bool) -> "Draft":
        """Apply a payload: what it does not name stays, what it sets to null goes."""
        draft = self
        if "content" in payload:
            draft = replace(draft, content=str(payload["content"] or ""))
        if "embeds" in payload:
            draft = replace(draft, embeds=objects(payload["embeds"]))
        if "components" in payload:
            draft = replace(draft, components=objects(payload["components"]))
        if payload.get("flags") is not None:
            asked = read_number(("flags",), payload["flags"])
            draft = replace(draft, flags=self._flags(asked, is_new=is_new))
        return draft

    def _flags(self, asked: int, *, is_new: bool) -> MessageFlags:
        """Components V2 cannot be taken back; embeds can be hidden and shown again."""
        if is_new:
            return self.flags | MessageFlags(asked & ON_CREATE)
        kept = self.flags & ~MessageFlags.SUPPRESS_EMBEDS
        return kept | MessageFlags(asked & ON_EDIT)

    @property
    def text(self) -> str:
        """All that it says: content, embeds, text displays."""
        said = [self.content, *(embed_text(embed) for embed in self.embeds)]
        return "\n".join([*said, *texts(self.components)])

    @property
    def is_v2(self) -> bool:
        """Whether components are all that it shows."""
        return MessageFlags.COMPONENTS_V2 in self.flags

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show; white space is nothing (observed)."""
        has_content = bool(self.content.strip())
        return not (has_content or self.embeds or self.components or self.attachments)


def check_draft(draft: Draft, payload: JsonObject) -> None:
    """Check all of a message's content; `payload` asked for it.

    Raises:
        ApiError: 50035 with the place of the first mistake, or 50006 for an empty message.
    """
    check_length(("content",), draft.content, 0, MAX_CONTENT)
    check_embeds(draft.embeds)
    _check_attachments(draft.attachments)
    _check_exclusive(draft, payload)
    filenames = {attachment.filename for attachment in draft.attachments}
    check_components(draft.components, is_v2=draft.is_v2, filenames=filenames)
    # That with Components V2 files alone are nothing is ours: nobody would see them.
    if draft.is_empty or (draft.is_v2 and not draft.components):
        raise ApiError(Problem.EMPTY_MESSAGE)


def read_nonce(payload: JsonObject) -> str | int | None:
    """Read the nonce of a new message, a text or a number.

    Raises:
        ApiError: 50035; it is too long.
    """
    nonce = payload.get("nonce")
    if nonce is None:
        return None
    if len(str(nonce)) > MAX_NONCE:
        raise too_long(("nonce",), MAX_NONCE)
    return nonce if isinstance(nonce, int) else str(nonce)


def _check_exclusive(draft: Draft, payload: JsonObject) -> None:
    if not draft.is_v2:
        return
    used = payload | {"content": draft.content, "embeds": draft.embeds}
    for name in LEGACY:
        if used.get(name):
            code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
            message = f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            raise invalid((name,), code, message)


def _check_attachments(attachments: list[Attachment]) -> None:
    check_length(("attachments",), attachments, 0, MAX_ATTACHMENTS)
    for index, attachment in enumerate(attachments):
        path = ("attachments", index)
        check_length((*path, "description"), attachment.description or "", 0, MAX_DESCRIPTION)
        check_length((*path, "filename"), attachment.filename, 1, MAX_FILENAME)
