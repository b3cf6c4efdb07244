"""The submit that nobody answered, by a kill or a broken connection: it is never made again.

The job waits with what it reserved. If the service has it, the service's webhook says so and the
job goes on; otherwise a moderator decides, and pays once more only by deciding so.
"""

import pytest

from jobs.states import JobState
from tests.e2e.hosted.conftest import HostedBot, assert_delivered, assert_ended, assert_waits
from tests.e2e.hosted.services import ServiceProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

# How a submit is lost, and what was billed by then.
BILLS = {
    "after-claim": 0,  # killed before the request
    "arrived": 0,  # killed when the service had read it
    "billed": 1,  # killed before the answer
    "before-running": 1,  # killed before the answer was written down
    "dropped": 1,  # the service cut the connection instead of answering
}
ARRIVED = [how for how, bills in BILLS.items() if bills]
LOST = [how for how, bills in BILLS.items() if not bills]


async def lose_submit(how: str, bot: HostedBot, service: ServiceProcess) -> None:
    """Lose the answer of a submit, and let the bot run on or again; no webhook comes by itself."""
    await service.control(sends_webhooks=False)
    match how:
        case "arrived" | "billed":
            await service.script("submit", "hold" if how == "arrived" else "hold_after")
            await bot.start()
            await bot.ask()
            await service.until(held=1)
            await bot.kill()
            await service.control(drop_held=True)
        case "dropped":
            await service.script("submit", "drop_after")
            await bot.start()
            await bot.ask()
            return
        case _:
            await bot.start_to_die(how)
            await bot.ask()
            await bot.until_dead()
    assert bot.states() == [JobState.SUBMITTING]
    await bot.start()


@pytest.mark.parametrize("how", ARRIVED)
async def test_a_webhook_heals_what_had_arrived(
    bot: HostedBot, service: ServiceProcess, how: str
) -> None:
    bot.open_to_webhooks()
    await lose_submit(how, bot, service)
    await assert_waits(bot, service, bills=1)
    await service.call_back()
    await assert_delivered(bot, service)
    assert await service.count("submit") == 1


async def test_a_webhook_that_came_before_the_kill_heals_after_it(
    bot: HostedBot, service: ServiceProcess
) -> None:
    bot.open_to_webhooks()
    await service.script("submit", "hold_after")
    await bot.start()
    await bot.ask()
    await service.until(held=1)
    for _ in range(2):  # when the second is answered, the first was most likely looked at
        await service.call_back()
    await bot.kill()
    assert bot.states() == [JobState.SUBMITTING]
    await service.control(drop_held=True, sends_webhooks=False)
    await bot.start()
    await assert_delivered(bot, service)


async def test_a_dropped_answer_is_healed_by_the_webhook_that_comes_by_itself(
    bot: HostedBot, service: ServiceProcess
) -> None:
    bot.open_to_webhooks()
    await service.script("submit", "drop_after")
    await bot.start()
    await bot.ask()
    await assert_delivered(bot, service)
    assert await service.count("submit") == 1


async def test_webhooks_that_come_thrice_or_lie_do_no_harm(
    bot: HostedBot, service: ServiceProcess
) -> None:
    bot.open_to_webhooks()
    await lose_submit("dropped", bot, service)
    await assert_waits(bot, service, bills=1)
    await service.script("webhook", "forged")
    await service.call_back()
    await service.until(look=1)
    await service.script("webhook", "duplicate")
    await service.call_back()
    await assert_delivered(bot, service)
    assert "a webhook proved nothing" in bot.log
    assert bot.log.count("a webhook of") == 4


@pytest.mark.parametrize("how", LOST)
async def test_what_never_arrived_waits_and_a_moderator_releases_it(
    bot: HostedBot, service: ServiceProcess, how: str
) -> None:
    bot.open_to_webhooks()
    await lose_submit(how, bot, service)
    await assert_waits(bot, service, bills=0)
    await bot.decide("release")
    await assert_ended(bot, service, bills=0)


@pytest.mark.parametrize(("decision", "used"), [("release", 0), ("charge", 1)])
async def test_without_webhooks_a_moderator_ends_it(
    bot: HostedBot, service: ServiceProcess, decision: str, used: int
) -> None:
    await lose_submit("dropped", bot, service)
    await assert_waits(bot, service, bills=1)
    await bot.decide(decision)
    await assert_ended(bot, service, bills=1, used=used)


@pytest.mark.parametrize("how", ["after-claim", "dropped"])
async def test_without_webhooks_a_moderator_has_it_sent_once_more(
    bot: HostedBot, service: ServiceProcess, how: str
) -> None:
    await lose_submit(how, bot, service)
    await assert_waits(bot, service, bills=BILLS[how])
    await bot.decide("retry")
    await assert_delivered(bot, service, bills=BILLS[how] + 1)
