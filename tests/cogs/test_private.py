"""Where there is no server there are no moderators, whatever permissions Discord tells."""

from types import SimpleNamespace
from typing import cast

import discord
import pytest

from cogs.access import Access, check_manager
from jobs.errors import NotAllowedError
from jobs.moderation.guilds import Guilds


def said_by_somebody(guild_id: int | None) -> discord.Interaction:
    """Return what of an interaction tells who may what; in a private chat that is everything."""
    known = SimpleNamespace(guild_id=guild_id, user=None, permissions=discord.Permissions.all())
    return cast("discord.Interaction", known)


def test_nobody_moderates_or_manages_a_private_chat() -> None:
    access = Access(Guilds())
    assert access.is_moderator(said_by_somebody(5))
    check_manager(said_by_somebody(5))
    assert not access.is_moderator(said_by_somebody(None))
    with pytest.raises(NotAllowedError):
        access.check_moderator(said_by_somebody(None))
    with pytest.raises(NotAllowedError):
        check_manager(said_by_somebody(None))
