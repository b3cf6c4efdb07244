"""`/mod jobs cancel`: one video, all of a member, or all that waits in a server."""

import pytest

from bot.client import FlipbookClient
from jobs.model import Job
from jobs.moderation.acts import BY_A_MODERATOR, Act, ActKind
from jobs.moderation.clearing import AT_A_TIME
from jobs.quota.tiers import Setting
from jobs.states import JobState
from tests.cogs.conftest import House, settled
from tests.cogs.private_answers import invoked
from tests.cogs.unconfirmed import acts, parked
from tests.factories import make_job, make_token


async def cancelled(house: House, **options: object) -> str:
    """Have max cancel something, and return what he is told."""
    return (await invoked(house, house.sandbox.max, "mod jobs cancel", **options)).text


async def states(house: House, *jobs: Job) -> list[JobState]:
    return [(await house.jobs.get(job.id)).state for job in jobs]


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
