"""The subject over real SQLite and real files, with a backend and a channel that behave."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import cast

import pytest
from typing_extensions import override

from jobs.board import Board
from jobs.errors import StorageFullError
from jobs.estimate import Estimator
from jobs.events import Notices
from jobs.mail import Mail
from jobs.model import Address, Job, JobId, Origin, Requester
from jobs.moderation.decisions import Decisions
from jobs.ports import JobStore
from jobs.prices import PriceTable
from jobs.prompts import parse_prompt
from jobs.quota.books import Unit
from jobs.request import VideoRequest
from jobs.runner import Runner
from jobs.service import Ask, Draws, Service
from jobs.states import JobState
from jobs.steps import Steps
from providers.registry import Registry
from storage.artifacts import FolderArtifactStore
from storage.database import Database
from storage.inbox import SqliteInbox
from storage.jobs import SqliteJobStore
from storage.quota.store import SqliteQuotaStore
from tests.factories import make_token
from tests.fakes.clock import FakeClock
from tests.fakes.delivery import FakeDelivery
from tests.fakes.line import Line
from tests.fakes.media import VIDEO, FakeMedia
from tests.fakes.paid_provider import PaidProvider
from tests.fakes.provider import FakeProvider
from tests.fakes.quick_database import open_quickly


class FullFolder(FolderArtifactStore):
    """A videos folder on a disk that has no room left."""

    @override
    async def receive(self, job: Job, chunks: AsyncIterator[bytes]) -> Path:
        raise StorageFullError("no space left on device")


ADA = Requester(user_id=1, guild_id=10)
BEN = Requester(user_id=2, guild_id=10)
# What the books say of one video of the usual length, used and reserved: as `World.balance` does.
FREE = {Unit.VIDEOS: (0, 0), Unit.VIDEO_MS: (0, 0)}
HELD = {Unit.VIDEOS: (0, 1), Unit.VIDEO_MS: (0, 2000)}
ONE_VIDEO = {Unit.VIDEOS: (1, 0), Unit.VIDEO_MS: (2000, 0)}


@dataclass
class World:
    """Everything around one runner; `restart` builds the next one over the same file."""

    database: Database
    jobs: SqliteJobStore
    inbox: SqliteInbox
    quotas: SqliteQuotaStore
    artifacts: FolderArtifactStore
    videos: Path
    provider: FakeProvider
    clock: FakeClock = field(default_factory=FakeClock)
    delivery: FakeDelivery = field(default_factory=FakeDelivery)
    media: FakeMedia = field(default_factory=FakeMedia)
    notices: Notices = field(default_factory=Notices)
    prices: PriceTable = field(default_factory=PriceTable)
    _keys: Iterator[int] = field(default_factory=lambda: count(1))
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.become(self.provider)

    def become(self, provider: FakeProvider, *others: FakeProvider) -> None:
        """Have these backends and no other; the first one is the default."""
        self.provider = provider
        self.catalogue = Registry(providers=[provider, *others], default=provider.name)
        self.estimator = Estimator(jobs=self.jobs, slots=lambda _: self.provider.slots)
        self.decisions = Decisions(jobs=self.jobs, notices=self.notices, clock=self.clock)
        self.service = Service(
            jobs=self.jobs,
            quotas=self.quotas,
            catalogue=self.catalogue,
            artifacts=self.artifacts,
            media=self.media,
            notices=self.notices,
            estimator=self.estimator,
            clock=self.clock,
            draws=Draws(job_id=lambda: JobId(f"job{next(self._ids):05d}"), seed=lambda: 4242),
            prices=self.prices,
        )

    def new_runner(self, jobs: JobStore | None = None) -> Runner:
        jobs = jobs or self.jobs
        deliveries = {Origin.DISCORD: self.delivery}
        board = Board(deliveries=deliveries, clock=self.clock)
        steps = Steps(
            jobs=jobs,
            quotas=self.quotas,
            catalogue=self.catalogue,
            artifacts=self.artifacts,
            media=self.media,
            deliveries=deliveries,
            board=board,
            clock=self.clock,
            version="test",
            prices=self.prices,
        )
        return Runner(
            jobs=jobs,
            catalogue=self.catalogue,
            steps=steps,
            mail=Mail(
                inbox=self.inbox,
                jobs=jobs,
                catalogue=self.catalogue,
                steps=steps,
                clock=self.clock,
            ),
            board=board,
            notices=self.notices,
            estimator=self.estimator,
            clock=self.clock,
            draw_token=make_token,
        )

    @asynccontextmanager
    async def running(self, line: Line | None = None) -> AsyncGenerator[Runner]:
        """Run a runner; at the end it is stopped and everything it started is over."""
        runner = self.new_runner(cast("JobStore", line) if line else None)
        task = asyncio.create_task(runner.run(drain_s=2))
        try:
            yield runner
        finally:
            runner.stop()
            await task

    @asynccontextmanager
    async def doomed(self) -> AsyncGenerator[Runner]:
        """Run a runner that is killed at the end: it writes nothing more, whatever it had begun."""
        line = Line(self.jobs)
        runner = self.new_runner(cast("JobStore", line))
        task = asyncio.create_task(runner.run(drain_s=0))
        try:
            yield runner
        finally:
            line.is_cut = True
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def ask(self, prompt: str = "a cat", *, by: Requester = ADA, **fields: object) -> Job:
        request = VideoRequest.model_validate({"segments": parse_prompt(prompt), **fields})
        asked = await self.service.ask(
            Ask(
                origin=Origin.DISCORD,
                origin_key=f"interaction:{next(self._keys)}",
                requester=by,
                address=Address(channel_id=5, card_id=6),
                request=request,
            )
        )
        return asked.job

    async def until(self, job: Job, state: JobState) -> Job:
        """Wait until the card shows a state, and return the job as it is stored then."""
        await self.delivery.until_shown(job.id, state)
        return await self.jobs.get(job.id)

    async def balance(self) -> dict[str, tuple[int, int]]:
        """Return what members used and reserved, after an audit that found nothing."""
        assert await self.quotas.audit() == []

        def total(connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
            rows = connection.execute(
                "SELECT unit, SUM(used) AS used, SUM(reserved) AS reserved "
                "FROM bucket WHERE account LIKE '%/user:%' GROUP BY unit"
            )
            return {row["unit"]: (row["used"], row["reserved"]) for row in rows}

        return await self.database.read(total)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    async with open_quickly(tmp_path / "flipbook.db") as database:
        yield World(
            database=database,
            jobs=SqliteJobStore(database),
            inbox=SqliteInbox(database),
            quotas=SqliteQuotaStore(database),
            artifacts=FolderArtifactStore(tmp_path / "videos"),
            videos=tmp_path / "videos",
            provider=FakeProvider(video=VIDEO),
        )


@pytest.fixture
def paid(world: World) -> PaidProvider:
    provider = PaidProvider()
    world.become(provider)
    return provider
