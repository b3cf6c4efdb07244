"""Takes removed videos down: the file, and with it every link, then the message.

That a video goes is written before anything is done, so what a crash or an outage of Discord
interrupts is taken up again; to do any of it twice changes nothing.
"""

import logging

from jobs.errors import StorageError
from jobs.events import Notices, whenever
from jobs.model import Job
from jobs.ports import ArtifactStore, CaseStore, Clock, Postings

logger = logging.getLogger(__name__)

BATCH = 100


class Takedown:
    """Runs beside the runner until it is cancelled."""

    def __init__(
        self,
        *,
        cases: CaseStore,
        artifacts: ArtifactStore,
        postings: Postings,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._cases = cases
        self._artifacts = artifacts
        self._postings = postings
        self._notices = notices
        self._clock = clock

    async def run(self) -> None:
        """Take down what was removed: at the start, when woken, and every minute."""
        event = self._notices.removals
        await whenever(event, self.take_all_down, clock=self._clock, name="takedown")

    async def take_all_down(self) -> None:
        """Try once for each removed video that may still be somewhere.

        Raises:
            StorageError: They cannot be read.
        """
        for job in await self._cases.to_take_down(limit=BATCH):
            await self._take_down(job)

    async def _take_down(self, job: Job) -> None:
        """Take one down, and keep its trouble from the others."""
        try:
            await self._artifacts.remove(job)
            if await self._postings.delete(job):
                await self._cases.mark_taken_down(job)
                logger.info("Job %s taken down", job.id, extra={"action": "job_taken_down"})
        except StorageError:
            logger.exception("Job %s not taken down", job.id, extra={"action": "takedown_broke"})
