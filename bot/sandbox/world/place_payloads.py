"""Writes people and places as Discord's JSON: what REST answers and gateway events carry.

The shapes follow Discord's resource pages; guilds carry all that a strict client demands.
"""

from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.accounts import Role, User
from bot.sandbox.world.entities import Channel, Guild, Member
from bot.sandbox.world.permissions import permission_bits

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


class PlacePayloads:
    """Turns people and places into JSON; needs to know who the bot is."""

    def __init__(self, bot: User) -> None:
        self._bot = bot

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
            "joined_at": guild.bot.joined_at.isoformat(),
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
