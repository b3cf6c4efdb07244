"""Who may do what: members, moderators, managers.

Discord hides commands by their default permissions, but a server's managers may change that, and
an API client need not ask: permissions are checked again here, for commands and for buttons.
"""

import discord

from jobs.errors import NotAllowedError
from jobs.moderation.guilds import Guilds


class Access:
    """Knows who moderates a server and who manages it."""

    def __init__(self, guilds: Guilds) -> None:
        self._guilds = guilds

    def is_moderator(self, interaction: discord.Interaction) -> bool:
        """Say whether a member moderates: by permission, by role, or because they manage."""
        return self._moderates(interaction, interaction.user, interaction.permissions)

    def moderates(
        self, interaction: discord.Interaction, member: discord.User | discord.Member
    ) -> bool:
        """Say whether somebody whom an option names moderates; who has left does not."""
        if not isinstance(member, discord.Member):
            return False
        permissions = member.resolved_permissions or discord.Permissions.none()
        return self._moderates(interaction, member, permissions)

    def has_power(self, member: discord.Member) -> bool:
        """Say whether a member who was looked up moderates or manages their server."""
        settings, permissions = self._guilds.of(member.guild.id), member.guild_permissions
        has_permission: bool = getattr(permissions, settings.moderator_permission)
        has_role = not settings.moderator_roles.isdisjoint(role_ids_of(member))
        return has_permission or has_role or permissions.manage_guild

    def _moderates(
        self,
        interaction: discord.Interaction,
        member: discord.User | discord.Member,
        permissions: discord.Permissions,
    ) -> bool:
        if interaction.guild_id is None:  # a private chat, where everyone has every permission
            return False
        settings = self._guilds.of(interaction.guild_id)
        has_permission: bool = getattr(permissions, settings.moderator_permission)
        has_role = not settings.moderator_roles.isdisjoint(role_ids_of(member))
        return has_permission or has_role or permissions.manage_guild

    def check_moderator(self, interaction: discord.Interaction) -> None:
        """Let only moderators pass.

        Raises:
            NotAllowedError: The member is none.
        """
        if not self.is_moderator(interaction):
            settings = self._guilds.of(interaction.guild_id or 0)
            name = settings.moderator_permission.label
            raise NotAllowedError(f"This is for moderators: it takes the permission {name}.")


def is_manager(interaction: discord.Interaction) -> bool:
    """Say whether Discord gives the member Manage Server."""
    return interaction.guild_id is not None and interaction.permissions.manage_guild


def check_manager(interaction: discord.Interaction) -> None:
    """Let only those pass who manage the server.

    Raises:
        NotAllowedError: The member does not.
    """
    if not is_manager(interaction):
        raise NotAllowedError("This is for managers: it takes the permission Manage Server.")


def role_ids_of(user: discord.User | discord.Member) -> tuple[int, ...]:
    """Return a member's roles; the one that everybody has is none."""
    if not isinstance(user, discord.Member):
        return ()
    return tuple(role.id for role in user.roles if not role.is_default())
