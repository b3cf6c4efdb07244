"""`/mod jobs`: moderators see, stop and settle what waits in their server, and only there."""

from collections.abc import AsyncIterator

import pytest

from bot.client import FlipbookClient
from bot.sandbox import CommandLineError, Member, Message
from jobs.acts import BY_A_MODERATOR, Act, ActKind, PastAct
from jobs.clearing import AT_A_TIME
from jobs.errors import UnconfirmedError
from jobs.model import Job
from jobs.states import JobState
from jobs.tiers import Setting
from tests.cogs.conftest import House, settled
from tests.factories import make_job, make_token

COMMANDS = ["list", "cancel", "release", "charge", "retry"]
DECISIONS = COMMANDS[2:]


@pytest.fixture
async def started(house: House, client: FlipbookClient) -> AsyncIterator[House]:
    async with house.running(client):
        yield house


async def parked(house: House, prompt: str = "a red circle") -> tuple[Job, Message]:
    """Return a job of ben's whose submit was never answered, with its card."""
    house.provider.submit_errors = [UnconfirmedError("The provider's answer was lost.")]
    job, card = await house.queued(house.sandbox.ben, prompt=prompt)
    await house.sandbox.wait_for(lambda: "Waiting for the provider's word" in card.text)
    return await house.jobs.get(job.id), card


async def finished(house: House) -> None:
    """Have a video made that needs nobody's decision."""
    _, card = await house.queued(house.sandbox.ben)
    await house.sandbox.wait_for(lambda: "### Done" in card.text)


async def shown(house: House, line: str, member: Member | None = None) -> Message:
    sandbox = house.sandbox
    interaction = await sandbox.slash(member or sandbox.max, sandbox.channel, line)
    answer = await interaction.wait_answer()
    await settled()
    assert answer.is_ephemeral
    assert not answer.pings
    return answer


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


async def cancelled(house: House, **options: object) -> str:
    """Have max cancel something, and return what he is told."""
    sandbox = house.sandbox
    sent = await sandbox.invoke(sandbox.max, sandbox.channel, "mod jobs cancel", options)
    answer = await sent.wait_answer()
    await settled()
    assert answer.is_ephemeral
    assert not answer.pings
    return answer.text


async def states(house: House, *jobs: Job) -> list[JobState]:
    return [(await house.jobs.get(job.id)).state for job in jobs]


async def acts(house: House) -> list[PastAct]:
    return [*await house.audit.acts(int(house.sandbox.guild.id), limit=20)]


@pytest.mark.usefixtures("client")
async def test_one_video_is_cancelled_and_its_card_says_by_whom(house: House) -> None:
    job, _ = await house.queued(house.sandbox.ben)
    said = await cancelled(house, id=job.id.upper(), reason="a *flood*")
    assert said == f"Job {job.id} is cancelled. It cost nothing."
    ended = await house.jobs.get(job.id)
    assert ended.state is JobState.CANCELLED
    assert ended.failure == BY_A_MODERATOR
    (past,) = await acts(house)
    assert past.act == Act(
        guild_id=int(house.sandbox.guild.id),
        actor_id=int(house.sandbox.max.id),
        kind=ActKind.JOB_CANCEL,
        target=f"job:{job.id}",
        at=house.clock.now(),
        reason="a *flood*",
    )
    assert past.after["member"] == f"<@{house.sandbox.ben.id}>"
    assert (past.before["state"], past.after["state"]) == ("queued", "cancelled")


async def test_the_card_of_a_moderated_video_says_so(house: House, client: FlipbookClient) -> None:
    job, card = await house.queued(house.sandbox.ben)
    await cancelled(house, id=job.id)
    async with house.running(client):
        await house.sandbox.wait_for(lambda: "### Cancelled" in card.text)
    assert "A moderator cancelled this video." in card.text
    assert "It cost nothing." in card.text


@pytest.mark.usefixtures("client")
async def test_all_that_waits_of_a_member_is_cancelled_and_given_back(house: House) -> None:
    await house.limit(Setting.VIDEOS_PER_DAY, 3)
    sandbox = house.sandbox
    bens = [(await house.queued(sandbox.ben))[0] for _ in range(3)]
    anas, _ = await house.queued(sandbox.ana)
    said = await cancelled(house, member=sandbox.ben)
    assert said.startswith(f"3 videos of <@{sandbox.ben.id}> are cancelled at no cost.")
    assert await states(house, *bens, anas) == [JobState.CANCELLED] * 3 + [JobState.QUEUED]
    past = (await acts(house))[0]
    assert past.act.target == f"member:{sandbox.ben.id}"
    assert past.after["videos"] == "3"
    assert past.after["jobs"].split() == [job.id for job in bens]
    await house.queued(sandbox.ben)  # he has his three videos again
    assert await house.quotas.audit() == []


@pytest.mark.usefixtures("client")
async def test_everything_that_waits_here_is_cancelled_in_one_go_and_nothing_elsewhere(
    house: House,
) -> None:
    sandbox = house.sandbox
    world = sandbox.world
    elsewhere = world.add_guild("Elsewhere")
    channel, eve = world.add_channel(elsewhere, "videos"), world.add_member(elsewhere, "eve")
    theirs = await house.job_of(await house.video(eve, channel))
    ours = [(await house.queued(member))[0] for member in (sandbox.ben, sandbox.ana, sandbox.max)]
    said = await cancelled(house, everyone=True)
    assert said.startswith("3 videos here are cancelled at no cost.")
    assert await states(house, *ours, theirs) == [JobState.CANCELLED] * 3 + [JobState.QUEUED]
    assert [past.act.target for past in await acts(house)] == ["everyone"]
    assert await house.audit.acts(int(elsewhere.id), limit=20) == []


@pytest.mark.usefixtures("client")
async def test_more_than_fit_one_transaction_are_cancelled_all(house: House) -> None:
    here, ben = int(house.sandbox.guild.id), int(house.sandbox.ben.id)
    for _ in range(AT_A_TIME + 1):
        await house.jobs.enqueue(make_job(guild_id=here, user_id=ben))
    said = await cancelled(house, member=house.sandbox.ben)
    assert said.startswith(f"{AT_A_TIME + 1} videos of")
    assert [past.after["videos"] for past in await acts(house)] == ["1", str(AT_A_TIME)]
    assert await house.jobs.recount() == []


async def rendering(house: House) -> Job:
    """Return a job of ben's that a backend has in hand."""
    await house.queued(house.sandbox.ben)
    now = house.clock.now()
    job = await house.jobs.claim("local", token=make_token(), now=now, lease_until=now)
    assert job is not None
    return await house.jobs.save(job, job.evolve(state=JobState.RUNNING, started_at=now), now=now)


@pytest.mark.usefixtures("client")
async def test_what_is_being_made_goes_on_unless_it_is_meant_too(house: House) -> None:
    running = await rendering(house)
    waiting, _ = await house.queued(house.sandbox.ben)
    said = await cancelled(house, member=house.sandbox.ben)
    assert said.startswith("1 video of")
    assert "What is being made goes on, unless you add `running: True`." in said
    assert await states(house, waiting, running) == [JobState.CANCELLED, JobState.RUNNING]
    assert not (await house.jobs.get(running.id)).cancel_requested
    said = await cancelled(house, everyone=True, running=True)
    assert said == "1 video being made here will stop within a moment."
    assert (await house.jobs.get(running.id)).cancel_requested
    again = await cancelled(house, everyone=True, running=True)
    assert again == "No video here waits or is being made."
    assert len(await acts(house)) == 2


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    "options", [{}, {"everyone": False}, {"everyone": True, "id": "x"}, {"running": True}]
)
async def test_a_cancel_needs_to_know_what_exactly(
    house: House, options: dict[str, object]
) -> None:
    job, _ = await house.queued(house.sandbox.ben)
    assert "Give one of" in await cancelled(house, **options)
    assert await states(house, job) == [JobState.QUEUED]


async def test_an_unconfirmed_job_is_decided_about_and_not_cancelled(started: House) -> None:
    job, _ = await parked(started)
    assert "`release`, `charge` or `retry`" in await cancelled(started, id=job.id)
    assert await started.jobs.get(job.id) == job
    assert await acts(started) == []


@pytest.mark.usefixtures("client")
async def test_a_moderators_own_video_is_cancelled_without_an_act(house: House) -> None:
    sandbox = house.sandbox
    own, card = await house.queued(sandbox.max)
    await (await sandbox.press(sandbox.max, card, f"vid:cancel:{own.id}")).wait_answer()
    other, _ = await house.queued(sandbox.ben)
    await (
        await sandbox.slash(sandbox.max, sandbox.channel, f"/job cancel id:{other.id}")
    ).wait_answer()
    await settled()
    assert [past.act.target for past in await acts(house)] == [f"job:{other.id}"]
    assert (await house.jobs.get(own.id)).failure is None


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


@pytest.mark.parametrize("typed", ["nothing1", "'; DROP TABLE job", "@everyone"])
async def test_an_id_that_is_none_is_answered(started: House, typed: str) -> None:
    sandbox = started.sandbox
    sent = await sandbox.invoke(sandbox.max, sandbox.channel, "mod jobs release", {"id": typed})
    answer = await sent.wait_answer()
    await settled()
    assert answer.is_ephemeral
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
    sandbox = started.sandbox
    options: dict[str, object] = {} if command == "list" else {"id": job.id}
    sent = await sandbox.invoke(sandbox.ben, sandbox.channel, f"mod jobs {command}", options)
    answer = await sent.wait_answer()
    await settled()
    assert answer.is_ephemeral
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
