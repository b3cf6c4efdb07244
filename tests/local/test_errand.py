"""Short processes that need torch: none of them outlives the bot, or whoever waits for it."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import child_environment
from providers.local.devices import find_devices
from providers.local.errand import run_errand
from tests.local.videos import ENVIRONMENT, gone, impostor

ENDLESS = """
import os, sys, time
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(1000)
"""
BOT = """
import asyncio, sys
from bot.settings import child_environment
from providers.local.errand import run_errand

env = child_environment({"PYTHONPATH": sys.argv[2]})
asyncio.run(run_errand("endless", sys.argv[1], python=sys.executable, env=env))
"""


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """Where a process says its id."""
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


async def test_an_errand_ends_with_the_bot_that_is_killed(tmp_path: Path, fifo: Path) -> None:
    (tmp_path / "endless.py").write_text(ENDLESS)
    path = os.pathsep.join([str(tmp_path), *(entry for entry in sys.path if entry), "."])
    bot = subprocess.Popen(  # noqa: S603, ASYNC220 - our own code
        [sys.executable, "-c", BOT, str(fifo), path],
        env=child_environment(ENVIRONMENT | {"PYTHONPATH": "."}),
    )
    with bot:
        handle = os.pidfd_open(int(await asyncio.to_thread(fifo.read_text)))
        bot.kill()
    await gone(handle)


async def test_an_errand_whose_bot_is_gone_already_does_nothing() -> None:
    command = [sys.executable, "-m", "providers.local.errand", "1", "this"]
    ended = await asyncio.to_thread(
        subprocess.run,
        command,
        capture_output=True,
        env=child_environment(ENVIRONMENT | {"PYTHONPATH": "."}),
    )
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert ended.stderr.strip() == b"The bot is gone."


async def test_an_errand_gives_back_what_its_module_said(tmp_path: Path) -> None:
    (tmp_path / "speaker.py").write_text("import sys\nprint(sys.argv[1:])\nsys.exit(4)")
    path = os.pathsep.join([str(tmp_path), *(entry for entry in sys.path if entry), "."])
    env = child_environment(ENVIRONMENT | {"PYTHONPATH": path})
    ended = await run_errand("speaker", "a", "b c", python=sys.executable, env=env)
    assert (ended.code, ended.output) == (4, b"['a', 'b c']\n")


async def test_a_start_that_is_cancelled_leaves_no_errand_behind(
    tmp_path: Path, fifo: Path
) -> None:
    (tmp_path / "nvidia0").touch()
    python = impostor(tmp_path, f"echo $$ > {fifo}", "exec sleep 1000")
    looking = find_devices(("auto",), python=python, env={}, dev=tmp_path)
    task = asyncio.create_task(looking)
    handle = os.pidfd_open(int(await asyncio.to_thread(fifo.read_text)))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(handle)
