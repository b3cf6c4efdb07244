"""`/mod review` and the cards in the log channel: held prompts are approved, refused, or end."""

import asyncio

import pytest

from bot.client import FlipbookClient
from bot.sandbox import Channel, Member, Message
from jobs.model import Job
from jobs.moderation.herald import Herald
from jobs.states import JobState
from tests.cogs.conftest import House, settled


async def use(house: House, who: Member, command: str, **options: object) -> Message:
    sent = await house.sandbox.invoke(who, house.sandbox.channel, command, options)
    answer = await sent.wait_answer()
    await settled()
    return answer


async def hold(house: House, who: Member | None = None) -> tuple[Job, Message]:
    """Have a prompt held, and return its job with its card."""
    await use(house, house.sandbox.max, "mod policy add", kind="word", text="tank", action="hold")
    return await house.queued(who or house.sandbox.ben, prompt="a zanzibar tank")


@pytest.fixture
async def log(house: House, client: FlipbookClient) -> Channel:
    del client
    sandbox = house.sandbox
    log = sandbox.world.add_channel(sandbox.guild, "log")
    await use(house, sandbox.olga, "settings log", channel=log)
    return log


async def posted(house: House, client: FlipbookClient, log: Channel) -> Message:
    """Post what is unsent, and return the card with buttons."""
    herald = Herald(
        guilds=house.guild_store, log=client.guild_log, notices=house.notices, clock=house.clock
    )
    await herald.post_all()
    return next(message for message in log.messages.values() if message.buttons)


async def press(house: House, who: Member, card: Message, what: str, job: Job) -> None:
    pressed = await house.sandbox.press(who, card, f"review:{what}:{job.id}")
    await house.sandbox.wait_for(lambda: pressed.acked_at is not None)
    await settled()


async def test_a_held_prompt_waits_for_a_moderator_and_its_member_sees_that(
    house: House, client: FlipbookClient
) -> None:
    job, card = await hold(house)
    assert "### Waiting for a moderator" in card.text
    assert job.is_held
    async with house.running(client):
        await asyncio.sleep(0)
    assert (await house.jobs.get(job.id)).is_held
    page = await use(house, house.sandbox.max, "mod review")
    assert job.id in page.text
    assert "zanzibar" in page.text
    assert len(page.buttons) == 3


async def test_an_approved_prompt_is_made_and_both_cards_say_so(
    house: House, client: FlipbookClient, log: Channel
) -> None:
    job, card = await hold(house)
    told = await posted(house, client, log)
    assert "zanzibar" in told.text
    await press(house, house.sandbox.max, told, "approve", job)
    assert "**Approved**" in told.text
    assert not told.buttons
    assert "### In the queue" in card.text
    async with house.running(client):
        await house.sandbox.wait_for(lambda: "### Done" in card.text)


async def test_a_refused_prompt_ends_at_no_cost(
    house: House, client: FlipbookClient, log: Channel
) -> None:
    job, card = await hold(house)
    told = await posted(house, client, log)
    await press(house, house.sandbox.max, told, "refuse", job)
    assert "**Refused**" in told.text
    async with house.running(client):
        await house.sandbox.wait_for(lambda: "A moderator refused this prompt." in card.text)
    assert "It cost nothing." in card.text
    assert await house.quotas.audit() == []


async def test_block_refuses_the_prompt_and_keeps_its_member_out(
    house: House, client: FlipbookClient, log: Channel
) -> None:
    job, _ = await hold(house)
    await press(house, house.sandbox.max, await posted(house, client, log), "block", job)
    assert (await house.jobs.get(job.id)).state is JobState.FAILED
    assert "blocked you" in (await (await house.video(house.sandbox.ben)).wait_answer()).text
    acts = await house.audit.acts(int(house.sandbox.guild.id), limit=2)
    assert [past.act.kind.value for past in acts] == ["block_add", "review_refuse"]


async def test_a_moderator_blocks_no_moderator_and_not_themselves(
    house: House, client: FlipbookClient, log: Channel
) -> None:
    job, _ = await hold(house, house.sandbox.max)
    told = await posted(house, client, log)
    for who in (house.sandbox.max, house.sandbox.olga):
        await press(house, who, told, "block", job)
        assert (await house.jobs.get(job.id)).is_held
    blocks = await house.guild_store.blocks(int(house.sandbox.guild.id), now=house.clock.now())
    assert blocks == []


async def test_of_two_moderators_at_once_one_decides_and_the_other_is_told(
    house: House, client: FlipbookClient, log: Channel
) -> None:
    job, _ = await hold(house)
    told = await posted(house, client, log)
    sandbox = house.sandbox
    presses = await asyncio.gather(
        sandbox.press(sandbox.max, told, f"review:approve:{job.id}"),
        sandbox.press(sandbox.olga, told, f"review:refuse:{job.id}"),
    )
    await sandbox.wait_for(lambda: all(one.acked_at is not None for one in presses))
    await settled()
    acts = await house.audit.acts(int(sandbox.guild.id), limit=9, target=f"job:{job.id}")
    assert len(acts) == 1
    state = (await house.jobs.get(job.id)).state
    assert (state is JobState.QUEUED) == (acts[0].act.kind.value == "review_approve")
    assert not told.buttons


async def test_a_button_is_for_moderators_only(
    house: House, client: FlipbookClient, log: Channel
) -> None:
    job, _ = await hold(house)
    told = await posted(house, client, log)
    for what in ("approve", "refuse", "block"):
        await press(house, house.sandbox.ben, told, what, job)
    assert (await house.jobs.get(job.id)).is_held


async def test_what_nobody_looked_at_ends_by_itself_after_a_day(
    house: House, client: FlipbookClient
) -> None:
    job, card = await hold(house)
    house.advance(86_401)
    async with house.running(client):
        await house.sandbox.wait_for(lambda: "within a day" in card.text)
    assert (await house.jobs.get(job.id)).state is JobState.FAILED
    assert await house.quotas.audit() == []


async def test_the_list_goes_on_with_the_next_prompt(house: House, client: FlipbookClient) -> None:
    del client
    first, _ = await hold(house)
    second, _ = await house.queued(house.sandbox.ana, prompt="another tank")
    page = await use(house, house.sandbox.max, "mod review")
    await press(house, house.sandbox.max, page, "refuse", first)
    assert first.id not in page.text
    assert second.id in page.text
