"""The names of levers: read from a setting, told to the workers, and kept beside the compiler."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import child_environment
from jobs.errors import SettingsError, UnavailableError
from providers.local import levers
from providers.local.compiled import LIMIT, cache_environment, shrink
from providers.local.devices import check_fp8
from tests.local.videos import ENVIRONMENT, Opener, impostor, render, small

# Of a machine with a compiler: none is started here. Other tests compile in this process, and then
# torch writes where its cache is into the environment.
ABLE = {
    name: value
    for name, value in child_environment({**ENVIRONMENT, "CC": "sh"}).items()
    if name not in cache_environment(Path())
}


def test_names_are_read_once_each_and_in_their_order() -> None:
    assert levers.parse(" fused, vae,fused ") == ("fused", "vae")
    assert levers.parse("auto") == ("auto",)
    assert levers.parse("off") == ("off",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("warp", "there is no warp; use `auto`"),
        ("fused,auto", "there is no auto"),
        (",", "use `auto`, `off`"),
        ("fp8,fused", "fp8 and fused do not go together"),
        ("flash,cudnn", "cudnn and flash do not go together"),
        ("deep_reuse,split_guidance", "do not go together"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        levers.parse(text)


def test_auto_is_what_was_proved_for_the_device_and_nothing_lossy() -> None:
    for device in ("cpu", "cuda:1"):
        proved = levers.resolved(("auto",), device)
        levers.check_together(proved)
        assert set(proved) <= set(levers.EXACT)
    assert levers.resolved(("off",), "cpu") == ()
    assert levers.resolved((), "cpu") == ()
    assert levers.resolved(("fused", "fp8"), "cuda:0") == ("fused", "fp8")


async def test_a_worker_is_told_its_levers_and_where_compiled_code_is_kept(
    open_provider: Opener, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    python = impostor(tmp_path, f'echo "$@" "[$TORCHINDUCTOR_CACHE_DIR]" > {seen}')
    speed, folder = ("compile", "fused"), tmp_path / "compiled"
    async with open_provider(python=python, speed=speed, compiled_dir=folder, env=ABLE) as provider:
        with pytest.raises(UnavailableError):
            await provider.try_out()
    assert f"--speed=compile --speed=fused --device cpu [{folder}]" in seen.read_text()


@pytest.mark.slow
async def test_a_video_of_a_real_worker_names_its_levers(open_provider: Opener) -> None:
    async with open_provider(speed=("channels_last", "guidance_reuse")) as provider:
        made = await render(provider, small())
    assert made.effective["levers"] == ["channels_last", "guidance_reuse"]


async def test_compiling_without_a_compiler_stops_the_start(
    open_provider: Opener, tmp_path: Path
) -> None:
    env = {**ABLE, "PATH": str(tmp_path), "CXX": ""}  # what CC names is not there, either
    async with open_provider(speed=("channels_last",), env=env):
        pass
    with pytest.raises(SettingsError, match=r"install g\+\+"):
        async with open_provider(speed=("channels_last", "vae"), env=env):
            pass


async def test_a_cache_of_the_operators_own_is_left_to_them(
    open_provider: Opener, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    python = impostor(tmp_path, f'echo "$TORCHINDUCTOR_CACHE_DIR" > {seen}')
    env = {**ABLE, "TORCHINDUCTOR_CACHE_DIR": "/fast/disk"}
    speed = ("compile",)
    async with open_provider(
        python=python, speed=speed, compiled_dir=tmp_path / "compiled", env=env
    ) as provider:
        with pytest.raises(UnavailableError):
            await provider.try_out()
    assert seen.read_text() == "/fast/disk\n"


def entry(folder: Path, *, age: int, size: int) -> Path:
    """Write a folder of the cache as one that was made so many seconds after the epoch."""
    (folder / "inner").mkdir(parents=True)
    for path in (folder / "code", folder / "inner" / "more"):
        path.write_bytes(b"x" * (size // 2))
        os.utime(path, (age, age))
    return folder


def test_the_oldest_of_what_was_compiled_goes_when_there_is_too_much(tmp_path: Path) -> None:
    old = entry(tmp_path / "triton" / "a", age=1, size=8000)
    middle = entry(tmp_path / "fxgraph" / "ab" / "b", age=2, size=8000)
    new = entry(tmp_path / "fxgraph" / "ab" / "c", age=3, size=8000)
    shrink(tmp_path, limit=30_000)
    assert old.exists()
    shrink(tmp_path, limit=20_000)
    assert [path.exists() for path in (old, middle, new)] == [False, True, True]
    shrink(tmp_path, limit=0)
    assert not middle.exists()
    assert not new.exists()


def test_a_cache_that_is_not_there_needs_no_room(tmp_path: Path) -> None:
    shrink(tmp_path / "none")
    assert not (tmp_path / "none").exists()


async def test_the_cache_is_cleaned_at_the_start(open_provider: Opener, tmp_path: Path) -> None:
    old = entry(tmp_path / "ab", age=1, size=8)
    with (tmp_path / "ab" / "large").open("wb") as file:
        file.truncate(LIMIT)  # sparse: it takes no room
    async with open_provider(speed=("compile",), compiled_dir=tmp_path, env=ABLE):
        assert not old.exists()


async def test_8_bits_are_refused_where_a_gpu_has_none(tmp_path: Path) -> None:
    python = impostor(tmp_path, "echo 4", "echo 9.0", "echo 8.0", "echo 8.9", "echo 10.0")
    await check_fp8(("cpu", "cuda:0", "cuda:2", "cuda:3"), python=python, env={})
    with pytest.raises(SettingsError, match=r"GPU 1 has compute capability 8\.0"):
        await check_fp8(("cuda:0", "cuda:1"), python=python, env={})


CODE = """
import torch
from torch._dynamo.utils import counters
linear = torch.compile(torch.nn.Linear(4, 4), fullgraph=True, dynamic=False)
with torch.inference_mode():
    linear(torch.ones(2, 4))
print(counters["inductor"]["fxgraph_cache_hit"], counters["inductor"]["fxgraph_cache_miss"])
"""


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor needs a C++ compiler on a CPU")
def test_a_second_process_compiles_nothing_and_an_empty_cache_only_costs_time(
    tmp_path: Path,
) -> None:
    def run() -> list[str]:
        env = child_environment({**ENVIRONMENT, **cache_environment(tmp_path / "compiled")})
        told = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", CODE], check=True, capture_output=True, text=True, env=env
        )
        return told.stdout.split()

    assert run() == ["0", "1"]
    assert run() == ["1", "0"]
    shrink(tmp_path / "compiled", limit=0)
    assert run() == ["0", "1"]
