"""The command line, as an operator types it."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import av
import pytest

from bot.sandbox import Sandbox
from bot.settings import child_environment
from tests.e2e.conftest import (
    ONE_THREAD,
    BotProcess,
    add_broken_model,
    processes_naming,
    running,
)
from tests.local.videos import SHAPES
from tests.referee.referee import Referee

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CHECKER = "FLIPBOOK_SAFETY_CHECKER"
QUICK = ("--steps", "2", "--frames", "8")


async def command(
    *words: str, data_dir: Path, settings: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Run `python -m bot …`; return its exit code and what it printed."""
    environment = {
        "FLIPBOOK_DATA_DIR": str(data_dir),
        "FLIPBOOK_HTTP_PORT": "0",
        "LOCAL_DEVICES": "cpu",
        **ONE_THREAD,
        **(settings or {}),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *words,
        env=child_environment(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(120):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def pixels(path: Path) -> bytes:
    with av.open(str(path), "r") as container:
        return b"".join(
            frame.to_ndarray(format="rgb24").tobytes() for frame in container.decode(video=0)
        )


async def test_render_makes_one_video_without_discord(data_dir: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    temporary = {"TMPDIR": str(tmp_path)}  # the worker's command line names its scratch folder
    code, out, err = await command(
        *("render", "a red circle", "-o", str(first), "--seed", "7", "--json", *QUICK),
        data_dir=data_dir,
        settings=temporary,
    )
    assert code == 0, err
    receipt = json.loads(out)
    assert receipt["seed"] == 7
    assert receipt["provider"] == "local"
    assert receipt["effective"]["steps"] == 2

    code, out, err = await command(
        *("render", "a red circle", "-o", str(second), "--seed", "7", *QUICK),
        data_dir=data_dir,
        settings=temporary,
    )
    assert code == 0, err
    assert out.strip() == str(second)
    assert pixels(first) == pixels(second)
    assert list(data_dir.iterdir()) == [], "without --data-dir nothing is kept, nor any model made"
    assert processes_naming(tmp_path) == []


async def test_a_video_that_its_models_safety_checker_flags_is_written_nowhere(
    data_dir: Path, tmp_path: Path
) -> None:
    from tests.local.tiny import write_checker  # noqa: PLC0415 - it loads torch

    shutil.copytree(SHAPES, data_dir / "models" / "strict")
    write_checker(data_dir / "models" / "strict")
    video = tmp_path / "video.mp4"
    words = ("render", "a red circle", "-o", str(video), "--model", "strict", *QUICK)
    code, out, err = await command(*words, data_dir=data_dir)
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].endswith(
        "The model's safety checker flagged this video, so it is not shown; try other words."
    )
    assert not video.exists()
    code, _, err = await command(*words, data_dir=data_dir, settings={CHECKER: "off"})
    assert code == 0, err
    assert video.exists()


async def test_words_that_the_model_was_not_taught_are_named_before_the_render(
    data_dir: Path, tmp_path: Path
) -> None:
    words = ("render", "a red cat", "-o", str(tmp_path / "cat.mp4"), *QUICK)
    code, _, err = await command(*words, data_dir=data_dir)
    assert code == 0, err
    assert "does not know “cat”; a real model" in err.splitlines()[0]


async def test_render_with_a_data_folder_keeps_the_job_there(
    data_dir: Path, tmp_path: Path
) -> None:
    video = tmp_path / "kept.gif"
    code, _, err = await command(
        *("render", "a | 4: b", "-o", str(video), "--format", "gif", "--steps", "2"),
        *("--frames", "12", "--data-dir", str(data_dir)),
        data_dir=data_dir,
    )
    assert code == 0, err
    assert video.read_bytes().startswith(b"GIF8")
    assert len(list((data_dir / "videos").glob("*.gif"))) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--width", "500"), "`width` must be a multiple of 8"),
        (("--frames", "129"), "between 8 and 128"),
        (("--model", "nope"), "there is no 'nope' here"),
        (("--provider", "novita"), "novita is not set up here"),
        (("--image", "/nowhere/picture.png"), "cannot be read"),
    ],
)
async def test_render_refuses_bad_input_with_code_2(
    data_dir: Path, tmp_path: Path, options: tuple[str, str], words: str
) -> None:
    video = tmp_path / "never.mp4"
    code, _, err = await command("render", "x", "-o", str(video), *options, data_dir=data_dir)
    assert code == 2, err
    assert words in err.splitlines()[-1]
    assert not video.exists()


async def test_render_writes_over_no_device_and_no_folder(data_dir: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for target in (tmp_path / "pipe", tmp_path):
        code, _, err = await command("render", "x", "-o", str(target), *QUICK, data_dir=data_dir)
        assert code == 2, err
        assert "no plain file" in err
    assert (tmp_path / "pipe").is_fifo()


async def test_check_says_ready_by_its_exit_code(data_dir: Path) -> None:
    code, out, err = await command("check", data_dir=data_dir, settings={"DISCORD_TOKEN": "x.y.z"})
    assert code == 0, out + err
    assert "FAIL" not in out
    code, out, _ = await command("check", data_dir=data_dir, settings={"DISCORD_TOKEN": ""})
    assert code == 1
    assert "FAIL  settings: DISCORD_TOKEN is set: it is not" in out


async def test_check_finds_a_broken_model(data_dir: Path) -> None:
    name = add_broken_model(data_dir)
    code, out, _ = await command("check", data_dir=data_dir, settings={"DISCORD_TOKEN": "x.y.z"})
    assert code == 1
    assert f"FAIL  local: model {name}" in out
    assert "broken" in out
    assert "ok    local: models: shapes" in out


async def test_sync_and_check_work_while_the_bot_runs(sandbox: Sandbox, bot: BotProcess) -> None:
    async with running(bot):
        before = len(sandbox.requests.of("PUT", "/applications/{application_id}/commands"))
        code, out, err = await command(
            "sync", data_dir=bot.data_dir, settings=sandbox.environment()
        )
        assert code == 0, err
        assert "commands synced to every server" in out
        after = len(sandbox.requests.of("PUT", "/applications/{application_id}/commands"))
        assert after == before + 1
        code, out, err = await command(
            "check", data_dir=bot.data_dir, settings=sandbox.environment()
        )
        assert code == 0, out + err
        assert "in use by a running Flipbook" in out


async def test_commands_are_synced_once_and_not_at_every_start(
    sandbox: Sandbox, bot: BotProcess
) -> None:
    for _ in range(2):
        async with running(bot):
            pass
    assert len(sandbox.requests.of("PUT", "/applications/{application_id}/commands")) == 1


async def test_the_demo_prints_the_posted_message_and_its_file(
    data_dir: Path, referee: Referee
) -> None:
    code, out, err = await command("demo", data_dir=data_dir)
    assert code == 0, err
    assert "@ana, your video is ready." in out
    assert "seed `7`" in out
    video = Path(out.strip().splitlines()[-1])
    assert video.read_bytes()[4:8] == b"ftyp"
    assert processes_naming(data_dir) == []
    referee.read(video.parent / "traffic.jsonl")
    assert len(referee.waiting) > 5, "login, sync, callback, card, result"
