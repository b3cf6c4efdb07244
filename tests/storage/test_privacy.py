"""Deletions and retention in a small world: nothing is left of one, all is left of the rest."""

import asyncio
import io
import json
import os
import sqlite3
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.acts import ActKind
from jobs.errors import NotAllowedError, QuotaExceededError, StorageError
from jobs.events import Notices
from jobs.guilds import Block, GuildSettings
from jobs.housekeeping import GRACE, Housekeeping
from jobs.model import Job
from jobs.privacy import Privacy
from jobs.quota import Unit
from jobs.records import Whose
from jobs.states import JobState
from jobs.takeout import Takeout
from jobs.tiers import Kind, Setting, Target
from storage.artifacts import FolderArtifactStore
from storage.books import audit
from storage.database import Database
from storage.forgetting import rename, without
from storage.guilds import SqliteGuildStore
from storage.jobs import SqliteJobStore
from storage.privacy import SqlitePrivacyStore
from storage.quotas import SqliteQuotaStore
from storage.retention import SqliteRetentionStore
from storage.video_folder import SweptFolder
from tests.factories import (
    NOW,
    after,
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
                    _requester(who, where), Unit.VIDEOS, 2, expires_at=None, act=member
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


def _requester(user_id: int, guild_id: int) -> Any:
    return make_job(user_id=user_id, guild_id=guild_id).requester


def naming(rows: Mapping[str, list[Row]], number: int) -> list[tuple[str, Row]]:
    """Return the rows in which a number occurs, in whatever form."""
    return [
        (table, row)
        for table, found in rows.items()
        for row in found
        if any(str(number) in str(value) for value in row)
    ]


ACTS = st.tuples(
    st.sampled_from(["make", "ask", "cancel", "unconfirmed", "block", "limit", "extra"]),
    st.sampled_from(PEOPLE),
    st.sampled_from([HERE, THERE]),
    st.integers(0, 2),
)


def once(act: Act) -> object:
    """Tell acts apart, but for who did them."""
    return act[:3]


def run(work: Any) -> None:
    """Run a test on a world of its own."""

    async def inside() -> None:
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            database = await stack.enter_async_context(Database.open(folder / "flipbook.db"))
            await work(World(database, folder))

    asyncio.run(inside())


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return World(database, tmp_path)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(ACTS, min_size=1, max_size=12, unique_by=once),
    st.sampled_from([None, HERE]),
)
def test_after_a_deletion_no_row_holds_the_id_and_the_books_balance(
    acts: list[Act], guild_id: int | None
) -> None:
    async def work(world: World) -> None:
        settings_here = GuildSettings(guild_id=HERE, log_channel_id=77)
        await world.guilds.save_settings(settings_here, act=make_act(guild_id=HERE))
        blocked = await do_all(world, acts)
        before = await world.rows()
        deleted = await world.privacy.delete(Whose(user_id=ADA, guild_id=guild_id))
        assert deleted.is_done
        rows = await world.rows()
        assert [one for one in naming(rows, ADA) if guild_id is None or is_here(one[1])] == []
        assert await world.drift() == []
        assert (rows["forgetting"], rows["erasure"]) == ([], [])
        assert len(rows["ledger"]) >= len(before["ledger"])
        assert len(rows["audit"]) == len(before["audit"])
        check_others(before, rows, guild_id)
        if (ADA, HERE) in blocked:
            with pytest.raises(NotAllowedError):
                await world.ask(ADA, HERE)

    run(work)


async def do_all(world: World, acts: Sequence[Act]) -> set[tuple[int, int]]:
    """Do what those may do who are not blocked; return who is, and where."""
    blocked: set[tuple[int, int]] = set()
    for act in acts:
        what, who, where, _ = act
        if (who, where) not in blocked or what in ("limit", "extra"):
            await world.do(act)
        if what == "block":
            blocked.add((who, where))
    assert await world.drift() == []
    return blocked


def is_here(row: Row) -> bool:
    return str(HERE) in str(row)


def check_others(
    before: Mapping[str, list[Row]], rows: Mapping[str, list[Row]], guild_id: int | None
) -> None:
    """What is other people's, or of another server, is as it was."""
    for user in (BEN, CLEO):
        kept = [
            (table, row)
            for table, row in naming(before, user)
            if str(ADA) not in str(row) and table != "job_event"  # it goes with its job
        ]
        assert [one for one in kept if one not in naming(rows, user)] == []
    if guild_id is not None:
        assert [one for one in naming(rows, THERE) if one[0] != "ledger"] == [
            one for one in naming(before, THERE) if one[0] != "ledger"
        ]


async def test_a_deletion_takes_files_along_and_leaves_those_of_others(world: World) -> None:
    image, _ = "b" * 64, (world.videos / "inputs").mkdir()
    for name in (IMAGE, image):
        (world.videos / "inputs" / f"{name}.png").write_bytes(b"png")
    mine = await world.make(ADA, HERE, image=image)
    shared = await world.make(ADA, HERE, image=IMAGE)
    other = await world.make(BEN, HERE, image=IMAGE)
    deleted = await world.privacy.delete(Whose(user_id=ADA, guild_id=HERE))
    assert deleted.videos == 2
    left = {file.name for file in world.videos.rglob("*.*")}
    assert left == {f"{other.id}.mp4", f"{IMAGE}.png"}
    assert mine.id != shared.id


async def test_a_deletion_gives_no_quota_back_and_lifts_no_block(world: World) -> None:
    rule = make_rule(Setting.VIDEOS_PER_DAY, 1)
    await world.quotas.set_rule(rule, act=make_act(guild_id=HERE))
    await world.make(ADA, HERE)
    await world.privacy.delete(Whose(user_id=ADA, guild_id=None))
    with pytest.raises(QuotaExceededError):
        await world.ask(ADA, HERE)
    await world.make(BEN, HERE)
    await world.do(("block", BEN, HERE, 0))
    await world.privacy.delete(Whose(user_id=BEN, guild_id=HERE))
    with pytest.raises(NotAllowedError, match="spam"):
        await world.ask(BEN, HERE)
    unblock = make_act(guild_id=HERE, kind=ActKind.BLOCK_REMOVE, target=f"member:{BEN}")
    assert await world.guilds.unblock(HERE, BEN, act=unblock) is not None
    with pytest.raises(QuotaExceededError):
        await world.ask(BEN, HERE)


async def test_a_moderator_gives_back_what_was_used_before_a_deletion(world: World) -> None:
    await world.quotas.set_rule(make_rule(Setting.VIDEOS_PER_DAY, 1), act=make_act(guild_id=HERE))
    await world.make(ADA, HERE)
    await world.privacy.delete(Whose(user_id=ADA, guild_id=HERE))
    reset = make_act(guild_id=HERE, kind=ActKind.QUOTA_RESET, target=f"member:{ADA}")
    await world.quotas.reset(_requester(ADA, HERE), None, act=reset)
    await world.ask(ADA, HERE)
    assert await world.drift() == []


async def test_what_is_being_made_ends_first_and_nothing_new_is_asked_meanwhile(
    world: World,
) -> None:
    await world.ask(ADA, HERE)
    job = await world.claim()
    job = await world.jobs.save(job, job.evolve(state=JobState.RUNNING), now=NOW)
    deleted = await world.privacy.delete(Whose(user_id=ADA, guild_id=HERE))
    assert deleted.still_open == 1
    assert (await world.jobs.get(job.id)).cancel_requested
    with pytest.raises(NotAllowedError, match="being deleted"):
        await world.ask(ADA, HERE)
    await world.jobs.save(job, job.evolve(state=JobState.CANCELLED), now=NOW)
    await world.privacy.carry_out_all()  # as the next process would
    assert naming(await world.rows(), ADA) == []
    await world.ask(ADA, HERE)
    assert await world.drift() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET account = 'x'",
        "DELETE FROM ledger",
        "UPDATE audit SET reason = 'x'",
        "DELETE FROM audit",
        "UPDATE job_event SET note = '{}'",
        "DELETE FROM bonus",
    ],
)
async def test_outside_a_deletion_the_books_and_the_audit_stay_append_only(
    world: World, statement: str
) -> None:
    await world.make(ADA, HERE)
    await world.do(("extra", ADA, HERE, 0))
    with pytest.raises(StorageError, match=r"append-only|the books name"):
        await world.database.write(lambda connection: connection.execute(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET used_delta = used_delta + 1",
        "UPDATE audit SET kind = 'settings'",
        "UPDATE job_event SET to_state = 'done'",
    ],
)
async def test_not_even_a_deletion_changes_an_amount_a_kind_or_a_state(
    world: World, statement: str
) -> None:
    await world.ask(ADA, HERE)
    await world.do(("limit", ADA, HERE, 0))

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO forgetting (one) VALUES (1)")
        connection.execute(statement)

    with pytest.raises(StorageError, match="append-only"):
        await world.database.write(work)


async def test_accounts_that_become_one_keep_their_sums(world: World) -> None:
    await world.make(ADA, HERE)
    await world.make(BEN, HERE)

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM job")
        connection.execute("INSERT INTO forgetting (one) VALUES (1)")
        for user in (ADA, BEN):
            rename(connection, f"guild:{HERE}/user:{user}", "guild:1/former:x")
        connection.execute("DELETE FROM forgetting")

    await world.database.write(work)
    assert await world.drift() == []
    sums = [row for row in (await world.rows())["bucket"] if row[0] == "guild:1/former:x"]
    assert ("guild:1/former:x", f"day:{NOW:%Y-%m-%d}", "videos", 2, 0) in sums


async def test_an_export_holds_what_is_stored_and_no_secret(world: World) -> None:
    job = await world.make(ADA, HERE)
    await world.make(BEN, HERE)
    open_job = await world.ask(ADA, HERE)
    for what in ("limit", "extra", "block"):
        await world.do((what, ADA, HERE, 1))
    package = await world.takeout.pack(Whose(user_id=ADA, guild_id=None))
    assert (package.videos, package.files, package.is_whole) == (2, 1, True)
    found = unzipped(package.content)
    assert found[f"videos/{job.id}.mp4"] == b"video of " + job.id.encode()
    told = json.loads(found[f"videos/{job.id}.json"])
    assert told["receipt"]["seed"] == 7
    assert told["link"] == f"https://discord.com/channels/{HERE}/3003/55"
    assert [one["to_state"] for one in told["events"]][-1] == "done"
    account = json.loads(found["account.json"])
    assert [account[name] != [] for name in ("limits", "extras", "blocks", "bookings")] == 4 * [
        True
    ]
    whole = b"".join(found.values()).decode(errors="replace")
    assert open_job.address.token
    assert open_job.address.token not in whole
    assert str(BEN) not in whole.replace(f"<@{BEN}>", "")


async def test_an_export_without_room_says_so(world: World) -> None:
    for _ in range(3):
        await world.make(ADA, HERE)
    small = Takeout(store=world.store, files=world.files, clock=world.clock, max_bytes=30_000)
    package = await small.pack(Whose(user_id=ADA, guild_id=HERE))
    assert package.is_whole
    tiny = Takeout(store=world.store, files=world.files, clock=world.clock, max_bytes=8_000)
    package = await tiny.pack(Whose(user_id=ADA, guild_id=HERE))
    assert not package.is_whole
    assert len(package.content) <= 8_000


def unzipped(content: bytes) -> Mapping[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        return {name: found.read(name) for name in found.namelist()}


# By age


async def test_videos_go_when_their_server_has_kept_them_long_enough(world: World) -> None:
    own = GuildSettings(guild_id=HERE, retention_days=5)
    await world.guilds.save_settings(own, act=make_act(guild_id=HERE))
    here, there = await world.make(ADA, HERE), await world.make(ADA, THERE)
    housekeeping = world.housekeeping(days=30)
    world.clock.advance(timedelta(days=4).total_seconds())
    assert (await housekeeping.clean()).old == 0
    world.clock.advance(timedelta(days=2).total_seconds())
    assert (await housekeeping.clean()).old == 1
    assert not (world.videos / f"{here.id}.mp4").exists()
    assert (world.videos / f"{there.id}.mp4").exists()
    world.clock.advance(timedelta(days=30).total_seconds())
    assert (await housekeeping.clean()).old == 1
    assert (await world.rows())["job"] == []
    assert list(world.videos.glob("*.*")) == []
    assert await world.drift() == []


async def test_without_a_time_nothing_is_too_old(world: World) -> None:
    await world.make(ADA, HERE)
    waiting = await world.ask(ADA, HERE)
    world.clock.advance(timedelta(days=4000).total_seconds())
    assert (await world.housekeeping(days=None).clean()).old == 0
    assert (await world.housekeeping(days=1).clean()).old == 1
    assert (await world.jobs.get(waiting.id)).state is JobState.QUEUED


async def test_what_no_row_names_is_swept_and_what_is_not_ours_stays(world: World) -> None:
    job = await world.make(ADA, HERE)
    inputs = world.videos / "inputs"
    inputs.mkdir()
    stale = [world.videos / "gone1234.mp4", world.videos / "gone1234.mp4.part"]
    stale += [inputs / f"{IMAGE}.png", inputs / f"{IMAGE}.png.0011.part"]
    kept = [world.videos / "notes.txt", world.videos / f"{job.id}.mp4"]
    for file in (*stale, kept[0]):
        file.write_bytes(b"x")
    for file in (*stale, *kept):
        os.utime(file, times=(after(-7200).timestamp(), after(-7200).timestamp()))
    fresh = world.videos / "fresh123.mp4"
    fresh.write_bytes(b"x")
    os.utime(fresh, times=(NOW.timestamp(), NOW.timestamp()))
    await world.housekeeping().clean()
    assert [file.name for file in stale if file.exists()] == [f"{IMAGE}.png.0011.part"]
    assert all(file.exists() for file in (*kept, fresh))
    world.clock.advance(timedelta(days=1).total_seconds())
    await world.housekeeping().clean()
    assert not stale[-1].exists()


async def test_codes_in_the_books_are_tied_to_nobody_once_their_month_is_over(
    world: World,
) -> None:
    await world.make(ADA, HERE)
    await world.privacy.delete(Whose(user_id=ADA, guild_id=HERE))
    codes = {row[0] for row in (await world.rows())["bucket"] if "/former:" in str(row[0])}
    await world.housekeeping().clean()
    assert codes <= {row[0] for row in (await world.rows())["bucket"]}
    world.clock.advance(timedelta(days=31).total_seconds())
    await world.housekeeping().clean()
    assert not codes & {row[0] for row in (await world.rows())["bucket"]}
    assert not codes & {row[3] for row in (await world.rows())["ledger"]}
    assert await world.drift() == []


# Servers that take the bot out


async def test_a_server_that_took_the_bot_out_is_purged_after_a_week_and_no_other(
    world: World,
) -> None:
    for what in ("make", "ask", "limit", "extra", "block"):
        await world.do((what, ADA, HERE, 1))
    await world.do(("make", ADA, THERE, 1))
    await world.retention.note_departure(HERE, at=NOW)
    before = naming(await world.rows(), THERE)
    world.clock.advance(GRACE.total_seconds() - 1)
    assert (await world.housekeeping().clean()).purged == ()
    world.clock.advance(1)
    assert (await world.housekeeping().clean()).purged == (HERE,)
    rows = await world.rows()
    assert naming(rows, HERE) == []
    assert naming(rows, THERE) == before
    assert await world.drift() == []


async def test_a_server_that_comes_back_within_the_week_loses_nothing(world: World) -> None:
    await world.do(("make", ADA, HERE, 1))
    before = await world.rows()
    await world.retention.note_departure(HERE, at=NOW)
    await world.retention.note_return(HERE)
    world.clock.advance(GRACE.total_seconds() * 2)
    assert (await world.housekeeping().clean()).purged == ()
    assert await world.rows() == before


async def test_a_start_notes_who_left_while_the_bot_was_away_but_keeps_the_first_time(
    world: World,
) -> None:
    await world.do(("make", ADA, HERE, 1))
    await world.do(("make", ADA, THERE, 1))
    assert await world.retention.reconcile({THERE}, at=NOW) == [HERE]
    assert await world.retention.reconcile({THERE}, at=NOW + GRACE) == [HERE]
    assert await world.retention.departed(before=NOW) == [HERE]
    assert await world.retention.reconcile({HERE, THERE}, at=NOW) == []
    assert await world.retention.departed(before=NOW + GRACE) == []


def test_an_id_goes_from_a_text_and_a_longer_number_stays() -> None:
    assert str(ADA) not in without(f"<@{ADA}> and {ADA}.", ADA)
    assert without(f"{ADA}0", ADA) == f"{ADA}0"
    assert without("<@5> has 5", 5) == "somebody whose data was deleted has 5"
