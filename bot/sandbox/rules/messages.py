"""Refuses message contents that Discord would refuse.

Sources: Discord's "Message" resource (2000 characters, ten embeds, ten files, 1024 characters of
description) and "Component Reference" (what Components V2 excludes).
"""

from dataclasses import dataclass, replace

from bot.sandbox.errors import ApiError, Problem, invalid
from bot.sandbox.json_types import JsonObject, objects
from bot.sandbox.rules.components import check_components
from bot.sandbox.world.entities import NO_FLAGS, Attachment, Message, MessageFlags

MAX_CONTENT = 2000
MAX_EMBEDS = 10
MAX_EMBED_TEXT = 6000
MAX_ATTACHMENTS = 10
MAX_DESCRIPTION = 1024

SETTABLE = (
    MessageFlags.SUPPRESS_EMBEDS | MessageFlags.SUPPRESS_NOTIFICATIONS | MessageFlags.COMPONENTS_V2
)


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

    def changed(self, payload: JsonObject) -> "Draft":
        """Apply a payload: what it does not name stays, what it sets to null goes."""
        draft = self
        if "content" in payload:
            draft = replace(draft, content=str(payload["content"] or ""))
        if "embeds" in payload:
            draft = replace(draft, embeds=objects(payload["embeds"]))
        if "components" in payload:
            draft = replace(draft, components=objects(payload["components"]))
        # Components V2 cannot be taken back: flags are only ever added.
        asked = MessageFlags(int(payload.get("flags") or 0) & SETTABLE)
        return replace(draft, flags=draft.flags | asked)

    @property
    def is_v2(self) -> bool:
        """Whether components are all that it shows."""
        return MessageFlags.COMPONENTS_V2 in self.flags

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.content or self.embeds or self.components or self.attachments)


def check_draft(draft: Draft) -> None:
    """Check all of a message's content.

    Raises:
        ApiError: 50035 with the place of the first mistake, or 50006 for an empty message.
    """
    if len(draft.content) > MAX_CONTENT:
        raise _too_long(("content",), MAX_CONTENT)
    _check_embeds(draft.embeds)
    _check_attachments(draft.attachments)
    _check_exclusive(draft)
    filenames = {attachment.filename for attachment in draft.attachments}
    check_components(draft.components, is_v2=draft.is_v2, filenames=filenames)
    if draft.is_empty:
        raise ApiError(Problem.EMPTY_MESSAGE)


def _check_exclusive(draft: Draft) -> None:
    for name, is_used in (("content", draft.content), ("embeds", draft.embeds)):
        if draft.is_v2 and is_used:
            code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
            message = f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            raise invalid((name,), code, message)
    if draft.is_v2 and not draft.components:
        raise ApiError(Problem.EMPTY_MESSAGE)


def _check_embeds(embeds: list[JsonObject]) -> None:
    if len(embeds) > MAX_EMBEDS:
        raise _too_long(("embeds",), MAX_EMBEDS)
    for index, embed in enumerate(embeds):
        for name, most in (("title", 256), ("description", 4096)):
            if len(str(embed.get(name) or "")) > most:
                raise _too_long(("embeds", index, name), most)
        if len(objects(embed.get("fields"))) > 25:
            raise _too_long(("embeds", index, "fields"), 25)
    if sum(_embed_length(embed) for embed in embeds) > MAX_EMBED_TEXT:
        raise invalid(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size")


def _embed_length(embed: JsonObject) -> int:
    parts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    for entry in objects(embed.get("fields")):
        parts += [entry.get("name"), entry.get("value")]
    return sum(len(str(part)) for part in parts if part)


def _check_attachments(attachments: list[Attachment]) -> None:
    if len(attachments) > MAX_ATTACHMENTS:
        raise _too_long(("attachments",), MAX_ATTACHMENTS)
    for index, attachment in enumerate(attachments):
        if len(attachment.description or "") > MAX_DESCRIPTION:
            raise _too_long(("attachments", index, "description"), MAX_DESCRIPTION)


def _too_long(path: tuple[str | int, ...], most: int) -> ApiError:
    return invalid(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
