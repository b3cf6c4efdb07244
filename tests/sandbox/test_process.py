"""A whole bot process, unmodified, that is led to the sandbox by an operator's settings only."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.sandbox import Sandbox

SCRIPT = Path(__file__).with_name("lounge_bot.py")


WITHOUT_ZSTD = """
import runpy, sys
sys.modules["zstandard"] = None
import discord.utils
assert discord.utils._ActiveDecompressionContext.COMPRESSION_TYPE == "zlib-stream"
runpy.run_path(sys.argv[1], run_name="__main__")
"""
"""An operator's installation need not have what the tests have; then discord.py takes zlib."""


@asynccontextmanager
async def bot_process(
    sandbox: Sandbox, *arguments: str
) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, str(SCRIPT), env=sandbox.environment()
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_bot_process_defers_and_uploads_through_the_proxy(sandbox: Sandbox) -> None:
    async with bot_process(sandbox) as process:
        await sandbox.wait_ready()
        line = '/video prompt:"a red circle" seed:7'
        interaction = await sandbox.slash(sandbox.ben, sandbox.channel, line)
        answer = await interaction.wait_answer()
        assert answer.text == "Here it is."
        assert [file.filename for file in answer.attachments] == ["red-circle.mp4"]
        assert answer.attachments[0].content == b"not really a video"
        assert sandbox.refused_hosts == []
        process.terminate()
        assert await process.wait() == 0
        await sandbox.wait_gone()


async def test_a_bot_process_without_zstd_hears_through_zlib(sandbox: Sandbox) -> None:
    async with bot_process(sandbox, "-c", WITHOUT_ZSTD) as process:
        await sandbox.wait_ready()
        interaction = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:x")
        assert (await interaction.wait_answer()).text == "Here it is."
        process.terminate()
        assert await process.wait() == 0


async def test_a_killed_bot_is_followed_by_another_in_the_same_world(sandbox: Sandbox) -> None:
    async with bot_process(sandbox) as first:
        await sandbox.wait_ready()
        known = {command["id"] for command in sandbox.world.commands_in(sandbox.guild)}
        first.kill()
        await first.wait()
        await sandbox.wait_gone()
    lost = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:lost")
    async with bot_process(sandbox):
        await sandbox.wait_ready()
        interaction = await sandbox.slash(sandbox.ben, sandbox.channel, "/video prompt:kept")
        await interaction.wait_answer()
    assert lost.acked_at is None
    assert {command["id"] for command in sandbox.world.commands_in(sandbox.guild)} == known
