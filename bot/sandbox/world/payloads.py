"""Writes the world's things as Discord's JSON: what REST answers and gateway events carry.

The shapes follow Discord's resource pages; guilds carry all that a strict client demands.
"""

from bot.sandbox.hosts import MEDIA_HOST
from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.component_payloads import ComponentPayloads
from bot.sandbox.world.embeds import complete_embed
from bot.sandbox.world.entities import (
    Attachment,
    Channel,
    Guild,
    Member,
    Message,
    MessageKind,
    Role,
    User,
)
from bot.sandbox.world.links import CdnLinks
from bot.sandbox.world.media import picture_size
from bot.sandbox.world.permissions import permission_bits

IS_SPOILER = 1 << 3  # resource "Message", Attachment Flags

EMPTY_GUILD: JsonObject = {
    "icon": None,
    "description": None,
    "home_header": None,
    "splash": None,
    "discovery_splash": None,
    "banner": None,
    "application_id": None,
    "region": "deprecated",
    "afk_channel_id": None,
    "afk_timeout": 300,
    "system_channel_id": None,
    "system_channel_flags": 0,
    "widget_enabled": False,
    "widget_channel_id": None,
    "verification_level": 0,
    "default_message_notifications": 0,
    "mfa_level": 0,
    "explicit_content_filter": 0,
    "max_presences": None,
    "max_members": 500000,
    "max_stage_video_channel_users": 50,
    "max_video_channel_users": 25,
    "vanity_url_code": None,
    "premium_tier": 0,
    "premium_subscription_count": 0,
    "rules_channel_id": None,
    "safety_alerts_channel_id": None,
    "public_updates_channel_id": None,
    "premium_progress_bar_enabled": False,
    "nsfw": False,
    "nsfw_level": 0,
    "incidents_data": None,
}


class Payloads:
    """Turns entities into JSON; needs to know who the bot is and how links are signed."""

    def __init__(self, *, bot: User, links: CdnLinks) -> None:
        self._bot = bot
        self._links = links

    def user(self, user: User) -> JsonObject:
        """Describe an account (resource "User")."""
        return {
            "id": user.id,
            "username": user.name,
            "global_name": None if user.is_bot else user.name.title(),
            "discriminator": "0000" if user.is_bot else "0",
            "avatar": None,
            "bot": user.is_bot,
            "flags": 0,
            "public_flags": 0,
            "primary_guild": None,
        }

    def member(self, member: Member) -> JsonObject:
        """Describe a guild member (resource "Guild", member object)."""
        return {
            "user": self.user(member.user),
            "nick": None,
            "avatar": None,
            "banner": None,
            "roles": list(member.role_ids),
            "joined_at": member.joined_at.isoformat(),
            "premium_since": None,
            "communication_disabled_until": None,
            "deaf": False,
            "mute": False,
            "pending": False,
            "flags": 0,
        }

    def role(self, role: Role) -> JsonObject:
        """Describe a role; a managed one is the bot's own."""
        tags = {"tags": {"bot_id": self._bot.id}} if role.is_managed else {}
        return {
            "id": role.id,
            "name": role.name,
            "permissions": str(permission_bits(role.permissions)),
            "position": role.position,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": role.is_managed,
            "mentionable": role.is_mentionable,
            "icon": None,
            "unicode_emoji": None,
            "flags": 0,
            **tags,
        }

    def channel(self, channel: Channel) -> JsonObject:
        """Describe a channel or a thread (resource "Channel")."""
        last = next(reversed(channel.messages), None)
        common: JsonObject = {
            "id": channel.id,
            "type": int(channel.kind),
            "guild_id": channel.guild.id,
            "name": channel.name,
            "parent_id": channel.parent.id if channel.parent else None,
            "last_message_id": last,
            "rate_limit_per_user": channel.slowmode_s,
            "flags": 0,
        }
        return common | (self._thread(channel) if channel.is_thread else self._text(channel))

    def _text(self, channel: Channel) -> JsonObject:
        return {
            "position": list(channel.guild.channels).index(channel.id)
            if channel.id in channel.guild.channels
            else 0,
            "topic": None,
            "nsfw": channel.nsfw,
            "permission_overwrites": self._overwrites(channel),
        }

    def _overwrites(self, channel: Channel) -> list[JsonObject]:
        return [
            {
                "id": id_,
                "type": int(overwrite.is_member),
                "allow": str(permission_bits(overwrite.allow)),
                "deny": str(permission_bits(overwrite.deny)),
            }
            for id_, overwrite in channel.overwrites.items()
        ]

    def thread_member(self, thread: Channel, user_id: str) -> JsonObject:
        """Describe somebody's membership of a thread (resource "Channel", thread member)."""
        since = thread.joined[user_id].isoformat()
        return {"id": thread.id, "user_id": user_id, "join_timestamp": since, "flags": 0}

    def _thread(self, channel: Channel) -> JsonObject:
        is_joined = self._bot.id in channel.joined
        own = {"member": self.thread_member(channel, self._bot.id)} if is_joined else {}
        return own | {
            "owner_id": channel.owner_id,
            "message_count": len(channel.messages),
            "total_message_sent": len(channel.messages),
            "member_count": len(channel.joined),
            "thread_metadata": {
                "archived": channel.archived,
                "auto_archive_duration": channel.auto_archive_minutes,
                "archive_timestamp": (channel.archive_changed_at or channel.created_at).isoformat(),
                "create_timestamp": channel.created_at.isoformat(),
                "locked": channel.locked,
            },
        }

    def guild(self, guild: Guild) -> JsonObject:
        """Describe a guild as `GET /guilds/{guild_id}` does."""
        return EMPTY_GUILD | {
            "id": guild.id,
            "name": guild.name,
            "owner_id": guild.owner_id,
            "premium_tier": guild.premium_tier,
            "preferred_locale": guild.locale,
            "features": [],
            "roles": [self.role(role) for role in guild.roles.values()],
            "emojis": [],
            "stickers": [],
        }

    def guild_create(self, guild: Guild) -> JsonObject:
        """Describe a guild as the GUILD_CREATE event does: with channels, threads, members."""
        channels = list(guild.channels.values())
        return self.guild(guild) | {
            "joined_at": guild.members[self._bot.id].joined_at.isoformat(),
            "large": False,
            "unavailable": False,
            "member_count": len(guild.members),
            "members": [self.member(member) for member in guild.members.values()],
            "channels": [self.channel(channel) for channel in channels if not channel.is_thread],
            "threads": [self.channel(channel) for channel in channels if channel.is_thread],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

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
        complete = ComponentPayloads(lambda url: self._media(message, url)).complete
        return complete(message.components)

    def _embeds(self, message: Message) -> list[JsonObject]:
        def media(url: str) -> JsonObject:
            return self._media(message, url)

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
