"""Builds a world out of a TOML file, so that tests, the demo and the chat page share one.

The format is as in `lounge.toml`, which is the world that a sandbox has unless it is given another.
"""

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.sandbox.errors import SandboxError
from bot.sandbox.world.accounts import User
from bot.sandbox.world.entities import MAX_SLOWMODE_S, Channel, Guild
from bot.sandbox.world.world import World

LOUNGE = files("bot.sandbox.world") / "lounge.toml"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RoleTable(_Table):
    """A role, who has it, and what it allows beyond what everyone may do."""

    name: str
    members: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()


class ChannelTable(_Table):
    """A text channel; `hidden` hides it from all but the roles in `visible_to` and the bot."""

    name: str
    age_restricted: bool = False
    slowmode_s: int = Field(default=0, ge=0, le=MAX_SLOWMODE_S)
    hidden: bool = False
    visible_to: tuple[str, ...] = ()
    threads: tuple[str, ...] = ()


class ServerTable(_Table):
    """A server with its people and places; an owner need not be listed as a member."""

    name: str
    owner: str
    premium_tier: int = Field(default=0, ge=0, le=3)
    members: tuple[str, ...] = ()
    role: tuple[RoleTable, ...] = ()
    channel: tuple[ChannelTable, ...] = Field(min_length=1)


class WorldTable(_Table):
    """The whole file."""

    server: tuple[ServerTable, ...] = Field(min_length=1)


def build(world: World, source: Path | Traversable = LOUNGE) -> None:
    """Add to `world` what a file describes.

    Raises:
        SandboxError: The file is not of the format, or names somebody who is not there.
    """
    try:
        table = WorldTable.model_validate(tomllib.loads(source.read_text(encoding="utf-8")))
        users: dict[str, User] = {}
        for server in table.server:
            _add_server(world, server, users)
    except (ValidationError, tomllib.TOMLDecodeError, ValueError) as error:
        raise SandboxError(f"{source}: {error}") from error


def _add_server(world: World, table: ServerTable, users: dict[str, User]) -> None:
    for name in (table.owner, *table.members):
        users[name] = users.get(name) or world.add_user(name)
    guild = world.add_guild(table.name, owner=users[table.owner], premium_tier=table.premium_tier)
    for name in table.members:
        world.add_member(guild, name, user=users[name])
    for role in table.role:
        _add_role(world, guild, role)
    for channel in table.channel:
        _add_channel(world, guild, channel)


def _add_role(world: World, guild: Guild, table: RoleTable) -> None:
    role = world.add_role(guild, table.name, table.permissions)
    for name in table.members:
        world.give_role(guild.member(name), role)


def _add_channel(world: World, guild: Guild, table: ChannelTable) -> None:
    channel = world.add_channel(guild, table.name, nsfw=table.age_restricted)
    channel.slowmode_s = table.slowmode_s
    if table.hidden:
        _hide(channel, table.visible_to)
    for name in table.threads:
        world.add_thread(channel, name)


def _hide(channel: Channel, visible_to: tuple[str, ...]) -> None:
    guild = channel.guild
    channel.deny("view_channel", to=guild.roles[guild.id])
    channel.allow("view_channel")
    for name in visible_to:
        channel.allow("view_channel", to=guild.role(name))
