"""What a crash may cost: time. Never a job, a second post, or a penny."""

import pytest

from bot.sandbox import Fault, Sandbox
from tests.e2e.conftest import (
    LONG,
    MESSAGES,
    VIDEO_S,
    BotProcess,
    cards,
    running,
    shows,
    videos,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def finish(bot: BotProcess, number: int) -> None:
    """Wait for all results, let the cards follow, and stop the bot."""
    sandbox = bot.sandbox
    await sandbox.wait_for(lambda: len(videos(sandbox.channel)) >= number, VIDEO_S)
    await sandbox.wait_for(
        lambda: sum("Done" in card.text for card in cards(sandbox.channel)) >= number, VIDEO_S
    )
    assert await bot.stop() == 0, bot.log
    assert len(videos(sandbox.channel)) == number
    assert bot.states() == ["done"] * number
    assert await bot.books() == (number, 0)


async def test_kill_9_while_a_job_waits_and_one_renders_loses_neither(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    await bot.start()
    await sandbox.slash(sandbox.ana, sandbox.channel, f'/video prompt:"first" {LONG}')
    await sandbox.wait_for(shows(sandbox.channel, "Rendering"), VIDEO_S)
    second = await sandbox.slash(sandbox.ben, sandbox.channel, '/video prompt:"second"')
    await second.wait_answer()
    await bot.kill()
    assert bot.states() == ["running", "queued"]
    await bot.until_no_worker()
    await bot.start()
    await finish(bot, 2)


async def test_kill_9_between_the_upload_and_its_answer_posts_nothing_twice(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    await bot.start()
    held = sandbox.faults.add("POST", MESSAGES, Fault.hold())
    await sandbox.slash(sandbox.ana, sandbox.channel, '/video prompt:"once" steps:2')
    await sandbox.wait_for(lambda: videos(sandbox.channel), VIDEO_S)
    await bot.kill()
    held.release()
    assert bot.states() == ["delivering"]
    await bot.start()
    await finish(bot, 1)


async def test_kill_9_before_the_upload_posts_it_after_the_restart(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    await bot.start()
    away = sandbox.faults.add("POST", MESSAGES, Fault.instead(503, times=100))
    await sandbox.slash(sandbox.ana, sandbox.channel, '/video prompt:"later" steps:2')
    await sandbox.wait_for(lambda: away.hits, VIDEO_S)
    await bot.kill()
    assert bot.states() == ["delivering"]
    sandbox.faults.clear()
    await bot.start()
    await finish(bot, 1)


async def test_kill_9_of_the_worker_costs_one_more_render(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    await bot.start()
    await sandbox.slash(sandbox.ana, sandbox.channel, f'/video prompt:"again" {LONG}')
    await sandbox.wait_for(shows(sandbox.channel, "Rendering"), VIDEO_S)
    bot.kill_worker()
    await finish(bot, 1)


async def test_a_stop_in_the_middle_puts_the_job_back_and_it_is_made_after_the_start(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    async with running(bot):
        await sandbox.slash(sandbox.ana, sandbox.channel, f'/video prompt:"patience" {LONG}')
        await sandbox.wait_for(shows(sandbox.channel, "Rendering"), VIDEO_S)
    assert bot.states() == ["queued"]
    assert await bot.books() == (0, 1)
    await bot.until_no_worker()
    await bot.start()
    await finish(bot, 1)
