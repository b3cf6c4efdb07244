"""`/models`: what can render here."""

import discord
from discord import app_commands
from discord.ext import commands

from cogs.pages import models_page
from jobs.ports import Catalogue


class ModelsCog(commands.Cog):
    """Tells about the models, from memory."""

    def __init__(self, *, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    @app_commands.command(name="models", description="The models: sizes, defaults, trigger words")
    async def models(self, interaction: discord.Interaction) -> None:
        """Show all models, the default one first."""
        found = [model for one in self._catalogue.providers() for model in one.models()]
        await interaction.response.send_message(view=models_page(found), ephemeral=True)
