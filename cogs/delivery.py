"""The way back into Discord: the card while a job runs, the result at its end.

A card is edited, which may be repeated at will. The result is a message of its own, because
only that pings; it is posted under a nonce that belongs to the job, and after an interruption
the channel is searched first, so it is posted once.
"""

import asyncio
import logging
import os
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import discord
from discord.ui import LayoutView

from cogs.answers import Answer, is_connection_trouble, read, sentence
from cogs.card_edits import CardEditor, Upload
from cogs.cards import card
from cogs.history import search
from cogs.results import result
from cogs.text import alt_text
from cogs.wording import note_of, prompt_of, used_model
from jobs.errors import RequestError
from jobs.model import (
    Delivered,
    Gone,
    Job,
    JobId,
    Later,
    Outcome,
    Progress,
    Standing,
    TooLarge,
)
from jobs.ports import Catalogue, Clock
from jobs.states import JobState

logger = logging.getLogger(__name__)

SURE_LIMIT = 10 * 2**20  # bytes that Discord takes everywhere (reference, "Uploading Files")
NONCE_IS_SAFE = timedelta(minutes=2)  # "the past few minutes" (Create Message, enforce_nonce)
FIRST_DELAY, LONGEST_DELAY = timedelta(seconds=5), timedelta(minutes=5)
LONGEST_WAIT = timedelta(days=1)  # after the render, for trouble to pass
REMEMBERED_CARDS = 1000
UNSURE = (
    "The video may have been posted already; Flipbook cannot read this channel's history to check."
)


@dataclass(slots=True)
class Shown:
    """What was last shown of a job; guards its card against older news."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    rank: tuple[int, bool] = (0, False)  # attempt, is final
    is_lost: bool = False


class DiscordDelivery:
    """The `Delivery` of jobs that were asked in Discord."""

    def __init__(self, *, client: discord.Client, clock: Clock, catalogue: Catalogue) -> None:
        self._client = client
        self._clock = clock
        self._catalogue = catalogue
        self._editor = CardEditor(client=client, clock=clock)
        self._shown: OrderedDict[JobId, Shown] = OrderedDict()

    async def show(
        self, job: Job, *, progress: Progress | None = None, standing: Standing | None = None
    ) -> None:
        """Bring the job's card up to date; a lost card is no error, and older news is dropped.

        Raises:
            discord.HTTPException: Discord has trouble of its own; showing again may work.
        """
        shown, rank = self._recall(job.id), (job.attempt, job.state.is_final)
        async with shown.lock:
            if rank < shown.rank or (shown.is_lost and not job.state.is_final):
                return
            shown.rank = rank
            view = self._card(job, progress, standing)
            shown.is_lost = not await self._edit(job, view)

    async def deliver(self, job: Job, file: Path) -> Outcome:
        """Post the result, once, however often this is called for a job; never raises.

        What nobody foresaw is taken for trouble that passes, until a day after the render.
        """
        try:
            return await self._deliver(job, file)
        except Exception as error:
            if not isinstance(error, discord.HTTPException) and not is_connection_trouble(error):
                logger.exception("Job %s: delivery broke", job.id, extra={"action": "post_broke"})
            return self._later(job, error)

    # The card

    def _recall(self, job_id: JobId) -> Shown:
        shown = self._shown.setdefault(job_id, Shown())
        self._shown.move_to_end(job_id)
        if len(self._shown) > REMEMBERED_CARDS:
            self._shown.popitem(last=False)
        return shown

    def _card(self, job: Job, progress: Progress | None, standing: Standing | None) -> LayoutView:
        carries_file = job.state is JobState.DONE and job.message_id == job.address.card_id
        if carries_file and job.message_id is not None and job.removed_at is None:
            return result(job, note=self._note(job))
        return card(job, progress=progress, standing=standing)

    async def _edit(self, job: Job, view: LayoutView) -> bool:
        """Edit the card; what Discord refuses for good is logged, and the card counts as lost."""
        try:
            return await self._editor.edit(job.address, view)
        except discord.HTTPException as error:
            if read(error) in (Answer.PASSING, Answer.DEAD_TOKEN):
                raise
            logger.exception("Job %s: card refused", job.id, extra={"action": "card_refused"})
            return False

    def _note(self, job: Job) -> str:
        try:
            models = self._catalogue.provider(job.backend).models()
        except RequestError:  # the backend was switched off meanwhile
            return ""
        return next((note_of(model) for model in models if model.id == used_model(job)), "")

    # The result

    async def _deliver(self, job: Job, file: Path) -> Outcome:
        try:
            size = await asyncio.to_thread(size_of, file)
        except OSError as error:
            logger.exception("Job %s: no file", job.id, extra={"action": "file_missing"})
            what = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
            return Gone(reason=f"The video's file {what} on Flipbook's disk.", is_ours=True)
        limit = job.address.upload_limit
        if limit is not None and size > limit:
            return TooLarge(limit=limit)
        if self._may_stand(job):
            found = await search(self._client, job)
            if found.message_id is not None:
                return Delivered(message_id=found.message_id)
            if found.is_blind and not self._is_nonce_safe(job):
                return Gone(reason=UNSURE, is_ours=True)
        upload = Upload(path=file, name=job.file_name, alt_text=alt_text(prompt_of(job)))
        return await self._post(job, upload, size)

    def _may_stand(self, job: Job) -> bool:
        """Say whether the result may have been posted before, and its nonce be forgotten."""
        return job.attempt > 1 or not self._is_nonce_safe(job)

    def _is_nonce_safe(self, job: Job) -> bool:
        """Say whether Discord still knows the nonce of whatever was posted of a job."""
        return self._waited(job) <= NONCE_IS_SAFE

    def _waited(self, job: Job) -> timedelta:
        return self._clock.now() - (job.rendered_at or job.created_at)

    async def _post(self, job: Job, upload: Upload, size: int) -> Outcome:
        """Post as a reply to the card; where that is the trouble, without one."""
        try:
            return await self._send(job, upload, is_reply=True)
        except discord.HTTPException as error:
            if read(error) not in (Answer.NO_REPLY, Answer.NO_MESSAGE):
                return await self._settle(job, upload, size, error)
        try:
            return await self._send(job, upload, is_reply=False)
        except discord.HTTPException as error:
            return await self._settle(job, upload, size, error)

    async def _send(self, job: Job, upload: Upload, *, is_reply: bool) -> Delivered:
        channel = self._client.get_partial_messageable(
            job.address.channel_id, guild_id=job.requester.guild_id
        )
        requester = discord.Object(id=job.requester.user_id)
        view = result(job, note=self._note(job))
        nonce = f"v1.{job.id}.r"  # one nonce for each logical message
        mentions = discord.AllowedMentions(
            everyone=False, roles=False, users=[requester], replied_user=False
        )
        if is_reply and job.address.card_id is not None:
            reply = discord.MessageReference(
                message_id=job.address.card_id,
                channel_id=job.address.channel_id,
                fail_if_not_exists=False,
            )
            message = await channel.send(
                view=view,
                file=upload.open(),
                nonce=nonce,
                allowed_mentions=mentions,
                reference=reply,
            )
        else:
            message = await channel.send(
                view=view, file=upload.open(), nonce=nonce, allowed_mentions=mentions
            )
        return Delivered(message_id=message.id)

    async def _settle(
        self, job: Job, upload: Upload, size: int, error: discord.HTTPException
    ) -> Outcome:
        """Turn a refused post into an outcome."""
        match read(error):
            case Answer.TOO_LARGE:
                return TooLarge(limit=smaller(size, job.address.upload_limit))
            case Answer.CLOSED:
                return await self._put_into_card(job, upload, size, error)
            case Answer.BLOCKED:
                return Gone(reason=sentence(error))
            case Answer.NO_MESSAGE:  # Discord knows the nonce and has the message no more
                return Gone(reason="The video was posted here, and then deleted by somebody.")
            case Answer.PASSING | Answer.DEAD_TOKEN:
                raise error
            case _:
                logger.error("Job %s: post refused: %s", job.id, error)
                return Gone(reason=sentence(error), is_ours=True)

    async def _put_into_card(
        self, job: Job, upload: Upload, size: int, refusal: discord.HTTPException
    ) -> Outcome:
        """Put the file into the card, where posting is not permitted."""
        view = result(job, note=self._note(job))
        try:
            is_done = await self._editor.edit(job.address, view, upload)
        except discord.HTTPException as error:
            if read(error) is Answer.TOO_LARGE:
                return TooLarge(limit=smaller(size, job.address.upload_limit))
            raise
        if is_done and job.address.card_id is not None:
            return Delivered(message_id=job.address.card_id)
        return Gone(reason=sentence(refusal))

    def _later(self, job: Job, error: Exception) -> Later | Gone:
        """Wait half as long as was waited already, until that was a day."""
        waited = self._waited(job)
        if waited > LONGEST_WAIT:
            logger.warning("Job %s given up: %r", job.id, error, extra={"action": "post_given_up"})
            return Gone(reason="Discord could not be reached for a day.", is_ours=True)
        delay = max(FIRST_DELAY, min(LONGEST_DELAY, waited / 2))
        if isinstance(error, discord.RateLimited):
            delay = max(delay, timedelta(seconds=error.retry_after))
        return Later(at=self._clock.now() + delay, reason=f"{type(error).__name__}: {error}")


def size_of(path: Path) -> int:
    """Return a file's size in bytes by opening it, since a file that is there may be unreadable."""
    with path.open("rb") as file:
        return file.seek(0, os.SEEK_END)


def smaller(size: int, limit: int | None) -> int:
    """Return what to try after `size` bytes were refused: what is always taken, or much less."""
    known = size if limit is None else min(size, limit)
    return SURE_LIMIT if known > SURE_LIMIT else known // 2
