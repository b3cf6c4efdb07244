"""What people may know of their data, take along, and have deleted.

A deletion is written down before anything is done, and done to its end by whoever looks next:
this process, or the one after it. While it is under way the member may ask for no video, so
nothing new is stored meanwhile. What is theirs and under way ends first, by the rules of the
books; only then do rows and files go.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.errors import StaleAttemptError
from jobs.events import Notices
from jobs.model import Failure, Job, JobId
from jobs.ports import Clock, JobStore, PrivacyStore, VideoFolder
from jobs.privacy.records import Erasure, Holdings, Remains, Whose
from jobs.quota.books import Settlement
from jobs.states import JobState

logger = logging.getLogger(__name__)

AT_A_TIME = 200  # jobs that go in one transaction; whoever asks for a video waits for its end
# Nobody knows whether the provider made it: as if it had, so that a deletion saves no money.
FORGOTTEN = Failure(code="forgotten", message="Its member had their data deleted.", is_ours=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What a deletion did so far.

    Attributes:
        videos: How many videos went, with their files.
        still_open: How many are being ended; what is left goes with the last of them.
    """

    videos: int
    still_open: int

    @property
    def is_done(self) -> bool:
        """Nothing is left to be deleted."""
        return not self.still_open


class Privacy:
    """The way to one's own data; every call is held to the person who asks."""

    def __init__(
        self,
        *,
        store: PrivacyStore,
        jobs: JobStore,
        files: VideoFolder,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._files = files
        self._notices = notices
        self._clock = clock

    async def holdings(self, whose: Whose) -> Holdings:
        """Count what is stored about a person."""
        return await self._store.holdings(whose, now=self._clock.now())

    async def delete(self, whose: Whose) -> Deleted:
        """Delete what is stored about a person, as far as nothing of theirs is under way.

        The rest follows by itself.
        """
        erasure = Erasure(whose=whose, asked_at=self._clock.now())
        await self._store.note_erasure(erasure)
        logger.info("A deletion was asked for", extra={"action": "erasure_asked"})
        return await self._carry_out(erasure)

    async def carry_out_all(self) -> None:
        """Go on with every deletion that was asked for and is not done."""
        for erasure in await self._store.erasures():
            await self._carry_out(erasure)

    async def _carry_out(self, erasure: Erasure) -> Deleted:
        still_open = await self._end_jobs(erasure.whose)
        videos = 0
        while remains := await self._store.forget_jobs(erasure.whose, limit=AT_A_TIME):
            videos += len(remains)
            await self.remove_files(remains)
        is_done = not still_open and await self._store.forget_rest(erasure.whose)
        if is_done:
            logger.info("A deletion is done", extra={"action": "erasure_done"})
        return Deleted(videos=videos, still_open=0 if is_done else max(1, still_open))

    async def _end_jobs(self, whose: Whose) -> int:
        """End what waits and what is being made; return how many are still open."""
        for job_id in await self._store.open_jobs(whose):
            await self.end(job_id, now=self._clock.now())
        return len(await self._store.open_jobs(whose))

    async def end(self, job_id: JobId, *, now: datetime) -> None:
        """End a job: at once, or as soon as whoever works on it has heard of it."""
        job = await self._jobs.request_cancel(job_id, now=now, by="forgotten")
        if job.state is JobState.UNCONFIRMED:
            await self._give_up(job, now=now)
        self._notices.cancel(job_id)

    async def _give_up(self, job: Job, *, now: datetime) -> None:
        after = job.evolve(state=JobState.FAILED, failure=FORGOTTEN)
        try:
            await self._jobs.save(job, after, now=now, settle=Settlement.COMMIT)
        except StaleAttemptError:  # it was just confirmed, and is looked at again
            logger.info("Job %s moved on by itself", job.id)

    async def remove_files(self, remains: Sequence[Remains]) -> None:
        """Remove the files of jobs whose rows are gone; a crash leaves them to the sweep."""
        await self._files.remove([one.file for one in remains if one.file])
        images = {one.image for one in remains if one.image}
        for image in images - await self._store.known_images(images):
            await self._files.remove_image(image)
