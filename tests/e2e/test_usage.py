"""What was spent as moderators meet it: the real bot, a real video, a real picture and a file."""

import csv
import io
from io import BytesIO

import pytest
from PIL import Image

from bot.sandbox import Message, Sandbox
from tests.e2e.conftest import VIDEO_S, BotProcess, ended, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ASK = '/video prompt:"=a red circle" steps:2 frames:8'


async def test_a_video_is_in_the_picture_and_in_the_file_also_after_a_restart(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    async def mod(line: str) -> Message:
        sent = await sandbox.slash(sandbox.max, sandbox.channel, f"/mod {line}")
        answer = await sent.wait_answer(60)
        assert answer.is_ephemeral, answer.text
        assert not answer.pings
        return answer

    async with running(bot):
        assert "No video was made here" in (await mod('usage days:"7 days"')).text
        await sandbox.slash(sandbox.ben, sandbox.channel, ASK)
        await sandbox.wait_for(ended(bot, 1), VIDEO_S)
    assert bot.states() == ["done"]

    async with running(bot):
        answer = await mod('usage days:"30 days"')
        assert "**1 video · 1 s of video**" in answer.text
        assert f"<@{sandbox.ben.id}> 1" in answer.text
        (picture,) = answer.shown_attachments
        image = Image.open(BytesIO(picture.content))
        assert (image.format, image.width) == ("PNG", 1080)
        assert picture.description is not None
        assert picture.description.startswith("Charts by day from")

        answer = await mod("export days:7 prompts:true")
        (file,) = answer.shown_attachments
        text = file.content.decode("utf-8-sig")
        (row,) = csv.DictReader(io.StringIO(text, newline=""))
        assert row["member_id"] == sandbox.ben.id
        assert (row["state"], row["counted"], row["size"]) == ("done", "yes", "128x128")
        assert row["prompt"] == "'=a red circle"
        audit = (await mod("audit")).text
        assert "took along a list of the videos of the whole server" in audit
        assert "prompts: yes" in audit
