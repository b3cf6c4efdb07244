"""An appeal against a refused prompt from end to end: the real bot, killed in between."""

import pytest

from bot.sandbox import Channel, Sandbox
from tests.e2e.conftest import VIDEO_S, BotProcess, case_card, running, shows, videos

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PROMPT = {"prompt": "a red circle", "steps": 2, "frames": 8}
RULE = {"kind": "word", "text": "circle", "action": "refuse", "reason": "we like squares"}


async def test_a_refused_prompt_is_appealed_and_made_and_stays_refused_to_others(
    sandbox: Sandbox, bot: BotProcess, log: Channel
) -> None:
    ana, ben, moderator = (sandbox.member(name) for name in ("ana", "ben", "max"))
    async with running(bot):
        await sandbox.member("olga").slash("settings log", channel=log)
        await moderator.slash("mod policy add", **RULE)
        refused = (await ben.slash("video", **PROMPT)).answer
        assert refused.is_ephemeral
        assert "we like squares" in refused.text
        await sandbox.wait_for(shows(log, "added to the policy"))
        await bot.kill()

        await bot.start()
        form = await ben.press(refused, "Appeal")
        brought = await form.fill({"reason": "it is a ball"})
        assert "case #1" in brought.answer.text
        await sandbox.wait_for(shows(log, "appeals a refused prompt"))
        await moderator.at(log).press(case_card(log, 1), "Accept")
        await sandbox.wait_for(lambda: brought.interaction.followups)
        assert "it passes here until" in brought.interaction.followups[0].text
        await bot.kill()

        await bot.start()
        await ben.slash("video", **PROMPT)
        await sandbox.wait_for(lambda: videos(sandbox.channel), VIDEO_S)
        theirs = (await ana.slash("video", **PROMPT)).answer
        assert theirs.is_ephemeral
        assert "we like squares" in theirs.text
        await sandbox.wait_for(lambda: bot.states() == ["done"], VIDEO_S)
        assert "accepted case #1" in (await moderator.slash("mod audit")).answer.text
    assert await bot.books() == (1, 0)


async def test_who_wished_for_it_is_written_to_when_the_interaction_can_no_longer_be_answered(
    sandbox: Sandbox, bot: BotProcess, log: Channel
) -> None:
    ben, moderator = sandbox.member("ben"), sandbox.member("max")
    ben.member.user.takes_direct = True
    async with running(bot):
        await sandbox.member("olga").slash("settings log", channel=log)
        await moderator.slash("mod policy add", **RULE)
        refused = (await ben.slash("video", **PROMPT)).answer
        brought = await (await ben.press(refused, "Appeal")).fill({"reason": "it is a ball"})
        await ben.press(brought.answer, "Tell me by direct message")
        await sandbox.wait_for(lambda: "You get a direct message" in brought.answer.text)
        await sandbox.wait_for(shows(log, "appeals a refused prompt"))
        sandbox.clock.advance(15 * 60)  # Discord's; the token that Flipbook has is dead
        await moderator.at(log).press(case_card(log, 1), "Deny")
        mail = sandbox.world.open_direct(ben.member.user)
        await sandbox.wait_for(shows(mail, "the prompt stays refused"))
    assert not brought.interaction.followups
    assert bot.states() == []
