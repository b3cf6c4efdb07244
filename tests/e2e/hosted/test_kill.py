"""`kill -9` between "reserved" and "settled", at every point that has a name.

Whatever the point, at most one bill, balanced books, and one result; what is different around
the submit is in `test_lost_submits`.
"""

import pytest

from bot.sandbox import Fault
from jobs.states import JobState
from tests.e2e.conftest import MESSAGES, VIDEO_S, videos
from tests.e2e.hosted.conftest import HostedBot, assert_delivered
from tests.e2e.hosted.dying_bot import KEPT, MID_DOWNLOAD, TAGGED
from tests.e2e.hosted.services import ServiceProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

# Where the job stands when the bot is dead.
POINTS = {
    "after-enqueue": JobState.QUEUED,
    "before-claim": JobState.QUEUED,
    "after-running": JobState.RUNNING,
    "before-fetching": JobState.RUNNING,
    "after-fetching": JobState.FETCHING,
    MID_DOWNLOAD: JobState.FETCHING,
    TAGGED: JobState.FETCHING,
    KEPT: JobState.FETCHING,
    "before-ready": JobState.FETCHING,
    "after-ready": JobState.READY,
    "before-delivering": JobState.READY,
    "after-delivering": JobState.DELIVERING,
    "before-done": JobState.DELIVERING,
    "after-done": JobState.DONE,
}


async def test_a_kill_before_the_job_is_written_leaves_nothing_behind(
    bot: HostedBot, service: ServiceProcess
) -> None:
    await bot.start_to_die("before-enqueue")
    await bot.ask()
    await bot.until_dead()
    assert bot.states() == []
    assert await bot.books() == (0, 0)
    await bot.start()
    await bot.ask()
    await assert_delivered(bot, service)


@pytest.mark.parametrize("point", POINTS)
async def test_a_kill_costs_nothing_but_time(
    bot: HostedBot, service: ServiceProcess, point: str
) -> None:
    bot.open_to_webhooks()
    if point == MID_DOWNLOAD:
        await service.script("video", "drip")
    await bot.start_to_die(point)
    await bot.ask()
    await bot.until_dead()
    assert bot.states() == [POINTS[point]]
    await bot.start()
    await assert_delivered(bot, service)
    assert await service.count("submit") == 1


async def test_a_kill_between_the_upload_and_its_answer_posts_nothing_twice(
    bot: HostedBot, service: ServiceProcess
) -> None:
    sandbox = bot.sandbox
    await bot.start()
    held = sandbox.faults.add("POST", MESSAGES, Fault.hold())
    await bot.ask()
    await sandbox.wait_for(lambda: videos(sandbox.channel), VIDEO_S)
    await bot.kill()
    held.release()
    assert bot.states() == [JobState.DELIVERING]
    await bot.start()
    await assert_delivered(bot, service)


@pytest.mark.parametrize("is_killed", [True, False], ids=["kill", "stop"])
async def test_jobs_that_run_are_looked_at_again_after_a_restart_and_not_sent_again(
    bot: HostedBot, service: ServiceProcess, *, is_killed: bool
) -> None:
    sandbox = bot.sandbox
    await service.control(looks_until_done=1_000_000, sends_webhooks=False)
    await bot.start()
    for member in (sandbox.ana, sandbox.ben, sandbox.max):
        await sandbox.slash(member, sandbox.channel, '/video prompt:"patience"')
    await bot.until_card("### Rendering", times=3)
    await (bot.kill() if is_killed else bot.end())
    assert bot.states() == [JobState.RUNNING] * 3
    await service.control(looks_until_done=0)
    await bot.start()
    await bot.until_card("### Done", times=3)
    await bot.end()
    assert bot.states() == [JobState.DONE] * 3
    assert len(videos(sandbox.channel)) == 3
    assert await service.count("submit") == len(await service.bills()) == 3
    assert await bot.books() == (3, 0)
