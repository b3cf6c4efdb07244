"""Privacy as a member meets it: the real bot, a real video, its export, its end, and the logs."""

import io
import json
import sqlite3
import zipfile

import pytest

from bot.sandbox import Sandbox
from tests.e2e.conftest import LONG, VIDEO_S, BotProcess, ended, running, shows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PROMPT = "a red circle near zanzibar"
TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def rows_naming(bot: BotProcess, number: str) -> list[str]:
    """Return the tables with a row in which a number occurs; the bot may run."""
    connection = sqlite3.connect(bot.database)
    try:
        tables = [row[0] for row in connection.execute(TABLES)]
        return [
            table
            for table in tables
            for row in connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - a name of ours
            if any(number in str(value) for value in row)
        ]
    finally:
        connection.close()


async def test_a_member_takes_their_data_along_and_has_it_deleted(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    ben = sandbox.ben
    async with running(bot):
        await sandbox.slash(ben, sandbox.channel, f'/video prompt:"{PROMPT}" steps:2 frames:8')
        await sandbox.wait_for(ended(bot, 1), VIDEO_S)
        assert bot.states() == ["done"], bot.log
        sent = await sandbox.slash(ben, sandbox.channel, "/privacy export")
        (file,) = (await sent.wait_answer(60)).shown_attachments
        with zipfile.ZipFile(io.BytesIO(file.content)) as found:
            (record,) = [
                name for name in found.namelist() if name.endswith(".json") and "/" in name
            ]
            assert json.loads(found.read(record))["asked"]["segments"][0]["prompt"] == PROMPT
            assert found.read(record.replace(".json", ".mp4"))[4:8] == b"ftyp"

        await sandbox.slash(ben, sandbox.channel, f'/video prompt:"{PROMPT}" {LONG}')
        await sandbox.wait_for(shows(sandbox.channel, "Rendering"), VIDEO_S)
        sent = await sandbox.slash(ben, sandbox.channel, "/privacy delete everywhere:True")
        asked = await sent.wait_answer(60)
        assert "### Delete what Flipbook stores about you" in asked.text
        pressed = await sandbox.press(ben, asked, f"privacy:delete:{ben.id}:0")
        assert (await pressed.wait_answer(60)).text.startswith("Deleted")
        await sandbox.wait_for(shows(sandbox.channel, "Cancelled"), VIDEO_S)
    async with running(bot):  # whatever the last one had not done yet
        sent = await sandbox.slash(ben, sandbox.channel, "/privacy delete everywhere:True")
        await sent.wait_answer(60)
    assert rows_naming(bot, ben.id) == []
    assert await bot.books() == (0, 0)  # nothing is on a member's account any more
    assert [one for one in bot.data_dir.glob("videos/*") if one.is_file()] == []
    assert "zanzibar" not in bot.log
