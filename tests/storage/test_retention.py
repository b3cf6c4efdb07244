"""By age, and with a server that takes the bot out: what goes, when, and what stays."""

import os
from datetime import timedelta

from jobs.moderation.guilds import GuildSettings
from jobs.privacy.housekeeping import GRACE
from jobs.privacy.records import Whose
from jobs.states import JobState
from tests.factories import NOW, after, make_act
from tests.storage.people import ADA, HERE, IMAGE, THERE, World, naming


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
