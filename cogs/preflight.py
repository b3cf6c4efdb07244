"""Checks before anything is queued that a result could be posted here, and says what is missing."""

import discord

from jobs.errors import NotAllowedError

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
