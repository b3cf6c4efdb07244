"""The way back to API clients: they fetch, so a job is done as soon as its file is ready.

What a backend says while it renders is kept in memory until the job ends, because nobody needs it
after a restart. The end of a job that named a webhook is handed to what sends those.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from bot.web.counter import Links, Look, finished
from jobs.model import Delivered, Gone, Job, JobId, Outcome, Progress, Standing
from jobs.states import ACTIVE, JobState

MOST_JOBS = 1000  # whose progress is kept; many more than backends render at once

RENDERED = ACTIVE - {JobState.SUBMITTING}  # states in which a backend has said something

Body = Callable[[Look], Mapping[str, object]]
"""What a protocol's webhook says of a job that has ended."""


class Teller(Protocol):
    """What sends webhooks."""

    async def add(
        self, url: str, body: Mapping[str, object], *, job_id: JobId | None = None
    ) -> None:
        """Have a receiver told the end of a job, once."""
        ...


class ApiDelivery:
    """The `Delivery` of jobs that came through the HTTP door.

    Args:
        teller: Sends webhooks.
        bodies: What they say, by protocol.
        links: Makes links to finished files.
    """

    def __init__(self, *, teller: Teller, bodies: Mapping[str, Body], links: Links) -> None:
        self._teller = teller
        self._bodies = bodies
        self._links = links
        self._progress: OrderedDict[JobId, Progress] = OrderedDict()

    def progress_of(self, job_id: JobId) -> Progress | None:
        """Return what a running job's backend said last, if it said anything."""
        return self._progress.get(job_id)

    async def show(
        self, job: Job, *, progress: Progress | None = None, standing: Standing | None = None
    ) -> None:
        """Remember how far a render is; tell the webhook the end of a job.

        The end is shown again until this went well once, also after a restart.

        Raises:
            StorageError: The webhook cannot be written down.
        """
        if job.state in RENDERED:
            self._remember(job.id, progress)
            return
        self._progress.pop(job.id, None)
        if job.state.is_final:
            await self._tell(job)

    async def deliver(self, job: Job, file: Path) -> Outcome:
        """Say that the result stands: whoever has the link can fetch it now."""
        if not await asyncio.to_thread(file.is_file):
            return Gone(reason="The finished video is no longer there.", is_ours=True)
        return Delivered(message_id=0)

    def _remember(self, job_id: JobId, progress: Progress | None) -> None:
        if progress is None:
            return
        self._progress[job_id] = progress
        self._progress.move_to_end(job_id)
        while len(self._progress) > MOST_JOBS:
            self._progress.popitem(last=False)

    async def _tell(self, job: Job) -> None:
        api = job.address.api
        if api is None or api.webhook is None or api.protocol not in self._bodies:
            return
        body = self._bodies[api.protocol](finished(job, self._links))
        await self._teller.add(api.webhook, body, job_id=job.id)
