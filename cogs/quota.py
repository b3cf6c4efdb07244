"""`/quota`: what a member may still make, and what moved their books."""

import discord
from discord import app_commands
from discord.ext import commands

from cogs.access import role_ids_of
from cogs.acknowledgement import fill, open_private
from cogs.quota_pages import history_page, own_page
from jobs.model import Requester
from jobs.quota.allowances import Allowances


class QuotaCog(commands.Cog):
    """Tells members about their own quota, and nobody else's."""

    quota = app_commands.Group(name="quota", description="What you may make, and what is left")

    def __init__(self, *, allowances: Allowances) -> None:
        self._allowances = allowances

    @quota.command(name="show", description="What is left, when it resets, and who set it")
    async def show(self, interaction: discord.Interaction) -> None:
        """Show a member's limits."""
        if not await open_private(interaction):
            return
        account = await self._allowances.account(member_of(interaction, interaction.user))
        await fill(interaction, own_page(account))

    @quota.command(name="history", description="What was counted, held, and given back")
    async def history(self, interaction: discord.Interaction) -> None:
        """Show what moved a member's books."""
        if not await open_private(interaction):
            return
        entries = await self._allowances.history(member_of(interaction, interaction.user))
        await fill(interaction, history_page(entries, self._allowances.currency))


def member_of(interaction: discord.Interaction, user: discord.User | discord.Member) -> Requester:
    """Return somebody as a member of the server in which the interaction is used."""
    return Requester(
        user_id=user.id, guild_id=interaction.guild_id or 0, role_ids=role_ids_of(user)
    )
