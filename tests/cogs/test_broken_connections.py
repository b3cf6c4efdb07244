"""Connections break around an answer: the deed is done once, and the member hears of it."""

import pytest

from bot.sandbox import Fault
from jobs.states import JobState
from tests.cogs.conftest import CALLBACK, WEBHOOK_MESSAGE, House, settled

ORIGINAL = WEBHOOK_MESSAGE.replace("{message_id}", "@original")
BROKEN = [
    (CALLBACK, "POST", Fault.drop_before()),
    (CALLBACK, "POST", Fault.drop_after()),
    (CALLBACK, "POST", Fault.after(502)),
    (CALLBACK, "POST", Fault.drop_after(times=2)),
    (ORIGINAL, "PATCH", Fault.drop_before()),
    (ORIGINAL, "PATCH", Fault.drop_after()),
]

pytestmark = pytest.mark.usefixtures("client")


@pytest.mark.parametrize(("route", "method", "fault"), BROKEN)
async def test_a_cancel_is_carried_out_and_told(
    house: House, route: str, method: str, fault: Fault
) -> None:
    job, card = await house.queued(house.sandbox.ben)
    struck = house.sandbox.faults.add(method, route, fault)
    pressed = await house.sandbox.press(house.sandbox.ben, card, f"vid:cancel:{job.id}")
    told = await pressed.wait_answer()
    assert struck.hits == fault.times
    assert (await house.jobs.get(job.id)).state is JobState.CANCELLED
    assert told.text == f"Job {job.id} is cancelled. It cost nothing."
    assert told.is_ephemeral


@pytest.mark.parametrize(("route", "method", "fault"), BROKEN)
async def test_the_queue_is_shown(house: House, route: str, method: str, fault: Fault) -> None:
    job, _ = await house.queued(house.sandbox.ben)
    house.sandbox.faults.add(method, route, fault)
    asked = await house.sandbox.member("ben").slash("queue")
    assert job.id in asked.answer.text


@pytest.mark.parametrize("fault", [fault for route, _, fault in BROKEN if route == CALLBACK])
async def test_a_refusal_is_told_once(house: House, fault: Fault) -> None:
    struck = house.sandbox.faults.add("POST", CALLBACK, fault)
    pressed = await house.sandbox.slash(
        house.sandbox.ben, house.sandbox.channel, "/job cancel id:nothing1"
    )
    told = await pressed.wait_answer()
    await settled()
    assert struck.hits == fault.times
    assert "no such job" in told.text
    assert pressed.followups == []


@pytest.mark.parametrize("fault", [fault for route, _, fault in BROKEN if route == CALLBACK])
async def test_what_is_refused_at_once_is_told_once(house: House, fault: Fault) -> None:
    house.sandbox.channel.deny("attach_files")
    house.sandbox.faults.add("POST", CALLBACK, fault)
    asked = await house.video(house.sandbox.ben)
    told = await asked.wait_answer()
    await settled()
    assert told.is_ephemeral
    assert "Attach Files" in told.text
    assert asked.followups == []
    assert await house.all_jobs() == []


@pytest.mark.parametrize("fault", [Fault.drop_after(times=2), Fault.drop_before()])
async def test_a_video_is_queued_once(house: House, fault: Fault) -> None:
    house.sandbox.faults.add("POST", CALLBACK, fault)
    asked = await house.video(house.sandbox.ben)
    job = await house.job_of(asked)
    assert await house.all_jobs() == [job]
    assert asked.message is not None
    assert str(job.address.card_id) == asked.message.id


async def test_nothing_is_done_if_no_acknowledgement_arrives(house: House) -> None:
    job, card = await house.queued(house.sandbox.ben)
    lost = house.sandbox.faults.add("POST", CALLBACK, Fault.drop_before(times=9))
    pressed = await house.sandbox.press(house.sandbox.ben, card, f"vid:cancel:{job.id}")
    await house.sandbox.wait_for(lambda: lost.hits == 2)
    await settled()
    assert (await house.jobs.get(job.id)).state is JobState.QUEUED
    assert pressed.answer is None


async def test_a_cancel_delivered_twice_says_one_thing(house: House) -> None:
    job, card = await house.queued(house.sandbox.ben)
    pressed = await house.sandbox.press(house.sandbox.ben, card, f"vid:cancel:{job.id}")
    told = await pressed.wait_answer()
    await settled()
    await house.sandbox.redeliver(pressed)
    # The ask, the press, and the press again.
    await house.sandbox.wait_for(lambda: len(house.sandbox.requests.of("POST", CALLBACK)) == 3)
    await settled()
    assert told.text == f"Job {job.id} is cancelled. It cost nothing."
