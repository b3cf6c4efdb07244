"""`/privacy`: what is stored, as a file, and its end; and that no prompt stands in a log."""

import asyncio
import io
import json
import logging
import zipfile
from collections.abc import Mapping

import pytest

from bot.client import FlipbookClient
from bot.sandbox import Member, Message
from cogs.privacy import custom_id_of
from jobs.privacy.housekeeping import GRACE
from jobs.privacy.records import Whose
from jobs.quota.tiers import Setting
from jobs.states import JobState
from tests.cogs.conftest import House, settled
from tests.cogs.private_answers import invoked, private

OURS = ("bot", "cogs", "jobs", "providers", "storage")


async def told(house: House, who: Member, command: str, **options: object) -> Message:
    """Use a command of `/privacy` and return the answer, which is for its user alone."""
    return await invoked(house, who, f"privacy {command}", **options)


async def pressed(house: House, who: Member, answer: Message, custom_id: str) -> Message:
    """Press the button that deletes, and return what is said."""
    return await private(await house.sandbox.press(who, answer, custom_id))


def here(house: House, who: Member) -> Whose:
    return Whose(user_id=int(who.id), guild_id=int(house.sandbox.guild.id))


async def finished(house: House, client: FlipbookClient, who: Member, **options: object) -> str:
    """Have a video made, and return its job's id."""
    job, card = await house.queued(who, **options)
    async with house.running(client):
        await house.sandbox.wait_for(lambda: "### Done" in card.text)
    return job.id


def unzipped(answer: Message) -> Mapping[str, bytes]:
    (file,) = answer.shown_attachments
    with zipfile.ZipFile(io.BytesIO(file.content)) as found:
        return {name: found.read(name) for name in found.namelist()}


@pytest.mark.usefixtures("client")
async def test_nothing_is_stored_about_somebody_who_asked_for_nothing(house: House) -> None:
    answer = await told(house, house.sandbox.ben, "show")
    assert "Nothing." in answer.text
    answer = await told(house, house.sandbox.ben, "delete")
    assert answer.text == "Flipbook stores nothing about you in this server."


async def test_show_counts_what_is_stored_and_says_for_how_long(
    house: House, client: FlipbookClient
) -> None:
    ben = house.sandbox.ben
    await finished(house, client, ben)
    answer = await told(house, ben, "show")
    assert "**1 ended video**" in answer.text
    assert "**1 file** of videos" in answer.text
    assert "90 days after it ended" in answer.text
    assert "Who else sees it: Discord" in answer.text
    sent = await house.sandbox.invoke(
        house.sandbox.olga, house.sandbox.channel, "settings retention", {"days": 7}
    )
    assert "**for 7 days**" in (await sent.wait_answer()).text
    await settled()
    assert "7 days after it ended" in (await told(house, ben, "show", everywhere=False)).text


async def test_an_export_has_the_receipt_and_the_video(
    house: House, client: FlipbookClient
) -> None:
    job_id = await finished(house, client, house.sandbox.ben, prompt="zanzibar")
    answer = await told(house, house.sandbox.ben, "export", everywhere=True)
    assert answer.text == "1 video, 1 of them with the file itself."
    found = unzipped(answer)
    record = json.loads(found[f"videos/{job_id}.json"])
    assert record["asked"]["segments"][0]["prompt"] == "zanzibar"
    assert record["receipt"]["job_id"] == job_id
    assert f"videos/{job_id}.mp4" in found
    assert b"zanzibar" not in b"".join(
        unzipped(await told(house, house.sandbox.ana, "export")).values()
    )


async def test_a_deletion_asks_once_more_and_then_leaves_nothing(
    house: House, client: FlipbookClient
) -> None:
    sandbox, ben = house.sandbox, house.sandbox.ben
    await house.limit(Setting.VIDEOS_PER_DAY, 1)
    await finished(house, client, ben)
    asked = await told(house, ben, "delete")
    assert "### Delete what Flipbook stores about you in this server?" in asked.text
    assert len(await house.all_jobs()) == 1
    said = await pressed(house, ben, asked, custom_id_of(here(house, ben)))
    assert said.text.startswith("Deleted: 1 video with prompts and files")
    assert "What stays, without your name" in said.text
    assert await house.all_jobs() == []
    assert await house.quotas.audit() == []
    assert "Nothing." in (await told(house, ben, "show", everywhere=True)).text
    answer = await (await house.video(ben)).wait_answer()
    assert answer.is_ephemeral, "a deletion gives no quota back"
    await house.queued(sandbox.ana)


async def test_a_deletion_while_a_video_is_being_made_ends_it_first(
    house: House, client: FlipbookClient
) -> None:
    ben = house.sandbox.ben
    house.provider.go.clear()
    async with house.running(client):
        job, card = await house.queued(ben)
        await house.provider.until_watching(job)
        waiting, _ = await house.queued(ben)
        asked = await told(house, ben, "delete")
        assert "ended first" in asked.text
        said = await pressed(house, ben, asked, custom_id_of(here(house, ben)))
        assert said.text.startswith("Deleted")  # all of it, or so far
        assert waiting.id not in {one.id for one in await house.all_jobs()}
        await house.sandbox.wait_for(lambda: "Cancelled" in card.text)
        while await house.privacy.delete(here(house, ben)) and await house.all_jobs():
            await settled()
    assert await house.all_jobs() == []
    assert await house.quotas.audit() == []


@pytest.mark.usefixtures("client")
async def test_nobody_deletes_what_is_anothers(house: House) -> None:
    sandbox = house.sandbox
    job, _ = await house.queued(sandbox.ben)
    await house.queued(sandbox.ana)
    page = await told(house, sandbox.ana, "delete")
    forged = custom_id_of(here(house, sandbox.ben))
    own = custom_id_of(here(house, sandbox.ana))
    _rename(page, own, forged)
    said = await pressed(house, sandbox.ana, page, forged)
    assert said.text == "Only the one whose data it is can delete it."
    assert (await house.jobs.get(job.id)).state is JobState.QUEUED


def _rename(message: Message, before: str, after: str) -> None:
    """Give a button another id, as a forged client would."""

    def walk(parts: object) -> None:
        if isinstance(parts, dict):
            if parts.get("custom_id") == before:
                parts["custom_id"] = after
            walk(list(parts.values()))
        elif isinstance(parts, list):
            for part in parts:
                walk(part)

    walk(message.components)


async def test_a_video_leaves_no_prompt_in_any_log(
    house: House, client: FlipbookClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for name in OURS:
        caplog.set_level(logging.DEBUG, logger=name)
    await finished(house, client, house.sandbox.ben, prompt="zanzibar", negative_prompt="quagga")
    await told(house, house.sandbox.ben, "show")
    await told(house, house.sandbox.ben, "export")
    house.provider.go.clear()
    async with house.running(client):
        job, card = await house.queued(
            house.sandbox.ben, prompt="zanzibar", negative_prompt="quagga"
        )
        await house.provider.until_watching(job)
        cancel = await house.sandbox.invoke(
            house.sandbox.ben, house.sandbox.channel, "job cancel", {"id": job.id}
        )
        await cancel.wait_answer()
        await house.sandbox.wait_for(lambda: "Cancelled" in card.text)
    formatter = logging.Formatter()
    lines = [f"{formatter.format(record)} {record.__dict__}" for record in caplog.records]
    assert any(record.name.startswith("jobs") for record in caplog.records)
    assert [line for line in lines if "zanzibar" in line or "quagga" in line] == []


# Servers that take the bot out


async def departed(house: House) -> list[int]:
    await settled()
    return list(await house.retention.departed(before=house.clock.now()))


async def test_a_server_that_takes_the_bot_out_is_purged_after_a_week(
    house: House, client: FlipbookClient
) -> None:
    sandbox = house.sandbox
    await finished(house, client, sandbox.ben)
    heard = asyncio.create_task(client.wait_for("guild_remove", timeout=10))
    await asyncio.sleep(0)  # so that it listens
    sandbox.world.remove_guild(sandbox.guild)
    await heard
    assert len(await departed(house)) == 1
    house.clock.advance(GRACE.total_seconds() - 1)
    assert (await house.housekeeping.clean()).purged == ()
    house.clock.advance(1)
    assert len((await house.housekeeping.clean()).purged) == 1
    assert await house.all_jobs() == []


async def test_an_outage_is_no_farewell(house: House, client: FlipbookClient) -> None:
    sandbox = house.sandbox
    await finished(house, client, sandbox.ben)
    heard = asyncio.create_task(client.wait_for("guild_unavailable", timeout=10))
    await asyncio.sleep(0)  # so that it listens
    sandbox.outage(sandbox.guild)
    await heard
    assert await departed(house) == []
    sandbox.restore(sandbox.guild)


async def test_a_farewell_while_the_bot_was_away_is_noted_at_its_start(house: House) -> None:
    sandbox = house.sandbox
    async with house.open_client() as client:
        await finished(house, client, sandbox.ben)
    sandbox.world.add_guild("Elsewhere", owner=sandbox.world.add_user("eve"))
    sandbox.world.remove_guild(sandbox.guild)
    async with house.open_client():
        assert len(await departed(house)) == 1
