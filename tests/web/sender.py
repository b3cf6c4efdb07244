"""What sends webhooks, over a real table, with an outbox that tells when a try is over."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from typing_extensions import override

from bot.web.callbacks import Callbacks
from bot.web.signatures import Signer
from jobs.callbacks import Callback
from jobs.errors import StorageError
from jobs.model import JobId
from providers.posts import Posts
from storage.callbacks import SqliteOutbox
from storage.database import Database
from storage.jobs import SqliteJobStore
from tests.factories import make_job
from tests.fakes.clock import FakeClock
from tests.fakes.names import Names
from tests.fakes.quick_database import open_quickly

BODY = {"event_type": "ASYNC_TASK_RESULT", "payload": {"eta": 0, "text": "na\u00efve"}}

SECRET = bytes(range(32))


class WatchedOutbox(SqliteOutbox):
    """A real outbox that tells how tries ended, and can be broken."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.ends: list[tuple[str, datetime | None]] = []
        self.changed = asyncio.Condition()
        self.is_broken = False

    @override
    async def due(self, *, now: datetime, limit: int) -> Sequence[Callback]:
        if self.is_broken:
            raise StorageError("the disk is gone")
        return await super().due(now=now, limit=limit)

    @override
    async def end(self, callback: Callback, outcome: str, *, due_at: datetime | None) -> None:
        await super().end(callback, outcome, due_at=due_at)
        self.ends.append((outcome, due_at))
        async with self.changed:
            self.changed.notify_all()

    async def until_ended(self, times: int) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.ends) >= times)


@dataclass
class Sender:
    """What sends webhooks, over a real table; `start` and `kill` may be called again and again."""

    path: Path
    clock: FakeClock = field(default_factory=FakeClock)
    total_s: float = 5.0
    own: Sequence[str] = ("127.0.0.1",)
    secret: bytes | None = None
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def start(self) -> None:
        database = await self.stack.enter_async_context(open_quickly(self.path))
        names = Names({"inside.example": ["127.0.0.1"]})
        posts = await self.stack.enter_async_context(
            Posts.open(own=self.own, total_s=self.total_s, resolver=names)
        )
        self.store, self.outbox = SqliteJobStore(database), WatchedOutbox(database)
        self.callbacks = Callbacks(
            outbox=self.outbox, posts=posts, clock=self.clock, signer=Signer(self.secret)
        )
        task = asyncio.create_task(self.callbacks.run())
        self.stack.push_async_callback(_end, task)

    async def kill(self) -> None:
        await self.stack.aclose()

    async def add(self, url: str) -> JobId:
        """Have the end of a new job told."""
        job, _ = await self.store.enqueue(make_job())
        await self.callbacks.add(url, BODY, job_id=job.id)
        return job.id

    async def pass_time(self, seconds: float) -> None:
        """Let that time pass, once the sender sleeps no longer than until then."""
        await self.clock.until_asleep(seconds)
        self.clock.advance(seconds)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


OpenSender = Callable[..., AbstractAsyncContextManager[Sender]]
