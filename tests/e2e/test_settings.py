"""Settings as managers meet them: the real bot, each command once, in the sandbox."""

import pytest

from bot.sandbox import Member, Sandbox
from tests.e2e.conftest import VIDEO_S, BotProcess, ended, run_to_the_end, running, shows

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ASK = '/video prompt:"a red circle" steps:2 frames:8'
NEWS_S = 30


async def said(
    sandbox: Sandbox, line: str, member: Member | None = None, channel: str = "videos"
) -> str:
    """Return what only its asker reads."""
    place = sandbox.guild.channel(channel)
    interaction = await sandbox.slash(member or sandbox.olga, place, line)
    answer = await interaction.wait_answer()
    assert answer.is_ephemeral, answer.text
    assert not answer.pings
    return answer.text


async def test_what_managers_set_holds_and_is_told_in_the_log_channel(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    async def settings(line: str) -> str:
        return await said(sandbox, f"/settings {line}")

    log = sandbox.guild.channel("moderators")
    async with running(bot):
        assert "**in every channel**" in await settings("show")
        assert "Moderators are told in" in await settings("log channel:#moderators")
        assert "`/video` works in" in await settings("channels add channel:#general")
        assert "Moderators" in await settings("moderators add_role:Moderators")
        assert "this is preferred" in await settings("defaults provider:local model:shapes")
        told = await settings('budget limit:"videos per day" amount:1')
        assert told == "**videos per day** for the whole server is now 1 video."
        for words in ("log channel", "channels", "roles", "default model", "videos per day"):
            await sandbox.wait_for(shows(log, words), NEWS_S)
        assert "works in" in await said(sandbox, ASK, sandbox.ana)
    before = len(log.messages)
    async with running(bot):
        assert "works in" in await said(sandbox, ASK, sandbox.ana)
        await sandbox.slash(sandbox.ana, sandbox.guild.channel("general"), ASK)
        await sandbox.wait_for(ended(bot, 1), VIDEO_S)
        await said(sandbox, ASK, sandbox.ben, "general")  # the server's budget is used
        assert ", none left" in await settings("show")
        await sandbox.wait_for(lambda: len(log.messages) > before, NEWS_S)  # of the budget
        await settings('budget limit:"videos per day" amount:unlimited')
        await settings("channels add channel:#videos")
        await settings("channels remove channel:#general")
        assert "**in every channel**" in await settings("channels clear")
        assert "**no log channel**" in await settings("log")
        assert "**left to Flipbook**" in await settings("defaults")
    assert bot.states() == ["done"]
    texts = [message.text for message in log.messages.values()]
    assert len(texts) == len(set(texts)), "each piece of news stands there once"


async def test_a_role_that_is_deleted_takes_its_limits_along(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    log, role = sandbox.guild.channel("moderators"), sandbox.world.add_role(sandbox.guild, "vip")
    async with running(bot):
        await said(sandbox, "/settings log channel:#moderators")
        await said(sandbox, '/mod quota set limit:"videos per day" amount:5 role:vip')
        await said(sandbox, "/settings moderators add_role:vip")
        sandbox.world.delete_role(sandbox.guild, role)
        await sandbox.wait_for(shows(log, "the role was deleted in Discord"), NEWS_S)
        assert "No limits" in await said(sandbox, "/quota show", sandbox.ana)
        assert role.id not in await said(sandbox, "/settings show")


async def test_the_operators_file_limits_every_server(sandbox: Sandbox, bot: BotProcess) -> None:
    (bot.data_dir / "quotas.toml").write_text("[member]\nvideos_per_day = 'none'\n")
    async with running(bot):
        await said(sandbox, ASK, sandbox.ana)
        assert bot.states() == []
        assert "operator" in await said(sandbox, "/quota show", sandbox.ana)


async def test_a_bad_file_of_the_operator_stops_the_start(bot: BotProcess) -> None:
    (bot.data_dir / "quotas.toml").write_text("[member]\nvidoes_per_day = 3\n")
    code, words = await run_to_the_end(bot)
    assert code == 1, words
    assert "quotas.toml, line 2: member.vidoes_per_day" in words.splitlines()[-1]
