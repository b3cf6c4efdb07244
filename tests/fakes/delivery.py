"""A channel that behaves: it shows cards, takes results, and can be told to refuse."""

import asyncio
from collections import defaultdict
from pathlib import Path

from jobs.model import Delivered, Job, JobId, Outcome, Progress, Standing
from jobs.states import JobState


class FakeDelivery:
    """The `Delivery` port.

    Attributes:
        outcomes: Answered by the next deliveries, first come first; then they succeed.
        posts: Message id by job; a second post of the same job gives the same message.
        cards: The states and progress that each job's card went through.
        go: Deliveries wait for it; set at first.
        may_show: Cards wait for it; set at first.
    """

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.posts: dict[JobId, int] = {}
        self.files: dict[JobId, bytes] = {}
        self.tries: list[JobId] = []
        self.cards: defaultdict[JobId, list[tuple[JobState, Progress | None]]] = defaultdict(list)
        self.standings: defaultdict[JobId, list[Standing]] = defaultdict(list)
        self.changed = asyncio.Condition()
        self.go = asyncio.Event()
        self.go.set()
        self.may_show = asyncio.Event()
        self.may_show.set()

    async def show(
        self, job: Job, *, progress: Progress | None = None, standing: Standing | None = None
    ) -> None:
        await self.may_show.wait()
        self.cards[job.id].append((job.state, progress))
        if standing is not None:
            self.standings[job.id].append(standing)
        async with self.changed:
            self.changed.notify_all()

    async def deliver(self, job: Job, file: Path) -> Outcome:
        self.tries.append(job.id)
        async with self.changed:
            self.changed.notify_all()
        await self.go.wait()
        if self.outcomes:
            return self.outcomes.pop(0)
        self.files[job.id] = await asyncio.to_thread(file.read_bytes)
        message_id = self.posts.setdefault(job.id, 1000 + len(self.posts))
        return Delivered(message_id=message_id)

    async def until_shown(self, job_id: JobId, state: JobState, times: int = 1) -> None:
        def shown() -> int:
            return sum(card is state for card, _ in self.cards[job_id])

        async with self.changed:
            await self.changed.wait_for(lambda: shown() >= times)

    async def until_tried(self, job_id: JobId, times: int = 1) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.tries.count(job_id) >= times)
