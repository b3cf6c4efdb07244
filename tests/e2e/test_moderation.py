"""A flood as moderators meet it: the real bot, each command once, in the sandbox."""

import pytest

from bot.sandbox import Sandbox
from tests.e2e.conftest import LONG, VIDEO_S, BotProcess, ended, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

FLOOD = f'/video prompt:"a red circle" {LONG}'
VIDEOS = 5


async def test_a_flood_is_seen_stopped_and_kept_out_and_all_of_it_is_in_the_audit(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    ben, channel = sandbox.ben, sandbox.channel

    async def mod(line: str) -> str:
        sent = await sandbox.slash(sandbox.max, channel, f"/mod {line}")
        answer = await sent.wait_answer()
        assert answer.is_ephemeral, answer.text
        assert not answer.pings
        return answer.text

    async def ask() -> str:
        return (await (await sandbox.slash(ben, channel, FLOOD)).wait_answer()).text

    async with running(bot):
        for _ in range(VIDEOS):
            await ask()
        await sandbox.wait_for(lambda: "running" in bot.states(), VIDEO_S)
        assert (await mod("jobs list member:@ben")).count(f"<@{ben.id}>") == VIDEOS + 1
        blocked = await mod("block add member:@ben reason:flood expires:2h")
        assert f"{VIDEOS - 1} videos of theirs still wait" in blocked
        cleared = await mod("jobs cancel member:@ben running:true reason:flood")
        assert f"{VIDEOS - 1} videos of <@{ben.id}> are cancelled at no cost." in cleared
        assert "1 video being made" in cleared
        await sandbox.wait_for(ended(bot, VIDEOS), VIDEO_S)
        assert "blocked you" in await ask()
    assert bot.states() == ["cancelled"] * VIDEOS
    assert await bot.books() == (1, 0), "only the one whose rendering had begun counts"

    async with running(bot):
        assert "blocked you" in await ask()
        assert "flood" in await mod("block list")
        assert "may make videos here again" in await mod("block remove member:@ben")
        audit = await mod("audit member:@ben")
        told = ("let in again", "cancelled videos of", "blocked")
        assert [audit.index(words) for words in told] == sorted(
            audit.index(words) for words in told
        )
        assert audit.count("flood") >= 2
