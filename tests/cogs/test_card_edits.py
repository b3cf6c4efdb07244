"""The card of a job is edited through its states, in order, whatever becomes of it."""

import asyncio

import pytest

from bot.client import FlipbookClient
from bot.sandbox import Fault
from jobs.errors import RefusedError
from jobs.model import Progress
from jobs.states import JobState
from tests.cogs.conftest import MESSAGE, WEBHOOK_MESSAGE, House, settled
from tests.cogs.results import results


async def test_a_card_is_edited_for_ever(house: House, client: FlipbookClient) -> None:
    job, card = await house.queued(house.sandbox.ben)
    house.advance(16 * 60)
    running = job.evolve(state=JobState.RUNNING, attempt=1)
    await client.delivery.show(running, progress=Progress(done=1, total=2))
    assert "50 %" in card.text
    assert len(house.sandbox.requests.of("PATCH", MESSAGE)) == 1
    assert len(house.sandbox.requests.of("PATCH", WEBHOOK_MESSAGE)) == 1  # the first card


async def test_older_news_never_replaces_newer_news(house: House, client: FlipbookClient) -> None:
    job, card = await house.queued(house.sandbox.ben)
    await client.delivery.show(job.evolve(state=JobState.DONE, attempt=1, message_id=1))
    await client.delivery.show(job)  # what was said before the runner was faster
    assert "### Done" in card.text
    again, other = await house.queued(house.sandbox.ben)
    await client.delivery.show(again.evolve(state=JobState.RUNNING, attempt=1))
    await client.delivery.show(again.evolve(attempt=1))  # put back into the queue is newer
    assert "### In the queue" in other.text


async def test_edits_of_one_card_do_not_overtake_each_other(
    house: House, client: FlipbookClient
) -> None:
    job, card = await house.queued(house.sandbox.ben)
    house.advance(16 * 60)
    running = job.evolve(state=JobState.RUNNING, attempt=1)
    await client.delivery.show(running)  # teaches discord.py the limits of the route
    edits = house.sandbox.requests.of("PATCH", MESSAGE)
    held = house.sandbox.faults.add("PATCH", MESSAGE, Fault.hold())
    first = asyncio.create_task(client.delivery.show(running, progress=Progress(done=1, total=4)))
    await house.sandbox.wait_for(lambda: held.hits)
    second = asyncio.create_task(client.delivery.show(running, progress=Progress(done=3, total=4)))
    await client.fetch_channel(job.address.channel_id)  # time enough for the second to be sent
    assert len(house.sandbox.requests.of("PATCH", MESSAGE)) == len(edits) + 1
    held.release()
    await asyncio.gather(first, second)
    assert "75 %" in card.text


async def test_a_lost_card_is_tried_no_more_until_the_end(
    house: House, client: FlipbookClient
) -> None:
    job, card = await house.queued(house.sandbox.ben)
    house.sandbox.world.delete_message(card)
    running = job.evolve(state=JobState.RUNNING, attempt=1)
    for done in range(5):
        await client.delivery.show(running, progress=Progress(done=done, total=5))
    assert len(house.sandbox.requests.of("PATCH", MESSAGE)) == 1
    await client.delivery.show(job.evolve(state=JobState.FAILED, attempt=1))
    assert len(house.sandbox.requests.of("PATCH", MESSAGE)) == 2


async def test_a_job_without_a_card_shows_nothing(house: House, client: FlipbookClient) -> None:
    job, _ = await house.queued(house.sandbox.ben)
    before = len(house.sandbox.requests)
    await client.delivery.show(job.evolve(address=job.address.evolve(card_id=None)))
    assert len(house.sandbox.requests) == before


async def test_a_whole_video_from_the_command_to_the_ping(
    house: House, client: FlipbookClient
) -> None:
    async with house.running(client):
        job, card = await house.queued(house.sandbox.ben)
        await house.sandbox.wait_for(lambda: "### Done" in card.text)
    (message,) = results(house, job)
    job = await house.jobs.get(job.id)
    assert (job.state, job.message_id) == (JobState.DONE, int(message.id))
    assert message.pings == {house.sandbox.ben.id}
    assert message.id in (card.buttons[0].url or "")


async def test_a_job_that_fails_at_once_is_not_shown_as_waiting(
    house: House, client: FlipbookClient
) -> None:
    async with house.running(client):
        for _ in range(5):
            house.provider.submit_errors.append(RefusedError("The provider said no."))
            job, card = await house.queued(house.sandbox.ben)
            await house.sandbox.wait_for(lambda card=card: "### No video" in card.text)
            await settled()
            assert "### No video" in card.text
            assert (await house.jobs.get(job.id)).state is JobState.FAILED


async def test_a_token_that_gives_no_answer_is_not_waited_for(
    house: House, client: FlipbookClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogs.card_edits.EDIT_S", 0.0)  # no patience, so nothing is waited for
    job, card = await house.queued(house.sandbox.ben)
    await client.delivery.show(job.evolve(state=JobState.RUNNING), progress=Progress(stage="slow"))
    assert "slow" in card.text
    assert house.sandbox.requests.of("PATCH", MESSAGE), "it was edited with the bot's own token"
