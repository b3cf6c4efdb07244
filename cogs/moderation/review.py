"""`/mod review` and its buttons, which are also under the cards in the log channel.

A button holds a job's id, so it works for ever; who presses it is asked for the permission again.
"""

import logging
from typing import Any, Protocol, cast

import discord
from discord import app_commands
from discord.ui import LayoutView
from typing_extensions import override

from cogs.access import Access
from cogs.acknowledgement import fill, open_private, twice
from cogs.desk import requester_of
from cogs.lasting_buttons import JOB, LastingButton
from cogs.moderation.policy_pages import review_page, reviewed_page
from jobs.errors import NotAllowedError, NotFoundError
from jobs.model import Job, JobId
from jobs.moderation.review import Reviews
from jobs.ports import Delivery
from jobs.service import Service
from jobs.states import JobState

logger = logging.getLogger(__name__)


class ReviewDesk:
    """Where moderators decide about held prompts."""

    def __init__(
        self, *, access: Access, reviews: Reviews, service: Service, delivery: Delivery
    ) -> None:
        self._access = access
        self._reviews = reviews
        self._service = service
        self._delivery = delivery

    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Answer with what waits.

        Raises:
            NotAllowedError: The member is no moderator here.
        """
        self._access.check_moderator(interaction)
        if await open_private(interaction):
            await fill(interaction, await self._waiting(interaction))

    async def decide(self, interaction: discord.Interaction[Any], what: str, job_id: JobId) -> None:
        """Decide, and show in place of the buttons what became of it.

        Raises:
            NotAllowedError: The member is no moderator here, or may not block that one.
            NotFoundError: There is no such job here.
        """
        self._access.check_moderator(interaction)
        await twice(interaction, interaction.response.defer)
        try:
            job, said = await self._decided(interaction, what, job_id)
        except NotAllowedError as error:
            job = await self._service.info(job_id, guild_id=interaction.guild_id or 0)
            if not job.is_held:
                await self._refresh(interaction, job, f"**{state_sentence(job)}**")
            await interaction.followup.send(error.user_message, ephemeral=True)
            return
        await self._refresh(interaction, job, said)
        if job.state is JobState.QUEUED:
            await self._show_card(job)

    async def _decided(
        self, interaction: discord.Interaction[Any], what: str, job_id: JobId
    ) -> tuple[Job, str]:
        by, who = requester_of(interaction), f"<@{interaction.user.id}>"
        match what:
            case "approve":
                return await self._reviews.approve(job_id, by=by), f"**Approved** by {who}"
            case "refuse":
                return await self._reviews.refuse(job_id, by=by), f"**Refused** by {who}"
            case _:
                await self._check_blockable(interaction, job_id)
                job = await self._reviews.block(job_id, by=by)
                return job, f"**Refused** by {who}, and its member is blocked"

    async def _check_blockable(self, interaction: discord.Interaction[Any], job_id: JobId) -> None:
        """Keep moderators from blocking one another.

        Raises:
            NotAllowedError: It is the prompt of somebody who moderates or manages here.
        """
        job = await self._service.info(job_id, guild_id=interaction.guild_id or 0)
        member = await _member(interaction, job.requester.user_id)
        if member is not None and self._access.has_power(member):
            raise NotAllowedError(
                f"<@{member.id}> moderates or manages this server; refuse the prompt instead."
            )

    async def _refresh(self, interaction: discord.Interaction[Any], job: Job, said: str) -> None:
        """Show the rest of the list, or on a card in the log channel what became of it."""
        message = interaction.message
        is_list = message is not None and message.flags.ephemeral
        waiting = await self._waiting(interaction) if is_list else reviewed_page(job, said)
        await fill(interaction, waiting)

    async def _waiting(self, interaction: discord.Interaction[Any]) -> LayoutView:
        return review_page(await self._reviews.held(interaction.guild_id or 0))

    async def _show_card(self, job: Job) -> None:
        """Show its member that a job is in the queue; the runner shows those that ended."""
        try:
            await self._delivery.show(job, standing=await self._service.standing(job))
        except Exception:  # it is queued already: a card is not worth taking that back
            logger.exception("Job %s: card not shown", job.id, extra={"action": "card_failed"})


class HasReviewDesk(Protocol):
    """The client that the buttons belong to."""

    @property
    def review_desk(self) -> ReviewDesk:
        """Return the desk that takes what is pressed."""
        ...


class ReviewButton(LastingButton, template=rf"review:(?P<what>approve|refuse|block):{JOB}"):
    """Decides about a held prompt."""

    @override
    async def press(self, interaction: discord.Interaction[Any]) -> None:
        desk = cast("HasReviewDesk", interaction.client).review_desk
        await desk.decide(interaction, self.named["what"], JobId(self.named["job"]))


def review_command(desk: ReviewDesk) -> app_commands.Command[Any, ..., Any]:
    """Return `/mod review`."""

    @app_commands.command(name="review", description="Prompts that wait until you have looked")
    async def review(interaction: discord.Interaction) -> None:
        await desk.show(interaction)

    return review


def state_sentence(job: Job) -> str:
    """Say how a prompt stands that waits for nobody any more."""
    match job.state:
        case JobState.FAILED | JobState.CANCELLED:
            return "It has ended already"
        case _:
            return "It was approved already"


async def _member(interaction: discord.Interaction[Any], user_id: int) -> discord.Member | None:
    """Look somebody up who may have left."""
    guild = interaction.guild
    if guild is None:
        raise NotFoundError("This works in a server only.")
    try:
        return await guild.fetch_member(user_id)
    except discord.NotFound:
        return None
