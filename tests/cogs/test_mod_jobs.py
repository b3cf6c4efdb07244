"""`/mod jobs`: moderators see and settle what waits in their server, and only there."""

import pytest

from bot.client import FlipbookClient
from bot.sandbox import CommandLineError, Member, Message
from jobs.moderation.acts import ActKind
from jobs.states import JobState
from tests.cogs.conftest import House, settled
from tests.cogs.private_answers import invoked, typed
from tests.cogs.unconfirmed import acts, parked

COMMANDS = ["list", "cancel", "release", "charge", "retry"]
DECISIONS = COMMANDS[2:]


async def finished(house: House) -> None:
    """Have a video made that needs nobody's decision."""
    _, card = await house.queued(house.sandbox.ben)
    await house.sandbox.wait_for(lambda: "### Done" in card.text)


async def shown(house: House, line: str, member: Member | None = None) -> Message:
    return await typed(house, member or house.sandbox.max, line)


async def test_the_card_of_an_unconfirmed_job_says_what_it_waits_for(started: House) -> None:
    _, card = await parked(started)
    assert "The provider's answer was lost." in card.text
    assert "cannot be paid twice" in card.text
    assert "a moderator decides" in card.text


async def test_the_list_names_each_job_and_what_can_be_done(started: House) -> None:
    job, _ = await parked(started, prompt="a @everyone circle")
    await finished(started)
    text = (await shown(started, "/mod jobs list")).text
    assert f"`{job.id}` local" in text
    assert f"<@{started.sandbox.ben.id}>" in text
    assert "@everyone" not in text
    assert text.count("asked <t:") == 1
    for word in ("**charge**", "**release**", "**retry**"):
        assert word in text


async def test_an_empty_list_says_so(started: House) -> None:
    assert "None is waiting or being made" in (await shown(started, "/mod jobs list")).text


async def test_a_long_list_is_cut_and_counted(started: House) -> None:
    for _ in range(12):
        await parked(started, prompt="*" * 1024)
    assert "and 2 more" in (await shown(started, "/mod jobs list")).text


async def test_those_that_need_a_decision_come_first(house: House, client: FlipbookClient) -> None:
    async with house.running(client):
        await finished(house)
        undecided, _ = await parked(house)
    waiting, _ = await house.queued(house.sandbox.ana)
    text = (await shown(house, "/mod jobs list")).text
    assert text.index(undecided.id) < text.index("Waiting and being made") < text.index(waiting.id)
    assert f"`{waiting.id}` next · <@{house.sandbox.ana.id}>" in text


@pytest.mark.usefixtures("client")
async def test_a_flood_is_summed_up_by_member(house: House) -> None:
    for _ in range(11):
        await house.queued(house.sandbox.ben)
    await house.queued(house.sandbox.ana)
    text = (await shown(house, "/mod jobs list")).text
    assert f"12 wait in all: <@{house.sandbox.ben.id}> 11 · <@{house.sandbox.ana.id}> 1" in text


@pytest.mark.usefixtures("client")
async def test_the_list_can_be_one_members(house: House) -> None:
    bens, _ = await house.queued(house.sandbox.ben)
    anas, _ = await house.queued(house.sandbox.ana)
    sent = await house.sandbox.invoke(
        house.sandbox.max, house.sandbox.channel, "mod jobs list", {"member": house.sandbox.ana}
    )
    text = (await sent.wait_answer()).text
    assert anas.id in text
    assert bens.id not in text


@pytest.mark.parametrize(
    ("command", "answer", "cost"),
    [
        ("release", "has ended, and costs its member nothing.", "It cost nothing."),
        ("charge", "has ended, and counts.", "It counts, because a moderator decided so."),
    ],
)
async def test_a_decision_is_answered_and_shown_on_the_card(
    started: House, command: str, answer: str, cost: str
) -> None:
    job, card = await parked(started)
    said = await shown(started, f"/mod jobs {command} id:{job.id.upper()}")
    assert said.text == f"Job {job.id} {answer}"
    await started.sandbox.wait_for(lambda: "No video this time" in card.text)
    assert "a moderator ended this video" in card.text
    assert cost in card.text


async def test_a_retry_ends_in_a_video(started: House) -> None:
    job, card = await parked(started)
    said = await shown(started, f"/mod jobs retry id:{job.id}")
    assert "in the queue again" in said.text
    await started.sandbox.wait_for(lambda: "### Done" in card.text)
    assert (await started.jobs.get(job.id)).state is JobState.DONE


async def test_a_retried_job_that_has_to_wait_is_shown_in_the_queue(
    house: House, client: FlipbookClient
) -> None:
    async with house.running(client):
        job, card = await parked(house)
    await shown(house, f"/mod jobs retry id:{job.id}")
    await house.sandbox.wait_for(lambda: "### In the queue" in card.text)


async def test_a_second_decision_is_told_that_it_came_too_late(started: House) -> None:
    job, _ = await parked(started)
    await shown(started, f"/mod jobs release id:{job.id}")
    again = await shown(started, f"/mod jobs charge id:{job.id}")
    assert again.text == f"Job {job.id} needs no decision: it is failed."


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("release", ActKind.JOB_RELEASE),
        ("charge", ActKind.JOB_CHARGE),
        ("retry", ActKind.JOB_RETRY),
    ],
)
async def test_a_decision_is_in_the_audit_with_its_reason(
    house: House, client: FlipbookClient, command: str, kind: ActKind
) -> None:
    async with house.running(client):
        job, _ = await parked(house)
    await shown(house, f"/mod jobs {command} id:{job.id} reason:not in their list")
    (past,) = await acts(house)
    assert (past.act.kind, past.act.reason) == (kind, "not in their list")
    assert past.act.actor_id == int(house.sandbox.max.id)
    assert past.before == {"state": "unconfirmed"}
    assert past.after["member"] == f"<@{house.sandbox.ben.id}>"


@pytest.mark.parametrize("asked", ["nothing1", "'; DROP TABLE job", "@everyone"])
async def test_an_id_that_is_none_is_answered(started: House, asked: str) -> None:
    answer = await invoked(started, started.sandbox.max, "mod jobs release", id=asked)
    assert "no" in answer.text.lower()
    assert "everyone" not in answer.text


@pytest.mark.parametrize("command", COMMANDS)
async def test_members_do_not_see_the_commands(started: House, command: str) -> None:
    with pytest.raises(CommandLineError, match="hidden"):
        await shown(started, f"/mod jobs {command}", started.sandbox.ben)


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_member_to_whom_a_manager_opened_the_commands_is_refused(
    started: House, command: str
) -> None:
    job, _ = await parked(started)
    options: dict[str, object] = {} if command == "list" else {"id": job.id}
    answer = await invoked(started, started.sandbox.ben, f"mod jobs {command}", **options)
    assert "for moderators" in answer.text
    assert await started.jobs.get(job.id) == job


async def test_a_job_of_another_server_is_neither_listed_nor_settled(started: House) -> None:
    job, _ = await parked(started)
    world = started.sandbox.world
    elsewhere = world.add_guild("Elsewhere")
    channel = world.add_channel(elsewhere, "videos")
    eve = world.add_member(elsewhere, "eve", permissions=["manage_messages"])
    sent = await started.sandbox.slash(eve, channel, "/mod jobs list")
    assert "None is waiting" in (await sent.wait_answer()).text
    sent = await started.sandbox.slash(eve, channel, f"/mod jobs charge id:{job.id}")
    assert "no such job" in (await sent.wait_answer()).text
    await settled()
    assert await started.jobs.get(job.id) == job


async def completed(house: House, member: Member, command: str) -> list[object]:
    sandbox = house.sandbox
    choices = await sandbox.autocomplete(
        member, sandbox.channel, f"/mod jobs {command} id:x", focused="id", value=""
    )
    return [choice["value"] for choice in choices]


@pytest.mark.parametrize("command", DECISIONS)
async def test_ids_complete_with_the_servers_unconfirmed_jobs(started: House, command: str) -> None:
    job, _ = await parked(started)
    await finished(started)
    assert await completed(started, started.sandbox.max, command) == [job.id]


async def test_ids_are_not_told_to_a_member_to_whom_a_manager_opened_the_commands(
    started: House,
) -> None:
    await parked(started)
    for command in started.sandbox.world.commands[None].values():
        command["default_member_permissions"] = None
    for name in COMMANDS[1:]:
        assert await completed(started, started.sandbox.ben, name) == []


@pytest.mark.usefixtures("client")
async def test_ids_to_cancel_complete_with_the_servers_open_jobs(house: House) -> None:
    jobs = [(await house.queued(member))[0] for member in (house.sandbox.ben, house.sandbox.ana)]
    assert await completed(house, house.sandbox.max, "cancel") == [job.id for job in jobs]
