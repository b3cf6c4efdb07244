"""A server's policy from end to end: refused, held, approved after a kill, and made."""

import pytest

from bot.sandbox import Channel, Message, Sandbox
from tests.e2e.conftest import VIDEO_S, BotProcess, cards, running, shows, videos

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SHORT = {"steps": 2, "frames": 8}


def card_of(log: Channel) -> Message:
    """Return the card of the held prompt, with its buttons."""
    return next(message for message in log.messages.values() if message.buttons)


async def test_prompts_are_refused_or_held_and_one_that_is_approved_after_a_kill_is_made(
    sandbox: Sandbox, bot: BotProcess, log: Channel
) -> None:
    ben, moderator = sandbox.member("ben"), sandbox.member("max")
    async with running(bot):
        await sandbox.member("olga").slash("settings log", channel=log)
        refused = await ben.slash("video", prompt="some hentai", **SHORT)
        assert refused.answer.is_ephemeral
        assert "sexual content" in refused.answer.text
        rule = {"kind": "word", "text": "circle", "action": "hold"}
        assert "Rule 1 added" in (await moderator.slash("mod policy add", **rule)).answer.text
        asked = await ben.slash("video", prompt="a red C\u200bircle", **SHORT)
        assert "### Waiting for a moderator" in asked.answer.text
        await sandbox.wait_for(shows(log, "waits for you"))
        assert bot.states() == ["queued"]
        await bot.kill()

        await bot.start()
        await ben.slash("video", prompt="a blue square", **SHORT)
        await sandbox.wait_for(lambda: videos(sandbox.channel), VIDEO_S)
        await sandbox.wait_for(lambda: sorted(bot.states()) == ["done", "queued"], VIDEO_S)
        card = card_of(log)
        await moderator.at(log).press(card, "Approve")
        await sandbox.wait_for(lambda: "**Approved** by" in card.text)
        await sandbox.wait_for(lambda: len(videos(sandbox.channel)) == 2, VIDEO_S)
        await sandbox.wait_for(lambda: "### Done" in cards(sandbox.channel)[0].text, VIDEO_S)
        assert "approved the prompt of" in (await moderator.slash("mod audit")).answer.text
    assert bot.states() == ["done", "done"]
    assert await bot.books() == (2, 0)
