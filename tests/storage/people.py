"""A small world: a few people in two servers, and all that leaves rows about them."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from jobs.events import Notices
from jobs.model import Job
from jobs.moderation.guilds import Block
from jobs.privacy.housekeeping import Housekeeping
from jobs.privacy.rights import Privacy
from jobs.privacy.takeout import Takeout
from jobs.quota.books import Unit
from jobs.quota.tiers import Kind, Setting, Target
from jobs.states import JobState
from storage.artifacts import FolderArtifactStore
from storage.database import Database
from storage.jobs import SqliteJobStore
from storage.moderation.guilds import SqliteGuildStore
from storage.privacy.deletion import SqlitePrivacyStore
from storage.privacy.retention import SqliteRetentionStore
from storage.quota.books import audit
from storage.quota.store import SqliteQuotaStore
from storage.video_folder import SweptFolder
from tests.factories import (
    NOW,
    make_act,
    make_artifact,
    make_job,
    make_receipt,
    make_request,
    make_rule,
    make_token,
)
from tests.fakes.clock import FakeClock

ADA, BEN, CLEO = 700000000000000001, 700000000000000002, 700000000000000003

PEOPLE = [ADA, BEN, CLEO]

HERE, THERE = 800000000000000001, 800000000000000002

IMAGE = "a" * 64

Act = tuple[str, int, int, int]  # what, who, where, by whom or a number

Row = tuple[object, ...]


class World:
    """Stores over one file, with shortcuts for what people do."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.videos = folder / "videos"
        self.videos.mkdir(parents=True)
        self.clock = FakeClock(now=NOW)
        self.jobs = SqliteJobStore(database)
        self.quotas = SqliteQuotaStore(database)
        self.guilds = SqliteGuildStore(database)
        self.store = SqlitePrivacyStore(database)
        self.retention = SqliteRetentionStore(database)
        self.artifacts = FolderArtifactStore(self.videos)
        self.files = SweptFolder(self.videos)
        self.privacy = Privacy(
            store=self.store,
            jobs=self.jobs,
            files=self.files,
            notices=Notices(),
            clock=self.clock,
        )
        self.takeout = Takeout(store=self.store, files=self.files, clock=self.clock)

    def housekeeping(self, days: int | None = 90) -> Housekeeping:
        return Housekeeping(
            privacy=self.privacy,
            store=self.retention,
            files=self.files,
            clock=self.clock,
            retention=None if days is None else timedelta(days=days),
        )

    async def ask(self, user_id: int, guild_id: int, **request: Any) -> Job:
        wanted = make_request(prompt=f"a fox of <@{user_id}>", **request)
        job = make_job(user_id=user_id, guild_id=guild_id, request=wanted)
        asked = job.asked.evolve(image=request.get("image"))
        created = job.evolve(asked=asked, created_at=self.clock.now())
        return (await self.jobs.enqueue(created))[0]

    async def make(self, user_id: int, guild_id: int, **request: Any) -> Job:
        """Have a video made and posted, with its file."""
        queued = await self.ask(user_id, guild_id, **request)
        while (job := await self._finish(await self.claim())).id != queued.id:
            pass  # somebody else's turn
        return job

    async def claim(self) -> Job:
        now = self.clock.now()
        job = await self.jobs.claim(
            "local", token=make_token(), now=now, lease_until=now + timedelta(minutes=1)
        )
        assert job is not None
        return job

    async def _finish(self, job: Job) -> Job:
        now = self.clock.now()
        (self.videos / f"{job.id}.mp4").write_bytes(b"video of " + job.id.encode())
        steps: Sequence[Mapping[str, object]] = [
            {"state": JobState.RUNNING, "started_at": now},
            {"state": JobState.FETCHING, "rendered_at": now},
            {
                "state": JobState.READY,
                "artifact": make_artifact(job),
                "receipt": make_receipt(job),
            },
            {"state": JobState.DELIVERING},
            {"state": JobState.DONE, "message_id": 55},
        ]
        for step in steps:
            job = await self.jobs.save(job, job.evolve(**step), now=now)
        return job

    async def do(self, act: Act) -> None:
        """Do one of the things that leave rows."""
        what, who, where, number = act
        by = PEOPLE[number % len(PEOPLE)]
        member = make_act(guild_id=where, actor_id=by, target=f"member:{who}", reason=f"<@{who}>")
        match what:
            case "make":
                await self.make(who, where)
            case "ask":
                await self.ask(who, where)
            case "cancel":
                job = await self.ask(who, where)
                act_of_job = make_act(guild_id=where, actor_id=by, target=f"job:{job.id}")
                await self.jobs.request_cancel(job.id, now=NOW, by=f"user:{by}", act=act_of_job)
            case "unconfirmed":
                await self._lose(await self.ask(who, where))
            case "block":
                block = Block(
                    guild_id=where, user_id=who, reason="spam", by_user_id=by, created_at=NOW
                )
                await self.guilds.block(block, act=member)
            case "limit":
                rule = make_rule(Setting.WAITING, 50, Target(kind=Kind.MEMBER, id=who))
                await self.quotas.set_rule(rule, act=member)
            case _:
                await self.quotas.grant(
                    requester(who, where), Unit.VIDEOS, 2, expires_at=None, act=member
                )

    async def _lose(self, job: Job) -> None:
        claimed = await self.claim()
        while claimed.id != job.id:
            claimed = await self._finish(claimed) and await self.claim()
        await self.jobs.save(claimed, claimed.evolve(state=JobState.UNCONFIRMED), now=NOW)

    async def rows(self) -> Mapping[str, list[Row]]:
        """Return every row of every table."""

        def work(connection: sqlite3.Connection) -> Mapping[str, list[Row]]:
            names = connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            ).fetchall()
            return {
                row["name"]: [tuple(one) for one in connection.execute(_all_of(row["name"]))]
                for row in names
            }

        return await self.database.read(work)

    async def drift(self) -> Sequence[object]:
        return await self.database.read(audit)


def _all_of(table: str) -> str:
    return f"SELECT * FROM {table}"  # noqa: S608 - a name of ours


def requester(user_id: int, guild_id: int) -> Any:
    return make_job(user_id=user_id, guild_id=guild_id).requester


def naming(rows: Mapping[str, list[Row]], number: int) -> list[tuple[str, Row]]:
    """Return the rows in which a number occurs, in whatever form."""
    return [
        (table, row)
        for table, found in rows.items()
        for row in found
        if any(str(number) in str(value) for value in row)
    ]
