"""Says what a member's client lets the member use, and where.

Sources: Discord's "Application Commands" ("Permissions", "Contexts", "Age-Restricted Commands",
"User Commands"), "Permissions" (Use Application Commands) and "Threads". Overwrites of single
commands, which administrators set in Discord's own settings, are not modelled.
"""

from bot.sandbox.errors import CommandLineError
from bot.sandbox.json_types import JsonObject
from bot.sandbox.world.commands import CommandKind
from bot.sandbox.world.entities import Channel, Member
from bot.sandbox.world.permissions import permission_bits

IN_GUILDS = 0
"""The interaction context, and the integration type, of a server."""


def is_listed(member: Member, command: JsonObject) -> bool:
    """Whether a member's client lists a command in a server at all.

    `default_member_permissions` are looked for among the server's permissions; whether a channel's
    overwrites count is not documented. "0" leaves a command to administrators.
    """
    for field in ("contexts", "integration_types"):
        if command.get(field) is not None and IN_GUILDS not in command[field]:
            return False
    needed = command.get("default_member_permissions")
    if needed is None or "administrator" in member.permissions:
        return True
    return bool(int(needed)) and not int(needed) & ~permission_bits(member.permissions)


def is_usable(member: Member, command: JsonObject, channel: Channel) -> bool:
    """Whether a member can use a command in a channel: a thread's age limit is its parent's."""
    fits_age = channel.is_age_restricted or not command.get("nsfw")
    return fits_age and is_listed(member, command)


def check_usable(member: Member, command: JsonObject, channel: Channel) -> None:
    """Refuse what a client would not let a member use.

    Raises:
        CommandLineError: The member may not use commands there, or not this one.
    """
    check_visible(member, channel)
    permissions = member.permissions_in(channel)
    if "use_application_commands" not in permissions:
        raise CommandLineError(f"{member.name} may not use commands in #{channel.name}")
    if channel.is_closed_to(permissions):
        raise CommandLineError(f"the thread #{channel.name} is locked")
    if not is_usable(member, command, channel):
        raise CommandLineError(f"/{command['name']} is hidden from {member.name}")
    may_write = channel.writing_permission in permissions
    if command.get("type") == CommandKind.USER and not may_write:
        # "A user must have permission to send text messages in the channel".
        raise CommandLineError(f"{member.name} may not write in #{channel.name}")


def check_visible(member: Member, channel: Channel) -> None:
    """Refuse a place that a member cannot see.

    Raises:
        CommandLineError: The channel is hidden from the member, or in another server.
    """
    is_there = member.guild is channel.guild and channel.id in channel.guild.channels
    if not is_there or not member.sees(channel):
        raise CommandLineError(f"{member.name} cannot see #{channel.name}")
