"""Writes messages and files as Discord's JSON: what REST answers and gateway events carry.

The shapes follow Discord's resource "Message"; for people and places see `place_payloads.py`.
"""

from functools import partial

from bot.sandbox.hosts import MEDIA_HOST
from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.accounts import User
from bot.sandbox.world.component_payloads import ComponentPayloads
from bot.sandbox.world.embeds import complete_embed
from bot.sandbox.world.entities import Message
from bot.sandbox.world.files import Attachment
from bot.sandbox.world.links import CdnLinks
from bot.sandbox.world.media import picture_size
from bot.sandbox.world.message_kinds import MessageKind
from bot.sandbox.world.place_payloads import PlacePayloads

IS_SPOILER = 1 << 3  # resource "Message", Attachment Flags


class Payloads(PlacePayloads):
    """Turns all entities into JSON; needs to know who the bot is and how links are signed."""

    def __init__(self, *, bot: User, links: CdnLinks) -> None:
        super().__init__(bot)
        self._links = links

    def attachment(self, attachment: Attachment) -> JsonObject:
        """Describe a file, with links that are good for a day from now."""
        size = picture_size(attachment.content)
        optional: JsonObject = {"width": size[0], "height": size[1]} if size else {}
        if attachment.description is not None:
            optional["description"] = attachment.description
        if attachment.is_ephemeral:
            optional["ephemeral"] = True
        if attachment.is_spoiler:
            optional["flags"] = IS_SPOILER
        return optional | {
            "id": attachment.id,
            "filename": attachment.filename,
            "size": len(attachment.content),
            "content_type": attachment.content_type,
            "url": self._links.sign(attachment.path),
            "proxy_url": self._links.sign(attachment.path, MEDIA_HOST),
        }

    def message(self, message: Message) -> JsonObject:
        """Describe a message (resource "Message")."""
        return self._message_links(message) | {
            "id": message.id,
            "channel_id": message.channel.id,
            "type": int(message.kind),
            "author": self.user(message.author),
            "content": message.content,
            "embeds": self._embeds(message),
            "components": self._components(message),
            "attachments": [self.attachment(one) for one in message.listed_attachments],
            "flags": int(message.flags),
            "timestamp": message.created_at.isoformat(),
            "edited_timestamp": message.edited_at.isoformat() if message.edited_at else None,
            "mentions": self._mentions(message),
            "mention_roles": sorted(message.mentions.roles),
            "mention_everyone": message.mentions.everyone,
            "pinned": False,
            "tts": message.is_spoken,
        }

    def _components(self, message: Message) -> list[JsonObject]:
        media = partial(self._media, message)
        return ComponentPayloads(message.components, media=media).complete()

    def _embeds(self, message: Message) -> list[JsonObject]:
        media = partial(self._media, message)
        return [complete_embed(embed, media) for embed in message.shown_embeds]

    def _mentions(self, message: Message) -> list[JsonObject]:
        members, mentioned = message.channel.guild.members, sorted(message.mentions.users)
        return [self.user(members[id_].user) for id_ in mentioned if id_ in members]

    def _message_links(self, message: Message) -> JsonObject:
        links: JsonObject = {}
        if message.nonce is not None:
            links["nonce"] = message.nonce
        if message.author is self._bot:
            links["application_id"] = self._bot.id
        if message.metadata is not None:
            links["webhook_id"] = self._bot.id
            links["interaction_metadata"] = message.metadata
        if message.thread is not None:
            links["thread"] = self.channel(message.thread)
        if message.reference is not None:
            links |= self._reference(message.reference, message.kind)
        return links

    def _reference(self, referenced: Message, kind: MessageKind) -> JsonObject:
        reference: JsonObject = {
            "type": 0,
            "message_id": referenced.id,
            "channel_id": referenced.channel.id,
            "guild_id": referenced.channel.guild.id,
        }
        payload: JsonObject = {"message_reference": reference}
        if kind in {MessageKind.REPLY, MessageKind.CONTEXT_MENU_COMMAND}:
            original = None if referenced.is_deleted else self.message(referenced)
            if original is not None:
                original.pop("referenced_message", None)  # one level, as in Discord's OpenAPI
            payload["referenced_message"] = original
        return payload

    def _media(self, message: Message, url: str) -> JsonObject:
        """Replace `attachment://name` by a link, as Discord's answers do."""
        for attachment in message.attachments:
            if url == f"attachment://{attachment.filename}" or attachment.path in url:
                whole = self.attachment(attachment)
                kept = {k: whole[k] for k in ("url", "proxy_url", "content_type")}
                size = {"width": whole.get("width"), "height": whole.get("height")}
                return kept | size | {"id": attachment.id, "attachment_id": attachment.id}
        return {"id": message.id, "url": url, "proxy_url": url}
