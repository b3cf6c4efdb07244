"""`/mod jobs`: what waits in a server, how moderators stop it, and what they decide about it."""

import asyncio
import logging
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Choice, Range

from cogs.access import Access
from cogs.acknowledgement import fill, open_private
from cogs.completion import complete_jobs
from cogs.desk import cancel_sentence, requester_of
from cogs.moderation.pages import cleared_sentence, decision_sentence, jobs_page, shown_of
from cogs.queue import IdOption, job_id_of
from jobs.errors import RequestError
from jobs.model import Job
from jobs.moderation.clearing import Clearing
from jobs.moderation.decisions import Decision, Decisions
from jobs.ports import Delivery
from jobs.service import Service
from jobs.states import JobState

logger = logging.getLogger(__name__)

ReasonOption = Range[str, 1, 200]

ID_TELLS = "The job's id, as on its card"
REASON_TELLS = "Why; it is kept in the audit"
DECISIONS = {
    Decision.RELEASE: "End it; it costs its member nothing",
    Decision.CHARGE: "End it; it counts, as if it had been made",
    Decision.RETRY: "Send it once more; the provider may bill it twice",
}


class JobsGroup(app_commands.Group):
    """Lists, stops and settles a server's videos."""

    def __init__(
        self,
        *,
        access: Access,
        service: Service,
        decisions: Decisions,
        clearing: Clearing,
        delivery: Delivery,
    ) -> None:
        super().__init__(name="jobs", description="The server's videos: look, stop, decide")
        self._access = access
        self._service = service
        self._decisions = decisions
        self._clearing = clearing
        self._delivery = delivery
        for decision, description in DECISIONS.items():
            self.add_command(self._deciding(decision, description))

    @app_commands.command(name="list", description="Open videos; those to decide about come first")
    @app_commands.describe(member="Only this member's")
    async def list_open(
        self, interaction: discord.Interaction, member: discord.User | None = None
    ) -> None:
        """Show the server's open jobs."""
        self._access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        guild_id = interaction.guild_id or 0
        user_id = None if member is None else member.id
        jobs = await self._clearing.open_jobs(guild_id, user_id=user_id)
        waiting = await self._clearing.waiting(guild_id)
        asked = [job for job in shown_of(jobs) if job.state in (JobState.QUEUED, JobState.RUNNING)]
        places = await asyncio.gather(*(self._service.standing(job) for job in asked))
        standings = {job.id: place for job, place in zip(asked, places, strict=True)}
        await fill(interaction, jobs_page(jobs, standings, waiting, user_id=user_id))

    @app_commands.command(
        name="cancel",
        description="Stop one video, all that wait of a member, or all that wait here",
    )
    @app_commands.describe(
        id=ID_TELLS,
        member="All that wait of this member",
        everyone="True: all that wait in this server",
        running="True: also those that are being made; they count for their members",
        reason=REASON_TELLS,
    )
    async def cancel(
        self,
        interaction: discord.Interaction,
        id: IdOption | None = None,  # noqa: A002 - the option's name
        member: discord.User | None = None,
        everyone: bool = False,  # noqa: FBT001, FBT002 - an option, given by name
        running: bool = False,  # noqa: FBT001, FBT002 - an option, given by name
        reason: ReasonOption = "",
    ) -> None:
        """Cancel one job or many."""
        self._access.check_moderator(interaction)
        if (id is not None) + (member is not None) + everyone != 1:
            raise RequestError("Give one of `id`, `member` and `everyone: True`.", field="id")
        if not await open_private(interaction):
            return
        by = requester_of(interaction)
        if id is not None:
            job = await self._clearing.cancel(job_id_of(id), by=by, reason=reason)
            await fill(interaction, cancel_sentence(job))
            return
        user_id = None if member is None else member.id
        jobs = await self._clearing.cancel_all(
            by=by, user_id=user_id, is_running=running, reason=reason
        )
        await fill(interaction, cleared_sentence(jobs, user_id, is_running=running))

    @cancel.autocomplete("id")
    async def complete_open(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        """Complete with the server's open jobs, for moderators."""
        if not self._access.is_moderator(interaction):
            return []
        return complete_jobs(await self._clearing.open_jobs(interaction.guild_id or 0), current)

    async def complete_undecided(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        """Complete with the server's unconfirmed jobs, for moderators."""
        if not self._access.is_moderator(interaction):
            return []
        return complete_jobs(await self._decisions.unconfirmed(interaction.guild_id or 0), current)

    def _deciding(
        self, decision: Decision, description: str
    ) -> app_commands.Command[Any, ..., Any]:
        """Return the command for what can become of an unconfirmed job."""

        @app_commands.command(name=decision.value, description=description)
        @app_commands.describe(id=ID_TELLS, reason=REASON_TELLS)
        async def decide(
            interaction: discord.Interaction,
            id: IdOption,  # noqa: A002 - the option's name
            reason: ReasonOption = "",
        ) -> None:
            await self._decide(interaction, id, decision, reason)

        decide.autocomplete("id")(self.complete_undecided)
        return decide

    async def _decide(
        self, interaction: discord.Interaction, typed: str, decision: Decision, reason: str
    ) -> None:
        self._access.check_moderator(interaction)
        if not await open_private(interaction):
            return
        by = requester_of(interaction)
        job = await self._decisions.decide(job_id_of(typed), decision, by=by, reason=reason)
        await fill(interaction, decision_sentence(job, decision))
        if job.state is JobState.QUEUED:
            await self._show(job)

    async def _show(self, job: Job) -> None:
        """Show that a job waits again; the runner shows the cards of those that ended."""
        try:
            await self._delivery.show(job)
        except Exception:  # it is queued already: a card is not worth taking that back
            logger.exception("Job %s: card not shown", job.id, extra={"action": "card_failed"})
