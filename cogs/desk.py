"""What commands and buttons have in common: ask for a video, ask again, cancel.

The order matters. Everything that can be refused from memory is refused first, ephemerally;
then the interaction is acknowledged; only then is anything written, so a late acknowledgement
leaves no job behind. What is refused after that takes the open card away again.
"""

import logging
from datetime import timedelta

import discord

from cogs.access import Access, role_ids_of
from cogs.acknowledgement import fill, open_card, open_private
from cogs.errors import appeal_view_of, tell
from cogs.images import ImageReading, check_size, reading
from cogs.preflight import check_place, check_posting, is_adult_place
from cogs.wording import cost_line
from jobs.errors import FlipbookError, PolicyError
from jobs.model import Address, Job, JobId, Origin, Requester
from jobs.moderation.appeals import Appeals
from jobs.moderation.guilds import Guilds, GuildSettings
from jobs.ports import Delivery
from jobs.request import VideoRequest
from jobs.service import Ask, Asked, Service
from jobs.states import JobState

logger = logging.getLogger(__name__)

TOKEN_LIFE = timedelta(minutes=14)  # 15 by the documentation, less a margin for the way
UNREAD_IMAGE = "unread"  # stands for the image in a plan, until it is read


class Desk:
    """Takes orders, at the service's counter in Discord."""

    def __init__(
        self,
        *,
        service: Service,
        delivery: Delivery,
        guilds: Guilds,
        access: Access,
        appeals: Appeals,
    ) -> None:
        self.service = service
        self._appeals = appeals
        self._delivery = delivery
        self._guilds = guilds
        self._access = access

    async def ask(
        self,
        interaction: discord.Interaction,
        request: VideoRequest,
        image: discord.Attachment | None = None,
    ) -> None:
        """Queue a request and answer with its card; a refusal that can be appealed is answered.

        Raises:
            FlipbookError: It was refused before anything was acknowledged or written.
        """
        settings = self._settings_here(interaction)
        if image is not None:
            check_size(image)
        planned = request if image is None else request.evolve(image=UNREAD_IMAGE)
        try:
            await self.service.check(
                planned,
                settings=settings,
                by=requester_of(interaction),
                is_adult_place=is_adult_place(interaction),
            )
        except PolicyError as error:
            await self._refuse(interaction, error, request)
            return
        if image is None:
            await self._ask(interaction, request)
            return
        async with reading(self.service, image) as found:
            await found.wait_briefly()
            if found.is_done:
                request = request.evolve(image=await found.image_id())
                await self._ask(interaction, request)
            else:
                await self._ask(interaction, request, slow_image=found)

    async def again(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """Queue a job's request with a new seed, for whoever asks for it.

        Raises:
            NotAllowedError: `/video` does not work here, or a video could not be posted.
        """
        self._settings_here(interaction)
        card_id = await open_card(interaction)
        if card_id is None:
            return
        try:
            job = await self.service.info(job_id, guild_id=interaction.guild_id or 0)
            await self._queue(interaction, card_id, job.asked.evolve(seed=None), job.id)
        except FlipbookError as error:
            await tell(interaction, error)

    async def cancel(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """Cancel a job for whoever may, and say what came of it."""
        if not await open_private(interaction):
            return
        may_manage = self._access.is_moderator(interaction)
        try:
            job = await self.service.cancel(
                job_id, by=requester_of(interaction), may_manage=may_manage
            )
        except FlipbookError as error:
            await fill(interaction, error.user_message)
            return
        await fill(interaction, cancel_sentence(job))

    def _settings_here(self, interaction: discord.Interaction) -> GuildSettings:
        """Return the server's settings, where a video may be asked for.

        Raises:
            NotAllowedError: It may not, here.
        """
        settings = self._guilds.of(interaction.guild_id or 0)
        check_place(interaction, settings)
        check_posting(interaction)
        return settings

    async def _refuse(
        self, interaction: discord.Interaction, error: PolicyError, request: VideoRequest
    ) -> None:
        """Refuse a prompt; one that can be appealed is kept, so that is acknowledged first.

        Raises:
            PolicyError: It cannot be appealed.
        """
        if not error.rules:
            raise error
        if await open_private(interaction):
            error = await self._appeals.offer(error, request, by=requester_of(interaction))
            await fill(interaction, error.user_message, appeal_view_of(error))

    async def _ask(
        self,
        interaction: discord.Interaction,
        request: VideoRequest,
        slow_image: ImageReading | None = None,
    ) -> None:
        card_id = await open_card(interaction)
        if card_id is None:
            return
        try:
            if slow_image is not None:
                request = request.evolve(image=await slow_image.image_id())
            await self._queue(interaction, card_id, request)
        except FlipbookError as error:
            await tell(interaction, error)

    async def _queue(
        self,
        interaction: discord.Interaction,
        card_id: int,
        request: VideoRequest,
        parent_id: JobId | None = None,
    ) -> None:
        ask = Ask(
            origin=Origin.DISCORD,
            origin_key=str(interaction.id),
            requester=requester_of(interaction),
            address=address_of(interaction, card_id),
            request=request,
            parent_id=parent_id,
            settings=self._guilds.of(interaction.guild_id or 0),
            is_adult_place=is_adult_place(interaction),
        )
        try:
            asked = await self.service.ask(ask)
        except PolicyError as error:
            raise await self._appeals.offer(error, request, by=ask.requester) from error
        if asked.is_new:
            await self._show(asked)

    async def _show(self, asked: Asked) -> None:
        """Fill the card; if Discord has trouble just now, the runner will show it later."""
        try:
            await self._delivery.show(asked.job, standing=asked.standing)
        except Exception:  # the job is queued already: a card is not worth taking that back
            logger.exception(
                "Job %s: card not shown", asked.job.id, extra={"action": "card_failed"}
            )


def requester_of(interaction: discord.Interaction) -> Requester:
    """Return who uses the interaction, with the roles that they have now."""
    return Requester(
        user_id=interaction.user.id,
        guild_id=interaction.guild_id or 0,
        role_ids=role_ids_of(interaction.user),
    )


def address_of(interaction: discord.Interaction, card_id: int) -> Address:
    """Return where the answer goes, and how much fits there."""
    limit = interaction.filesize_limit  # the member's or the server's, whichever is larger
    if interaction.guild is not None:  # later uploads are the bot's own: the server's counts
        limit = min(limit, interaction.guild.filesize_limit)
    return Address(
        channel_id=interaction.channel_id or 0,
        card_id=card_id,
        application_id=interaction.application_id,
        token=interaction.token,
        token_expires_at=interaction.created_at + TOKEN_LIFE,
        upload_limit=limit,
    )


def cancel_sentence(job: Job) -> str:
    """Say what a cancel did to a job."""
    match job.state:
        case JobState.CANCELLED:
            return f"Job {job.id} is cancelled. {cost_line(job)}"
        case JobState.QUEUED | JobState.SUBMITTING | JobState.RUNNING:
            return f"Job {job.id} stops within a moment."
        case JobState.FETCHING | JobState.READY | JobState.DELIVERING:
            return f"Job {job.id} is already rendered and about to be posted."
        case JobState.UNCONFIRMED:
            return f"Job {job.id} waits for its provider's word; a moderator can settle it."
        case _:
            return f"Job {job.id} has already ended: {job.state}."
