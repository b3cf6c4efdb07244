"""One hosted provider over a service that does as it is told, and a clock to turn."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from typing_extensions import override

from jobs.errors import ProviderError
from jobs.model import Job, Progress
from jobs.request import ProviderName
from jobs.states import JobState
from providers.hosted.api import Look
from providers.hosted.provider import HostedProvider
from tests.factories import make_job, make_request
from tests.fakes.clock import START, FakeClock
from tests.fakes.hosted_api import FakeApi

TOKEN = "0123456789abcdef0123456789abcdef"
TURNS = 40  # of the event loop; more than any chain of tasks here needs


class Steady(random.Random):
    """Chance that always takes the middle."""

    @override
    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def chance() -> random.Random:
    """Return chance that is the same in every run."""
    return random.Random(1)  # noqa: S311 - chance of a test, not of a secret


async def settle() -> None:
    """Let everybody go on who can go on without time passing."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def let_pass(clock: FakeClock, seconds: float) -> None:
    """Turn the clock on, from one sleeper to the next, and let each do what it woke for."""
    end = clock.now() + timedelta(seconds=seconds)
    await settle()
    while (due := _next_due(clock)) is not None and due <= end:
        clock.advance((due - clock.now()).total_seconds())
        await settle()
    clock.advance((end - clock.now()).total_seconds())
    await settle()


def _next_due(clock: FakeClock) -> datetime | None:
    sleepers = clock._sleepers  # pyright: ignore[reportPrivateUsage] - only tests turn a clock
    return min((due for due, woken in sleepers if not woken.done()), default=None)


@dataclass
class FakeFiles:
    """Downloads: the pieces of each next file, or the error that opening it raises.

    An error among the pieces breaks the file off there.
    """

    files: deque[Sequence[bytes | ProviderError] | Exception] = field(default_factory=deque)
    opened: list[str] = field(default_factory=list)
    open_now: int = 0

    @asynccontextmanager
    async def download(self, url: str, *, limit: int) -> AsyncGenerator[AsyncIterator[bytes]]:
        assert limit == 512 * 1024**2
        self.opened.append(url)
        file = self.files.popleft()
        if isinstance(file, Exception):
            raise file
        self.open_now += 1
        try:
            yield _pieces(file)
        finally:
            self.open_now -= 1


async def _pieces(file: Sequence[bytes | ProviderError]) -> AsyncIterator[bytes]:
    for piece in file:
        if isinstance(piece, ProviderError):
            raise piece
        yield piece


@dataclass
class Waiting:
    """A job that is watched in a task of its own."""

    job: Job
    task: asyncio.Task[None]
    news: list[Progress]

    @property
    def is_over(self) -> bool:
        return self.task.done()


@dataclass
class World:
    """Everything around one hosted provider."""

    api: FakeApi
    clock: FakeClock
    files: FakeFiles
    provider: HostedProvider
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    def new(
        cls,
        *,
        api: FakeApi | None = None,
        public_url: str | None = "https://bot.example",
        rng: random.Random | None = None,
        heeds_flags: bool = True,
    ) -> "World":
        clock = FakeClock()
        files = FakeFiles()
        api = api or FakeApi(clock=clock)
        api.clock = clock
        provider = HostedProvider(
            api,
            http=files,
            clock=clock,
            public_url=public_url,
            rng=rng or Steady(),
            heeds_flags=heeds_flags,
        )
        return cls(api=api, clock=clock, files=files, provider=provider)

    def job(self, task: str | None = None, **overrides: object) -> Job:
        """Return a job, and if a task is named, one that was submitted as that just now."""
        request = make_request(provider=ProviderName.NOVITA, model="toon")
        if task is not None:
            overrides = {
                "state": JobState.RUNNING,
                "provider_job_id": task,
                "endpoint": "https://api.example",
                "started_at": self.clock.now(),
                **overrides,
            }
        return make_job(request=request, **overrides)

    async def submit(self, job: Job | None = None) -> Job:
        """Submit a job and return it as the runner would write it."""
        job = job or self.job()
        submission = await self.provider.submit(job, token=TOKEN, image=None)
        return job.evolve(
            state=JobState.RUNNING,
            provider_job_id=submission.provider_job_id,
            endpoint=submission.endpoint,
            started_at=self.clock.now(),
        )

    def watch(self, job: Job) -> Waiting:
        """Watch a job until it is over or the test is."""
        news: list[Progress] = []

        async def follow() -> None:
            async for progress in self.provider.watch(job):
                news.append(progress)  # noqa: PERF401 - what came before an error counts too

        task = asyncio.create_task(follow(), name=f"watch {job.id}")
        self.tasks.append(task)
        return Waiting(job=job, task=task, news=news)

    async def let_pass(self, seconds: float) -> None:
        await let_pass(self.clock, seconds)

    def looks_at(self, task: str = "task") -> list[float]:
        """Return when a job was looked at, in seconds since the start."""
        return [
            round((at - START).total_seconds(), 3)
            for at, looked, _ in self.api.looked
            if looked == task
        ]

    def gaps(self, task: str = "task") -> list[float]:
        """Return the seconds between the looks at a job."""
        looks = self.looks_at(task)
        return [round(after - before, 3) for before, after in pairwise(looks)]

    def lists_at(self) -> list[float]:
        """Return when the models were asked for, in seconds since the start."""
        return [round((at - START).total_seconds(), 3) for at in self.api.listed]

    def will_say(self, *answers: Look | Exception, task: str = "task") -> None:
        self.api.says[task].extend(answers)

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
