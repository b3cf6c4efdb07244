"""`/mod`: what moderators decide about a server's jobs.

Discord hides the commands from members without Manage Messages, but a server's managers may
change that, and an API client need not ask: the permission is checked again here.
"""

import logging

import discord
from discord import app_commands
from discord.app_commands import Choice
from discord.ext import commands

from cogs.acknowledgement import fill, open_private
from cogs.completion import complete_jobs
from cogs.desk import requester_of
from cogs.pages import unconfirmed_page
from cogs.queue import IdOption, job_id_of
from jobs.decisions import Decision, Decisions
from jobs.errors import NotAllowedError
from jobs.model import Job
from jobs.ports import Delivery
from jobs.states import JobState

logger = logging.getLogger(__name__)

ID_TELLS = "The job's id, as on its card"


class ModerationCog(commands.Cog):
    """Settles jobs that wait for a provider's word."""

    mod = app_commands.Group(
        name="mod",
        description="For moderators",
        default_permissions=discord.Permissions(manage_messages=True),
    )
    jobs = app_commands.Group(
        name="jobs", description="Videos whose provider never answered", parent=mod
    )

    def __init__(self, *, decisions: Decisions, delivery: Delivery) -> None:
        self._decisions = decisions
        self._delivery = delivery

    @jobs.command(name="list", description="Which videos wait for their provider's word")
    async def list_unconfirmed(self, interaction: discord.Interaction) -> None:
        """Show the server's unconfirmed jobs."""
        check_moderator(interaction)
        if not await open_private(interaction):
            return
        found = await self._decisions.unconfirmed(interaction.guild_id or 0)
        await fill(interaction, unconfirmed_page(found))

    @jobs.command(name="release", description="End it; it costs its member nothing")
    @app_commands.describe(id=ID_TELLS)
    async def release(self, interaction: discord.Interaction, id: IdOption) -> None:  # noqa: A002 - the option's name
        """End a job and give its member everything back."""
        await self._decide(interaction, id, Decision.RELEASE)

    @jobs.command(name="charge", description="End it; it counts, as if it had been made")
    @app_commands.describe(id=ID_TELLS)
    async def charge(self, interaction: discord.Interaction, id: IdOption) -> None:  # noqa: A002 - the option's name
        """End a job and let it count."""
        await self._decide(interaction, id, Decision.CHARGE)

    @jobs.command(name="retry", description="Send it once more; the provider may bill it twice")
    @app_commands.describe(id=ID_TELLS)
    async def retry(self, interaction: discord.Interaction, id: IdOption) -> None:  # noqa: A002 - the option's name
        """Queue a job for one more submit."""
        await self._decide(interaction, id, Decision.RETRY)

    @release.autocomplete("id")
    @charge.autocomplete("id")
    @retry.autocomplete("id")
    async def complete_id(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        """Complete with the server's unconfirmed jobs, for moderators."""
        if not is_moderator(interaction):
            return []
        return complete_jobs(await self._decisions.unconfirmed(interaction.guild_id or 0), current)

    async def _decide(
        self, interaction: discord.Interaction, typed: str, decision: Decision
    ) -> None:
        check_moderator(interaction)
        if not await open_private(interaction):
            return
        by = requester_of(interaction)
        job = await self._decisions.decide(job_id_of(typed), decision, by=by)
        await fill(interaction, decision_sentence(job, decision))
        if job.state is JobState.QUEUED:
            await self._show(job)

    async def _show(self, job: Job) -> None:
        """Show that a job waits again; the runner shows the cards of those that ended."""
        try:
            await self._delivery.show(job)
        except Exception:  # it is queued already: a card is not worth taking that back
            logger.exception("Job %s: card not shown", job.id, extra={"action": "card_failed"})


def is_moderator(interaction: discord.Interaction) -> bool:
    """Say whether Discord gives the member Manage Messages in this channel."""
    return interaction.permissions.manage_messages


def check_moderator(interaction: discord.Interaction) -> None:
    """Let only moderators pass.

    Raises:
        NotAllowedError: The member may not manage messages here.
    """
    if not is_moderator(interaction):
        raise NotAllowedError("This is for moderators: it takes the permission Manage Messages.")


def decision_sentence(job: Job, decision: Decision) -> str:
    """Say what a decision did."""
    match decision:
        case Decision.RELEASE:
            return f"Job {job.id} has ended, and costs its member nothing."
        case Decision.CHARGE:
            return f"Job {job.id} has ended, and counts."
        case Decision.RETRY:
            return f"Job {job.id} is in the queue again, for one more try."
