"""`/models`: what can render here."""

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from cogs.model_pages import models_page
from jobs.ports import Catalogue


class ModelsCog(commands.Cog):
    """Tells about the models, from memory."""

    def __init__(self, *, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    @app_commands.command(name="models", description="The models: sizes, defaults, trigger words")
    @app_commands.describe(search="Words of a name, a trigger word, or a provider")
    async def models(
        self, interaction: discord.Interaction, search: Range[str, 1, 100] | None = None
    ) -> None:
        """Show the models, the default one first."""
        view = models_page(self._catalogue.providers(), search or "")
        await interaction.response.send_message(view=view, ephemeral=True)
