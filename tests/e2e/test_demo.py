"""`make demo PROVIDER=…`: the whole way with a stand-in for the service, which ends with it."""

import asyncio
import os
import secrets
import signal
import sys
from pathlib import Path

import pytest

from bot.settings import child_environment
from storage.folder import DataFolder
from tests.e2e.conftest import processes_naming

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]


async def start_demo(
    provider: str, data_dir: Path, key: Path, *, shell: str = "/bin/sh", **settings: str
) -> asyncio.subprocess.Process:
    """Start it in this environment, as the head of a group of its own."""
    installed = f"{sys.prefix}/.installed"
    return await asyncio.create_subprocess_exec(
        *("env", "--default-signal=INT"),  # what runs in the background may have to ignore it
        *("make", "demo", f"PROVIDER={provider}", f"FAKE_KEY={key}", f"SHELL={shell}"),
        *(f"VENV={sys.prefix}", "--assume-old", installed),
        "--no-print-directory",  # below `make test` it would name its folder
        cwd=ROOT,
        env=child_environment({"FLIPBOOK_DATA_DIR": str(data_dir), **settings}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )


async def make_demo(
    provider: str, data_dir: Path, *, shell: str = "/bin/sh", **settings: str
) -> tuple[int, str, Path]:
    """Run it; return its exit code, what it said, and the fake's key."""
    key = Path(f"key-{secrets.token_hex(8)}")
    process = await start_demo(provider, data_dir, key, shell=shell, **settings)
    async with asyncio.timeout(200):
        out, _ = await process.communicate()
    return process.returncode or 0, out.decode(), key


@pytest.mark.parametrize(("provider", "shell"), [("novita", "/bin/sh"), ("modelslab", "/bin/bash")])
async def test_the_demo_runs_the_whole_way_with_a_hosted_provider(
    provider: str, shell: str, data_dir: Path
) -> None:
    code, out, key = await make_demo(provider, data_dir, shell=shell)
    assert code == 0, out
    assert "@ana, your video is ready." in out
    (video,) = (data_dir / "demo" / provider).glob("flipbook-*.mp4")
    assert out.endswith(f"{video}\n"), "the stand-in ends without a word"
    assert not processes_naming(key)


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
async def test_ctrl_c_ends_the_demo_and_its_stand_in(shell: str, data_dir: Path) -> None:
    key = Path(f"key-{secrets.token_hex(8)}")
    process = await start_demo("novita", data_dir, key, shell=shell)
    assert process.stdout is not None
    async with asyncio.timeout(200):
        assert b"/video" in await process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        out, _ = await process.communicate()
    assert process.returncode != 0
    assert b"flipbook: stopped" in out
    assert b"Traceback" not in out
    assert b"Terminated" not in out
    assert not processes_naming(key)
    with DataFolder(root=data_dir / "demo" / "novita").hold():
        pass  # the bot is gone, too, or its folder would be in use


async def test_the_stand_in_ends_with_a_demo_that_fails(data_dir: Path) -> None:
    code, out, key = await make_demo("novita", data_dir, NOVITA_SUBMITS_PER_MINUTE="0")
    assert code != 0
    assert "NOVITA_SUBMITS_PER_MINUTE" in out
    assert not processes_naming(key)


async def test_a_provider_that_there_is_not_is_refused(data_dir: Path) -> None:
    code, out, _ = await make_demo("sora", data_dir)
    assert code != 0
    assert "PROVIDER is modelslab or novita" in out
