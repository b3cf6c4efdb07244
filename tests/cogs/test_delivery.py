"""A finished video is posted once, where it can be, and the runner learns what came of it."""

from pathlib import Path

import pytest

from bot.client import FlipbookClient
from bot.sandbox import Fault
from jobs.model import Delivered, Gone, Later, TooLarge
from jobs.states import JobState
from tests.cogs.conftest import MESSAGES, House
from tests.cogs.results import rendered, results
from tests.fakes.media import VIDEO


async def test_a_result_is_a_reply_that_pings_only_the_requester(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, card = await rendered(house)
    outcome = await client.delivery.deliver(job, file)
    (message,) = results(house, job)
    assert outcome == Delivered(message_id=int(message.id))
    assert message.reference is card
    assert message.pings == {house.sandbox.ben.id}
    assert message.nonce == f"v1.{job.id}.r"
    (shown,) = message.shown_attachments
    assert (shown.filename, shown.content) == (job.file_name, VIDEO)
    assert shown.description == "a red circle"
    ids = [f"vid:again:{job.id}", f"case:report:{job.id}"]
    assert [button.custom_id for button in message.buttons] == ids


async def test_delivering_again_posts_nothing_again(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    first = await client.delivery.deliver(job, file)
    assert await client.delivery.deliver(job, file) == first  # by the nonce
    house.advance(600)
    assert await client.delivery.deliver(job, file) == first  # by the history
    assert len(results(house, job)) == 1


async def test_a_resumed_job_finds_its_result_after_a_long_outage(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    first = await client.delivery.deliver(job, file)
    for number in range(120):
        house.sandbox.world.say(house.sandbox.ana, house.sandbox.channel, f"chatter {number}")
    house.advance(3600)
    assert await client.delivery.deliver(job.evolve(attempt=2), file) == first
    assert len(results(house, job)) == 1
    assert len(house.sandbox.requests.of("POST", MESSAGES)) == 1


async def test_a_result_is_found_behind_hundreds_of_messages(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    for number in range(250):
        house.sandbox.world.say(house.sandbox.ana, house.sandbox.channel, f"chatter {number}")
    first = await client.delivery.deliver(job, file)
    house.advance(3600)
    assert await client.delivery.deliver(job.evolve(attempt=2), file) == first
    assert len(results(house, job)) == 1


async def test_a_result_that_cannot_be_looked_for_is_not_posted_twice(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    first = await client.delivery.deliver(job, file)
    house.sandbox.channel.deny("read_message_history")
    resumed = job.evolve(attempt=2)
    assert await client.delivery.deliver(resumed, file) == first  # by the nonce
    house.advance(600)
    outcome = await client.delivery.deliver(resumed, file)
    assert isinstance(outcome, Gone)
    assert outcome.is_ours
    assert "may have been posted already" in outcome.reason
    assert len(results(house, job)) == 1


@pytest.mark.parametrize("has_card", [True, False])
async def test_a_late_result_is_posted_where_nothing_was_said_since(
    house: House, client: FlipbookClient, file: Path, *, has_card: bool
) -> None:
    job, card = await rendered(house, attempt=2)
    if not has_card:
        house.sandbox.world.delete_message(card)
    house.advance(600)
    assert isinstance(await client.delivery.deliver(job, file), Delivered)


async def test_a_resumed_job_looks_before_it_posts(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    first = await client.delivery.deliver(job, file)
    assert await client.delivery.deliver(job.evolve(attempt=2), file) == first
    assert len(house.sandbox.requests.of("POST", MESSAGES)) == 1


async def test_another_bots_or_members_file_is_not_taken_for_ours(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house, attempt=2)
    other = house.sandbox.world.say(house.sandbox.ana, house.sandbox.channel, "look")
    ours = await client.delivery.deliver(job.evolve(attempt=1), file)
    (message,) = results(house, job)
    house.sandbox.world.set_attachments(other, message.attachments)
    assert await client.delivery.deliver(job, file) == ours


async def test_an_answer_lost_after_the_post_posts_once(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    fault = house.sandbox.faults.add("POST", MESSAGES, Fault.after(502))
    assert isinstance(await client.delivery.deliver(job, file), Delivered)
    assert fault.hits == 1
    assert len(results(house, job)) == 1


@pytest.mark.parametrize("fault", [Fault.drop_before(), Fault.drop_after()])
async def test_a_connection_cut_around_the_post_posts_once_in_the_end(
    house: House, client: FlipbookClient, file: Path, fault: Fault
) -> None:
    job, _ = await rendered(house)
    cut = house.sandbox.faults.add("POST", MESSAGES, fault)
    outcome = await client.delivery.deliver(job, file)
    assert cut.hits == 1
    house.sandbox.faults.clear()
    if isinstance(outcome, Later):
        house.advance((outcome.at - house.clock.now()).total_seconds())
        outcome = await client.delivery.deliver(job, file)
    assert isinstance(outcome, Delivered)
    assert [int(message.id) for message in results(house, job)] == [outcome.message_id]


async def test_a_file_over_the_known_limit_is_not_even_uploaded(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    job = job.evolve(address=job.address.evolve(upload_limit=1000))
    assert await client.delivery.deliver(job, file) == TooLarge(limit=1000)
    assert not house.sandbox.requests.of("POST", MESSAGES)


async def test_a_refused_size_leads_to_what_is_always_taken(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    job = job.evolve(address=job.address.evolve(upload_limit=50 * 2**20))
    file.write_bytes(VIDEO + bytes(12 * 2**20))
    assert await client.delivery.deliver(job, file) == TooLarge(limit=10 * 2**20)
    file.write_bytes(VIDEO)
    house.sandbox.faults.add("POST", MESSAGES, Fault.instead(413, code=40005))
    assert await client.delivery.deliver(job, file) == TooLarge(limit=len(VIDEO) // 2)


@pytest.mark.parametrize("denied", ["send_messages", "attach_files", "view_channel"])
async def test_where_posting_is_forbidden_the_card_carries_the_file(
    house: House, client: FlipbookClient, file: Path, denied: str
) -> None:
    job, card = await rendered(house)
    house.sandbox.channel.deny(denied)
    assert await client.delivery.deliver(job, file) == Delivered(message_id=int(card.id))
    (shown,) = card.shown_attachments
    assert shown.filename == job.file_name
    assert "your video is ready" in card.text
    done = job.evolve(state=JobState.DONE, message_id=int(card.id))
    await client.delivery.show(done)  # must not take the video off the card again
    assert [a.filename for a in card.shown_attachments] == [job.file_name]
    assert "your video is ready" in card.text


async def test_where_nothing_is_possible_the_result_is_gone(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    house.sandbox.channel.deny("view_channel")
    house.advance(16 * 60)
    reason = "Flipbook cannot see the channel any more."
    assert await client.delivery.deliver(job, file) == Gone(reason=reason)


async def test_a_deleted_channel_ends_the_delivery(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    house.sandbox.world.delete_channel(house.sandbox.channel)
    outcome = await client.delivery.deliver(job, file)
    assert outcome == Gone(reason="The channel does not exist any more.")
    await client.delivery.show(job.evolve(state=JobState.UNDELIVERED))


async def test_a_deleted_card_is_no_cancel(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, card = await rendered(house)
    house.sandbox.world.delete_message(card)
    assert isinstance(await client.delivery.deliver(job, file), Delivered)
    (message,) = results(house, job)
    assert message.reference is None
    await client.delivery.show(job.evolve(state=JobState.DONE, message_id=int(message.id)))


async def test_without_the_history_the_result_is_posted_without_a_reply(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    house.sandbox.channel.deny("read_message_history")
    assert isinstance(await client.delivery.deliver(job, file), Delivered)
    (message,) = results(house, job)
    assert message.reference is None


async def test_a_result_that_somebody_deleted_is_not_posted_again(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    await client.delivery.deliver(job, file)
    (message,) = results(house, job)
    house.sandbox.world.delete_message(message)
    outcome = await client.delivery.deliver(job, file)
    assert isinstance(outcome, Gone)
    assert "deleted" in outcome.reason
    assert results(house, job) == []


async def test_an_archived_thread_is_opened_and_a_locked_one_is_not(
    house: House, client: FlipbookClient, file: Path
) -> None:
    thread = house.sandbox.world.add_thread(house.sandbox.channel, "a thread")
    interaction = await house.video(house.sandbox.ben, thread)
    job = await house.job_of(interaction)
    job = job.evolve(state=JobState.DELIVERING, attempt=1, rendered_at=house.clock.now())
    house.sandbox.world.archive_thread(thread)
    await client.delivery.show(job)  # an edit cannot open it, and that is no error
    assert isinstance(await client.delivery.deliver(job, file), Delivered)
    assert not thread.archived
    again = await house.job_of(await house.video(house.sandbox.ben, thread))
    again = again.evolve(state=JobState.DELIVERING, attempt=1, rendered_at=house.clock.now())
    house.sandbox.world.archive_thread(thread, locked=True)
    assert await client.delivery.deliver(again, file) == Gone(reason="The thread is locked.")


# The card
