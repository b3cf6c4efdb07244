"""`make demo PROVIDER=…`: the whole way with a stand-in for the service, which ends with it."""

import asyncio
import secrets
import sys
from pathlib import Path

import pytest

from bot.settings import child_environment
from tests.e2e.conftest import processes_naming

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]


async def make_demo(provider: str, data_dir: Path, **settings: str) -> tuple[int, str, Path]:
    """Run it in this environment; return its exit code, what it said, and the fake's key."""
    key = Path(f"key-{secrets.token_hex(8)}")
    installed = f"{sys.prefix}/.installed"
    process = await asyncio.create_subprocess_exec(
        *("make", "demo", f"PROVIDER={provider}", f"FAKE_KEY={key}"),
        *(f"VENV={sys.prefix}", "--assume-old", installed),
        cwd=ROOT,
        env=child_environment({"FLIPBOOK_DATA_DIR": str(data_dir), **settings}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(200):
        out, _ = await process.communicate()
    return process.returncode or 0, out.decode(), key


@pytest.mark.parametrize("provider", ["novita", "modelslab"])
async def test_the_demo_runs_the_whole_way_with_a_hosted_provider(
    provider: str, data_dir: Path
) -> None:
    code, out, key = await make_demo(provider, data_dir)
    assert code == 0, out
    assert "@ana, your video is ready." in out
    (video,) = (data_dir / "demo" / provider).glob("flipbook-*.mp4")
    assert str(video) in out
    assert not processes_naming(key)


async def test_the_stand_in_ends_with_a_demo_that_fails(data_dir: Path) -> None:
    code, out, key = await make_demo("novita", data_dir, NOVITA_SUBMITS_PER_MINUTE="0")
    assert code != 0
    assert "NOVITA_SUBMITS_PER_MINUTE" in out
    assert not processes_naming(key)


async def test_a_provider_that_there_is_not_is_refused(data_dir: Path) -> None:
    code, out, _ = await make_demo("sora", data_dir)
    assert code != 0
    assert "PROVIDER is modelslab or novita" in out
