"""A report and an appeal from end to end: the real bot, killed and started again in between."""

import pytest

from bot.sandbox import Channel, Sandbox
from tests.e2e.conftest import VIDEO_S, BotProcess, cards, case_card, running, shows, videos

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SHORT = {"prompt": "a red circle", "steps": 2, "frames": 8}


async def test_a_reported_video_goes_after_a_kill_and_the_reporter_hears_of_it(
    sandbox: Sandbox, bot: BotProcess, log: Channel
) -> None:
    ana, moderator = sandbox.member("ana"), sandbox.member("max")
    async with running(bot):
        await sandbox.member("olga").slash("settings log", channel=log)
        await sandbox.member("ben").slash("video", **SHORT)
        await sandbox.wait_for(lambda: "### Done" in cards(sandbox.channel)[0].text, VIDEO_S)
        (video,) = videos(sandbox.channel)
        (file,) = (bot.data_dir / "videos").glob("*.mp4")
        opened = await ana.use_on(video, "Report video")
        await sandbox.wait_for(shows(log, "changed the settings"))
        await bot.kill()

        await bot.start()
        brought = await opened.fill({"reason": "it is awful"})
        assert "case #1" in brought.answer.text
        await sandbox.wait_for(shows(log, "Case #1"))
        await moderator.at(log).press(case_card(log, 1), "Accept")
        await sandbox.wait_for(lambda: video.is_deleted and not file.exists())
        await sandbox.wait_for(lambda: "### Removed" in cards(sandbox.channel)[0].text)
        await sandbox.wait_for(lambda: brought.interaction.followups)
        (told,) = brought.interaction.followups
        assert told.is_ephemeral
        assert "the video was removed" in told.text
        assert "the video was removed" in (await ana.slash("cases")).answer.text
        assert "accepted case #1" in (await moderator.slash("mod audit")).answer.text
    assert bot.states() == ["done"]
    assert await bot.books() == (1, 0), "a removed video counts as before"


async def test_a_blocked_member_appeals_and_a_button_from_before_a_restart_lets_them_in(
    sandbox: Sandbox, bot: BotProcess, log: Channel
) -> None:
    ben, moderator = sandbox.member("ben"), sandbox.member("max")
    async with running(bot):
        await sandbox.member("olga").slash("settings log", channel=log)
        await moderator.slash("mod block add", member=ben.member, reason="flood")
        form = await ben.slash("appeal")
        assert "case #1" in (await form.fill({"reason": "sorry"})).answer.text
        await sandbox.wait_for(shows(log, "Case #1"))

    async with running(bot):
        card = case_card(log, 1)
        await moderator.at(log).press(card, "Accept")
        await sandbox.wait_for(lambda: "**Accepted** by" in card.text)
        asked = await ben.slash("video", **SHORT)
        assert not asked.answer.is_ephemeral
        await sandbox.wait_for(lambda: videos(sandbox.channel), VIDEO_S)
