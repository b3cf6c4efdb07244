"""`/help`: the first steps, and whether the bot can work in this channel at all."""

import discord
from discord import app_commands
from discord.ext import commands

from cogs.pages import help_page
from cogs.preflight import missing
from jobs.ports import Catalogue


class HelpCog(commands.Cog):
    """Helps members to a first video, and managers to the right permissions."""

    def __init__(self, *, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    @app_commands.command(name="help", description="How to make a first video")
    async def help(self, interaction: discord.Interaction) -> None:
        """Show the first steps."""
        models = (model for one in self._catalogue.providers() for model in one.models())
        view = help_page(
            next(models, None),
            missing(interaction),
            is_manager=interaction.permissions.manage_guild,
        )
        await interaction.response.send_message(view=view, ephemeral=True)
