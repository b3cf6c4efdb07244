"""What happens at the start: which devices are used, and the embedded model is built once."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import child_environment
from jobs.errors import SettingsError
from providers.local.devices import find_devices
from tests.local.videos import ENVIRONMENT, Opener, build_model, impostor


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


async def test_the_embedded_model_is_built_where_it_is_missing_and_only_there(
    open_provider: Opener, tmp_path: Path
) -> None:
    python = impostor(tmp_path, 'echo "$4" >> "$(dirname "$0")/calls"', 'mkdir -p "$5"')
    for _ in range(2):
        async with open_provider(models_dir=tmp_path / "models", python=python):
            pass
    assert (tmp_path / "calls").read_text() == "providers.local.placeholder\n"


async def test_an_engine_whose_model_cannot_be_built_opens_without_it(
    open_provider: Opener, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    python = impostor(tmp_path, "echo 'no room' >&2", "exit 1")
    async with open_provider(models_dir=tmp_path / "models", python=python) as provider:
        assert provider.models() == []
    assert "no room" in caplog.text


async def test_the_scratch_folder_is_empty_after_the_start(
    open_provider: Opener, tmp_path: Path
) -> None:
    (tmp_path / "old.mp4").touch()
    async with open_provider(scratch_dir=tmp_path):
        assert not await asyncio.to_thread((tmp_path / "old.mp4").exists)


@pytest.mark.slow
def test_the_placeholder_is_the_same_bytes_each_time_and_stays_once_built(
    models: Path, tmp_path: Path
) -> None:
    build_model(tmp_path / "shapes")
    names = {path.relative_to(models) for path in (models / "shapes").rglob("*")}
    assert names == {path.relative_to(tmp_path) for path in tmp_path.rglob("*")} - {Path("shapes")}
    for name in names:
        if (models / name).is_file():
            assert (models / name).read_bytes() == (tmp_path / name).read_bytes()
    assert sum(path.stat().st_size for path in tmp_path.rglob("*")) < 20e6


def test_a_worker_whose_stdin_is_closed_ends_before_it_has_loaded_torch(tmp_path: Path) -> None:
    arguments = ["--device", "cpu", "--models", str(tmp_path), "--scratch", str(tmp_path)]
    ended = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "providers.local.worker", *arguments],
        stdin=subprocess.DEVNULL,
        check=True,
        capture_output=True,
        timeout=20,
        env=child_environment(ENVIRONMENT),
    )
    assert ended.stdout == b""
