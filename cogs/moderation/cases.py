"""`/mod cases` and `/mod video`: what members reported and appealed, and removing a video."""

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from cogs.access import Access
from cogs.acknowledgement import fill, open_private
from cogs.cases.pages import case_page, cases_page, removed_sentence
from cogs.completion import complete_jobs
from cogs.desk import requester_of
from cogs.queue import IdOption, job_id_of
from jobs.moderation.casework import Casework

ReasonOption = Range[str, 1, 200]


class CasesGroup(app_commands.Group):
    """Shows cases."""

    def __init__(self, *, access: Access, casework: Casework) -> None:
        super().__init__(name="cases", description="What members reported, and what they appeal")
        self._access = access
        self._casework = casework

    @app_commands.command(name="list", description="Reports and appeals that wait for a moderator")
    async def list_open(self, interaction: discord.Interaction) -> None:
        """Show the server's open cases."""
        self._access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        await fill(
            interaction, cases_page(await self._casework.open_cases(interaction.guild_id or 0))
        )

    @app_commands.command(name="show", description="One of them, with the buttons that decide it")
    @app_commands.describe(case="Its number")
    async def show(
        self, interaction: discord.Interaction, case: Range[int, 1, 999_999_999_999]
    ) -> None:
        """Show a case."""
        self._access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        found = await self._casework.case(case, guild_id=interaction.guild_id or 0)
        await fill(interaction, case_page(found))


class RemovalGroup(app_commands.Group):
    """Removes videos."""

    def __init__(self, *, access: Access, casework: Casework) -> None:
        super().__init__(name="video", description="A video that was posted")
        self._access = access
        self._casework = casework

    @app_commands.command(
        name="remove", description="Delete a posted video: its message, its file and every link"
    )
    @app_commands.describe(id="The job's id, as below the video", reason="Why, for the audit")
    async def remove(
        self,
        interaction: discord.Interaction,
        id: IdOption,  # noqa: A002 - the option's name
        reason: ReasonOption = "",
    ) -> None:
        """Remove a video."""
        self._access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        by = requester_of(interaction)
        job = await self._casework.remove(job_id_of(id), by=by, reason=reason)
        await fill(interaction, removed_sentence(job))

    @remove.autocomplete("id")
    async def complete_posted(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        """Complete with the server's newest videos, for moderators."""
        if not self._access.is_moderator(interaction):
            return []
        return complete_jobs(await self._casework.posted(interaction.guild_id or 0), current)
