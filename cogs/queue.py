"""`/queue` and `/job`: who waits, what became of a video, and how to stop one."""

import asyncio

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.ext import commands

from cogs.acknowledgement import fill, open_private
from cogs.completion import complete_jobs
from cogs.desk import Desk, requester_of
from cogs.pages import MAX_JOBS, job_page, queue_page
from jobs.errors import NO_SUCH_JOB, NotFoundError
from jobs.model import Job, JobId, Standing
from jobs.states import JobState

IdOption = Range[str, 1, 40]


class QueueCog(commands.Cog):
    """Looks at jobs and stops them."""

    job = app_commands.Group(name="job", description="One video: look at it, or stop it")

    def __init__(self, *, desk: Desk) -> None:
        self._desk = desk
        self._service = desk.service

    @app_commands.command(name="queue", description="Who waits for a video here, and for how long")
    async def queue(self, interaction: discord.Interaction) -> None:
        """Show the server's open jobs."""
        if not await open_private(interaction):
            return
        jobs = await self._service.queue(interaction.guild_id or 0)
        places = await asyncio.gather(*(self._standing(job) for job in jobs[:MAX_JOBS]))
        standings = {job.id: place for job, place in zip(jobs, places, strict=False) if place}
        await fill(interaction, queue_page(jobs, standings, interaction.user.id))

    @job.command(name="info", description="What became of a video, and what made it")
    @app_commands.describe(id="The job's id, as on its card")
    async def info(self, interaction: discord.Interaction, id: IdOption) -> None:  # noqa: A002 - the option's name
        """Show one job."""
        if not await open_private(interaction):
            return
        job = await self._service.info(job_id_of(id), guild_id=interaction.guild_id or 0)
        await fill(interaction, job_page(job, await self._standing(job)))

    @job.command(name="cancel", description="Stop a video of yours, waiting or being made")
    @app_commands.describe(id="The job's id, as on its card")
    async def cancel(self, interaction: discord.Interaction, id: IdOption) -> None:  # noqa: A002 - the option's name
        """Cancel one job."""
        await self._desk.cancel(interaction, job_id_of(id))

    @info.autocomplete("id")
    async def complete_info(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        """Complete with the member's own jobs."""
        return complete_jobs(await self._service.recent(requester_of(interaction)), current)

    @cancel.autocomplete("id")
    async def complete_cancel(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        """Complete with the member's own jobs that have not ended."""
        jobs = await self._service.recent(requester_of(interaction))
        return complete_jobs([job for job in jobs if not job.state.is_final], current)

    async def _standing(self, job: Job) -> Standing | None:
        """Return what is known about a job that waits or is being rendered."""
        is_asked = job.state in (JobState.QUEUED, JobState.RUNNING)
        return await self._service.standing(job) if is_asked else None


def job_id_of(text: str) -> JobId:
    """Read an id as people type it.

    Raises:
        NotFoundError: It can be no id at all.
    """
    job_id = text.strip().strip("`").lower()
    if not job_id.isalnum():
        raise NotFoundError(NO_SUCH_JOB)
    return JobId(job_id)
