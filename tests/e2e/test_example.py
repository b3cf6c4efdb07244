"""The example of docs/sandbox.md, as it stands there: a new end-to-end test in ten lines."""

import pytest

from bot.sandbox import Sandbox
from tests.e2e.conftest import VIDEO_S, BotProcess, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


async def test_only_the_one_who_asked_is_pinged(sandbox: Sandbox, bot: BotProcess) -> None:
    ana, ben = sandbox.member("ana"), sandbox.member("ben")
    async with running(bot):
        asked = await ana.slash("video", prompt="a red circle", frames=8, steps=2)
        video = await ben.sees(lambda message: message.attachments, timeout_s=VIDEO_S)
        await ana.sees("Done")
    assert video.reference is asked.answer
    assert (ana.pings, ben.pings) == ([video], [])
