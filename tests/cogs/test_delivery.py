"""A finished video is posted once, where it can be, and the runner learns what came of it."""

import asyncio
from pathlib import Path

import pytest

from bot.client import FlipbookClient
from bot.sandbox import Fault, Message
from jobs.errors import RefusedError
from jobs.model import Delivered, Gone, Job, Later, Outcome, Progress, TooLarge
from jobs.states import JobState
from tests.cogs.conftest import MESSAGE, MESSAGES, WEBHOOK_MESSAGE, House, settled
from tests.factories import make_receipt
from tests.fakes.media import VIDEO


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kept-under-another-name.mp4"
    path.write_bytes(VIDEO)
    return path


async def rendered(house: House, *, attempt: int = 1) -> tuple[Job, Message]:
    """Return a job whose video waits to be posted, and its card."""
    job, card = await house.queued(house.sandbox.ben)
    job = job.evolve(
        state=JobState.DELIVERING,
        attempt=attempt,
        rendered_at=house.clock.now(),
        receipt=make_receipt(job),
    )
    return job, card


def results(house: House, job: Job) -> list[Message]:
    messages = house.sandbox.channel.messages.values()
    return [m for m in messages if any(a.filename == job.file_name for a in m.attachments)]


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


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (200000, "This server's AutoMod blocked the message."),
        (240000, "Discord blocked a link in the message."),
        (20009, "Discord found the message too explicit for this channel."),
    ],
)
async def test_content_that_discord_blocks_is_gone_with_the_reason(
    house: House, client: FlipbookClient, file: Path, code: int, reason: str
) -> None:
    job, _ = await rendered(house)
    house.sandbox.faults.add("POST", MESSAGES, Fault.instead(400, code=code))
    assert await client.delivery.deliver(job, file) == Gone(reason=reason)


@pytest.mark.parametrize("fault", [Fault.instead(503), Fault.rate_limit(7200)])
async def test_trouble_of_discords_own_is_waited_out_longer_each_time(
    house: House, client: FlipbookClient, file: Path, fault: Fault
) -> None:
    job, _ = await rendered(house)
    house.sandbox.faults.add("POST", MESSAGES, fault)
    outcome = await client.delivery.deliver(job, file)
    assert isinstance(outcome, Later)
    shortest = fault.retry_after_s or 5
    assert (outcome.at - house.clock.now()).total_seconds() == shortest
    house.sandbox.faults.clear()
    if fault.retry_after_s is None:
        house.sandbox.faults.add("POST", MESSAGES, Fault.instead(503))
        house.advance(100)
        later: Outcome = await client.delivery.deliver(job, file)
        assert isinstance(later, Later)
        assert (later.at - house.clock.now()).total_seconds() == 50


async def test_trouble_that_lasts_a_day_ends_the_delivery_at_our_cost(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    house.sandbox.faults.add("POST", MESSAGES, Fault.instead(503))
    house.advance(86400 - 10)
    assert isinstance(await client.delivery.deliver(job, file), Later)
    house.sandbox.faults.add("POST", MESSAGES, Fault.instead(503))
    house.advance(20)
    reason = "Discord could not be reached for a day."
    assert await client.delivery.deliver(job, file) == Gone(reason=reason, is_ours=True)


@pytest.mark.usefixtures("expects_errors")
async def test_an_error_of_our_own_is_logged_with_its_place_and_tried_again(
    house: House,
    client: FlipbookClient,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    job, _ = await rendered(house)

    def broken(*_: object) -> str:
        raise ValueError("a bug")

    monkeypatch.setattr("cogs.delivery.alt_text", broken)
    assert isinstance(await client.delivery.deliver(job, file), Later)
    (record,) = [record for record in caplog.records if "delivery broke" in record.getMessage()]
    assert record.exc_info is not None


@pytest.mark.usefixtures("expects_errors")
async def test_a_file_that_cannot_be_read_is_our_fault(
    house: House, client: FlipbookClient, tmp_path: Path
) -> None:
    job, _ = await rendered(house)
    reason = "The video's file cannot be read on Flipbook's disk."
    assert await client.delivery.deliver(job, tmp_path) == Gone(reason=reason, is_ours=True)


@pytest.mark.usefixtures("expects_errors")
async def test_a_refusal_that_nobody_foresaw_is_our_fault(
    house: House, client: FlipbookClient, file: Path
) -> None:
    job, _ = await rendered(house)
    house.sandbox.faults.add("POST", MESSAGES, Fault.instead(400, code=99999))
    outcome = await client.delivery.deliver(job, file)
    assert isinstance(outcome, Gone)
    assert outcome.is_ours


@pytest.mark.usefixtures("expects_errors")
async def test_a_missing_file_is_our_fault(
    house: House, client: FlipbookClient, tmp_path: Path
) -> None:
    job, _ = await rendered(house)
    outcome = await client.delivery.deliver(job, tmp_path / "nowhere.mp4")
    assert isinstance(outcome, Gone)
    assert outcome.is_ours


# The card


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
