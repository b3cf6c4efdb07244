"""What Discord or the disk refuses at a delivery is waited out, or ends it at somebody's cost."""

from pathlib import Path

import pytest

from bot.client import FlipbookClient
from bot.sandbox import Fault
from jobs.model import Gone, Later, Outcome
from tests.cogs.conftest import MESSAGES, House
from tests.cogs.results import rendered


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
