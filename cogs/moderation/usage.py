"""`/mod usage` and `/mod export`: what a server made and spent, as a picture and as a file."""

import io
from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from cogs.access import Access
from cogs.acknowledgement import open_private, twice
from cogs.desk import requester_of
from cogs.moderation.usage_pages import PICTURE, export_sentence, told, usage_page
from jobs.usage.days import MAX_DAYS
from jobs.usage.spending import PERIODS, Spending

USUAL_DAYS = 30
PERIOD_CHOICES = [Choice(name=f"{days} days", value=days) for days in PERIODS]

DayOption = Range[str, 1, 20]
Command = app_commands.Command[Any, ..., None]


def usage_commands(*, access: Access, spending: Spending) -> Sequence[Command]:
    """Return the commands, for the group of the moderators'."""

    @app_commands.command(name="usage", description="What was made and spent here, day by day")
    @app_commands.describe(days="How many days, today included; without it, 30")
    @app_commands.choices(days=PERIOD_CHOICES)
    async def usage(interaction: discord.Interaction, days: int = USUAL_DAYS) -> None:
        """Show the totals and the picture."""
        access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        report = await spending.report(interaction.guild_id or 0, days)
        page, picture = usage_page(report), report.picture

        async def answer() -> None:
            files = [] if picture is None else [_file(picture, PICTURE, told(report.usage))]
            await interaction.edit_original_response(view=page, attachments=files)

        await twice(interaction, answer)

    @app_commands.command(name="export", description="A list of the videos here, as a CSV file")
    @app_commands.describe(
        days="How many days; without it, 30",
        until="The last day in UTC, such as 2026-11-30; without it, today",
        prompts="Also what members asked for; handle it with care",
    )
    async def export(
        interaction: discord.Interaction,
        days: Range[int, 1, MAX_DAYS] = USUAL_DAYS,
        until: DayOption = "",
        prompts: bool = False,  # noqa: FBT001, FBT002 - an option of a command
    ) -> None:
        """Send the file; the export is an act."""
        access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        export = await spending.export(
            requester_of(interaction), days=days, until=until, with_prompts=prompts
        )

        async def answer() -> None:
            file = _file(export.content, export.name)
            sentence = export_sentence(export)
            await interaction.edit_original_response(content=sentence, attachments=[file])

        await twice(interaction, answer)

    return [usage, export]


def _file(content: bytes, name: str, description: str | None = None) -> discord.File:
    """Return a new file; discord.py closes each that it sent, so a repeat needs another."""
    return discord.File(io.BytesIO(content), filename=name, description=description)
