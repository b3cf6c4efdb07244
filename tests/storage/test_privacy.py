"""Deletions in a small world: nothing is left of one, all is left of the rest."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import NotAllowedError, QuotaExceededError, StorageError
from jobs.moderation.acts import ActKind
from jobs.moderation.guilds import GuildSettings
from jobs.privacy.records import Whose
from jobs.quota.tiers import Setting
from jobs.states import JobState
from storage.privacy.forgetting import rename, without
from tests.factories import NOW, make_act, make_rule
from tests.fakes.quick_database import open_quickly
from tests.storage.people import (
    ADA,
    BEN,
    CLEO,
    HERE,
    IMAGE,
    PEOPLE,
    THERE,
    Act,
    Row,
    World,
    naming,
    requester,
)

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
            database = await stack.enter_async_context(open_quickly(folder / "flipbook.db"))
            await work(World(database, folder))

    asyncio.run(inside())


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
    await world.quotas.reset(requester(ADA, HERE), None, act=reset)
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


def test_an_id_goes_from_a_text_and_a_longer_number_stays() -> None:
    assert str(ADA) not in without(f"<@{ADA}> and {ADA}.", ADA)
    assert without(f"{ADA}0", ADA) == f"{ADA}0"
    assert without("<@5> has 5", 5) == "somebody whose data was deleted has 5"
