"""A backend's slots over the real store, in a time that only passes when a render ends."""

import heapq
from collections import defaultdict
from dataclasses import dataclass, field

from jobs.fairness import DEFAULT_RATE
from jobs.model import Job
from jobs.states import JobState
from storage.jobs import SqliteJobStore
from tests.factories import after, make_job, make_request, make_token


@dataclass
class Shop:
    """Serves by turns; a render takes what it costs at the default rate, times its `pace`."""

    store: SqliteJobStore
    slots: int = 1
    pace: dict[int, float] = field(default_factory=dict[int, float])  # by user
    now: float = 0.0
    served: list[Job] = field(default_factory=list[Job])
    seconds: defaultdict[int, float] = field(  # of finished renders, by user
        default_factory=lambda: defaultdict[int, float](float)
    )
    _busy: list[tuple[float, int, Job]] = field(default_factory=list[tuple[float, int, Job]])

    async def ask(self, user_id: int, *, guild_id: int = 1, frames: int = 16) -> Job:
        job = make_job(
            user_id=user_id,
            guild_id=guild_id,
            request=make_request(frames=frames),
            created_at=after(self.now),
        )
        return (await self.store.enqueue(job))[0]

    async def claim(self) -> Job | None:
        return await self.store.claim(
            "local", token=make_token(), now=after(self.now), lease_until=after(self.now + 60)
        )

    async def serve(self, claims: int) -> list[Job]:
        """Take that many jobs, each as soon as a slot is free, and return them in order."""
        first = len(self.served)
        while len(self.served) < first + claims:
            if len(self._busy) == self.slots:
                await self._finish()
            job = await self.claim()
            assert job is not None
            self.served.append(job)
            running = job.evolve(state=JobState.RUNNING, started_at=after(self.now))
            running = await self.store.save(job, running, now=after(self.now))
            end = self.now + self._seconds(job)
            heapq.heappush(self._busy, (end, len(self.served), running))
        return self.served[first:]

    def share(self, user_id: int) -> float:
        """Return how much of the time that was rendered a user had."""
        return self.seconds[user_id] / sum(self.seconds.values())

    async def _finish(self) -> None:
        end, _, job = heapq.heappop(self._busy)
        self.now = max(self.now, end)
        over = job.evolve(state=JobState.FETCHING, rendered_at=after(self.now))
        await self.store.save(job, over, now=after(self.now))
        self.seconds[job.requester.user_id] += self._seconds(job)

    def _seconds(self, job: Job) -> float:
        return job.request.cost * DEFAULT_RATE * self.pace.get(job.requester.user_id, 1.0)


def users(jobs: list[Job]) -> list[int]:
    """Return who asked for each job."""
    return [job.requester.user_id for job in jobs]
