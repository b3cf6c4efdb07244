"""What happens at the start: which devices are used, and that nothing is written but scratch."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import child_environment
from jobs.errors import SettingsError
from providers.local.devices import find_devices
from providers.local.library.roots import EMBEDDED
from providers.local.library.weights import fingerprint
from tests.local.videos import ENVIRONMENT, Opener, impostor, render, small


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    """A machine's list of devices, with an NVIDIA GPU in it."""
    folder = tmp_path / "dev"
    folder.mkdir()
    (folder / "nvidia0").touch()
    return folder


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (("auto",), ("cuda:0", "cuda:1")),
        (("1",), ("cuda:1",)),
        (("0", "1", "0"), ("cuda:0", "cuda:1")),
        (("cpu",), ("cpu",)),
        (("cpu", "1"), ("cpu", "cuda:1")),
    ],
)
async def test_devices_are_those_that_torch_sees(
    dev: Path, tmp_path: Path, asked: tuple[str, ...], found: tuple[str, ...]
) -> None:
    python = impostor(tmp_path, "echo 2")
    assert await find_devices(asked, python=python, env={}, dev=dev) == found


async def test_a_gpu_that_is_not_there_stops_the_start(dev: Path, tmp_path: Path) -> None:
    python = impostor(tmp_path, "echo 2")
    with pytest.raises(SettingsError, match="LOCAL_DEVICES names GPU 2"):
        await find_devices(("2",), python=python, env={}, dev=dev)


async def test_without_a_gpu_torch_is_not_even_asked(tmp_path: Path) -> None:
    python = impostor(tmp_path, "echo 2")
    assert await find_devices(("auto",), python=python, env={}, dev=tmp_path) == ("cpu",)


async def test_a_torch_that_sees_no_gpu_means_the_cpu(dev: Path, tmp_path: Path) -> None:
    python = impostor(tmp_path, "exit 1")
    assert await find_devices(("auto",), python=python, env={}, dev=dev) == ("cpu",)


@pytest.mark.slow
async def test_an_engine_renders_without_any_models_folder_and_makes_none(
    open_provider: Opener, tmp_path: Path
) -> None:
    before = fingerprint(EMBEDDED / "shapes")
    async with open_provider(models_dir=tmp_path / "models") as provider:
        assert provider.models()[0].id == "shapes"
        assert len((await render(provider, small())).frames) == 8
    assert not await asyncio.to_thread((tmp_path / "models").exists)
    assert fingerprint(EMBEDDED / "shapes") == before


async def test_the_scratch_folder_is_empty_after_the_start(
    open_provider: Opener, tmp_path: Path
) -> None:
    (tmp_path / "old.mp4").touch()
    async with open_provider(scratch_dir=tmp_path):
        assert not await asyncio.to_thread((tmp_path / "old.mp4").exists)


def test_a_worker_whose_stdin_is_closed_ends_before_it_has_loaded_torch(tmp_path: Path) -> None:
    arguments = ["--device", "cpu", "--scratch", str(tmp_path)]
    ended = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "providers.local.engine.worker", *arguments],
        stdin=subprocess.DEVNULL,
        check=True,
        capture_output=True,
        timeout=20,
        env=child_environment(ENVIRONMENT),
    )
    assert ended.stdout == b""
