"""What members use of cases: the menu "Report video", `/appeal`, `/cases`, forms, outcomes."""

import logging
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from cogs.cases.desk import CaseDesk
from cogs.lasting_buttons import answered

logger = logging.getLogger(__name__)


class ReportsCog(commands.Cog):
    """Brings cases before a server's moderators."""

    def __init__(self, *, desk: CaseDesk) -> None:
        self._desk = desk
        self.menu = app_commands.ContextMenu(name="Report video", callback=self.report)

    async def report(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Open the form of a report about a message."""
        await self._desk.ask_report_of(interaction, message)

    @app_commands.command(name="appeal", description="Ask the moderators to lift your block")
    async def appeal(self, interaction: discord.Interaction) -> None:
        """Open the form of an appeal."""
        await self._desk.ask_appeal(interaction)

    @app_commands.command(
        name="cases", description="Your reports and appeals here, and what became of them"
    )
    async def cases(self, interaction: discord.Interaction) -> None:
        """Show what the member brought."""
        await self._desk.show_own(interaction)

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Take a form that was sent."""
        if interaction.type is discord.InteractionType.modal_submit:
            await answered(interaction, self._desk.take(interaction))

    @commands.Cog.listener()
    async def on_answered(self, interaction: discord.Interaction) -> None:
        """Tell the member what became of what they brought, after a refusal or a button."""
        await self._tell(interaction)

    @commands.Cog.listener()
    async def on_app_command_completion(
        self,
        interaction: discord.Interaction,
        command: app_commands.Command[Any, ..., Any] | app_commands.ContextMenu,
    ) -> None:
        """Do the same after a command."""
        del command
        await self._tell(interaction)

    async def _tell(self, interaction: discord.Interaction) -> None:
        """Tell outcomes; what fails is told the next time."""
        try:
            await self._desk.tell_outcomes(interaction)
        except Exception:  # the outer edge of an event: discord.py would only log it
            logger.exception("Outcomes not told", extra={"action": "outcomes_failed"})
