"""Checks before anything is queued that `/video` works here, and that a result could be posted.

Whoever is refused is told what is missing, or where it works.
"""

import discord

from jobs.errors import NotAllowedError
from jobs.moderation.guilds import GuildSettings

NAMED_CHANNELS = 10

THREADS = frozenset(
    {
        discord.ChannelType.public_thread,
        discord.ChannelType.private_thread,
        discord.ChannelType.news_thread,
    }
)


def needed(channel_type: discord.ChannelType | None) -> dict[str, str]:
    """Return the permissions for a result, as discord.py and as Discord's settings name them."""
    if channel_type in THREADS:
        sending = ("send_messages_in_threads", "Send Messages in Threads")
    else:
        sending = ("send_messages", "Send Messages")
    return {
        "view_channel": "View Channel",
        sending[0]: sending[1],
        "attach_files": "Attach Files",
        "read_message_history": "Read Message History",
    }


def missing(interaction: discord.Interaction) -> list[str]:
    """Return the names of the permissions that the bot lacks in this channel."""
    granted = interaction.app_permissions
    channel_type = interaction.channel.type if interaction.channel else None
    wanted = needed(channel_type)
    return [title for name, title in wanted.items() if not getattr(granted, name)]


def check_posting(interaction: discord.Interaction) -> None:
    """Refuse a job whose video could not be posted here.

    Raises:
        NotAllowedError: Permissions are missing; the message names them and the fix.
    """
    lacking = missing(interaction)
    if lacking:
        message = (
            f"I could not post a video here: I lack {', '.join(lacking)}; someone who manages "
            "this channel can grant it under Edit Channel → Permissions."
        )
        raise NotAllowedError(message)


def check_place(interaction: discord.Interaction, settings: GuildSettings) -> None:
    """Refuse a job outside the channels where managers let `/video` work.

    Raises:
        NotAllowedError: It works elsewhere; the message says where.
    """
    if settings.channels and settings.channels.isdisjoint(place_of(interaction)):
        raise NotAllowedError(places_sentence(interaction.guild, settings))


def place_of(interaction: discord.Interaction) -> set[int | None]:
    """Return the ids under which a place can be set: a thread, also a forum's, is in its parent."""
    channel = interaction.channel
    parent_id = channel.parent_id if isinstance(channel, discord.Thread) else None
    return {interaction.channel_id, parent_id}


def is_adult_place(interaction: discord.Interaction) -> bool:
    """Say whether only adults may look here; a thread is as its parent."""
    channel = interaction.channel
    if channel is None or isinstance(channel, discord.DMChannel | discord.GroupChannel):
        return False
    return channel.is_nsfw()


def places_sentence(guild: discord.Guild | None, settings: GuildSettings) -> str:
    """Say where `/video` works; channels that were deleted are not named."""
    known = [
        f"<#{one}>"
        for one in sorted(settings.channels)
        if guild is None or guild.get_channel(one) is not None
    ]
    if not known:
        return (
            "The channels where `/video` worked were deleted; someone who manages this server can "
            "choose others with `/settings channels`."
        )
    more = len(known) - NAMED_CHANNELS
    named = [*known[:NAMED_CHANNELS], *([f"{more} more"] if more > 0 else [])]
    *first, last = named
    places = f"{', '.join(first)} and {last}" if first else last
    return f"`/video` works in {places} here."


def check_log_channel(channel: discord.TextChannel | None) -> None:
    """Refuse a log channel in which nothing could be posted.

    Raises:
        NotAllowedError: Permissions are missing; the message names them and the fix.
    """
    if channel is None:
        return
    granted = channel.permissions_for(channel.guild.me)
    wanted = {"view_channel": "View Channel", "send_messages": "Send Messages"}
    lacking = [title for name, title in wanted.items() if not getattr(granted, name)]
    if lacking:
        message = (
            f"I could not post in <#{channel.id}>: I lack {', '.join(lacking)}; someone who "
            "manages that channel can grant it under Edit Channel → Permissions."
        )
        raise NotAllowedError(message)
