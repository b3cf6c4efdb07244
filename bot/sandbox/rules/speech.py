"""Refuses what members may not write, as Discord's own client would be refused.

Sources: Discord's "Message" resource (2000 characters), "Channel" (`rate_limit_per_user`: "amount
of seconds a user has to wait before sending another message …; bots, as well as users with the
permission BYPASS_SLOWMODE, are unaffected"), "Threads" (locked ones) and "Auto Moderation".
"""

from datetime import datetime, timedelta

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.rules.automod import check_words
from bot.sandbox.rules.bounds import check_length
from bot.sandbox.rules.messages import MAX_CONTENT
from bot.sandbox.world.entities import Channel, Member


def check_speech(member: Member, channel: Channel, content: str, now: datetime) -> None:
    """Check an ordinary message that a member wants to post.

    Raises:
        ApiError: 50001, 50013, 160005, 50006, 50035, 20016 or 200000.
    """
    _check_place(member, channel)
    if not content.strip():
        raise ApiError(Problem.EMPTY_MESSAGE)
    check_length(("content",), content, 0, MAX_CONTENT)
    _check_pace(member, channel, now)
    check_words(member, content)


def _check_place(member: Member, channel: Channel) -> None:
    allowed = member.permissions_in(channel)
    if not member.sees(channel):
        raise ApiError(Problem.MISSING_ACCESS)
    if channel.writing_permission not in allowed:
        raise ApiError(Problem.MISSING_PERMISSIONS)
    if channel.is_closed_to(allowed):
        raise ApiError(Problem.THREAD_LOCKED)


def _check_pace(member: Member, channel: Channel, now: datetime) -> None:
    """Hold a member to the channel's slow mode."""
    if "bypass_slowmode" in member.permissions_in(channel):
        return
    own = [one.created_at for one in channel.messages.values() if one.author is member.user]
    # What the bot says for a member's command is the bot's, and does not count.
    free_at = max(own, default=now) + timedelta(seconds=channel.slowmode_s)
    if own and now < free_at:
        raise ApiError(Problem.SLOW_MODE, retry_after_s=(free_at - now).total_seconds())
