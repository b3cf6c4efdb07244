"""Quotas as members and moderators meet them: the real bot, each command once, in the sandbox."""

import asyncio

import pytest

from bot.sandbox import Member, Message, Sandbox
from tests.e2e.conftest import VIDEO_S, BotProcess, ended, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ASK = '/video prompt:"a red circle" steps:2 frames:8'
AT_ONCE = 8


async def said(sandbox: Sandbox, member: Member, line: str) -> str:
    """Return what only its asker reads."""
    interaction = await sandbox.slash(member, sandbox.channel, line)
    answer = await interaction.wait_answer()
    assert answer.is_ephemeral, answer.text
    assert not answer.pings
    return answer.text


async def answered(sandbox: Sandbox, line: str) -> Message:
    interaction = await sandbox.slash(sandbox.ana, sandbox.channel, line)
    return await interaction.wait_answer()


async def test_with_one_video_left_many_asks_at_the_same_moment_start_exactly_one(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    async with running(bot):
        await said(sandbox, sandbox.max, '/mod quota set limit:"videos per day" amount:1')
        answers = await asyncio.gather(*(answered(sandbox, ASK) for _ in range(AT_ONCE)))
        refused = [answer.text for answer in answers if answer.is_ephemeral]
        assert len(bot.states()) == 1
        assert len(refused) == AT_ONCE - 1
        assert all("of your 1 video a day none" in text for text in refused), refused
        await sandbox.wait_for(ended(bot, 1), VIDEO_S)
        assert "cannot make a video now" in await said(sandbox, sandbox.ana, "/quota show")
    assert bot.states() == ["done"]
    assert await bot.books() == (1, 0)


async def test_moderators_set_explain_and_take_back_and_members_see_it(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    async def mod(line: str) -> str:
        return await said(sandbox, sandbox.max, f"/mod quota {line}")

    async def own(command: str) -> str:
        return await said(sandbox, sandbox.ana, f"/quota {command}")

    async with running(bot):
        assert "No limits here." in await own("show")
        limit = 'limit:"videos per day"'
        assert "is now 1 video." in await mod(f"set {limit} amount:1 reason:trial")
        await answered(sandbox, ASK)
        await sandbox.wait_for(ended(bot, 1), VIDEO_S)
        assert "none of 1 video left" in await own("show")
        assert "1 video, 1 s used" in await own("history")
        assert "the 1 video a day is used up" in await mod("explain member:@ana")
        assert "2 videos extra" in await mod("grant member:@ana what:videos amount:2 expires:7d")
        assert "**You can make 2 more videos today (2 of them extra).**" in await own("show")
        assert "Given back" in await mod(f"reset member:@ana {limit}")
        assert "a moderator gave back 1 video" in await own("history")
        assert "**everyone here**\nvideos per day: 1 video" in await mod("list")
        taken = await mod('clear member:@ana limit:"extras that were granted"')
        assert taken.endswith(": 2 videos.")
        assert "Removed for everyone here: videos per day: 1 video." in await mod("clear")
    async with running(bot):
        assert "No limits here." in await own("show")
        assert "a moderator gave 2 videos extra" in await own("history")
