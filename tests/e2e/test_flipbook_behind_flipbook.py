"""One Flipbook as another's provider, and the same video through every door: real processes."""

import asyncio
import hashlib
import json
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import pytest
from typing_extensions import override

from bot.sandbox import Sandbox
from bot.settings import child_environment
from tests.e2e.conftest import ONE_THREAD, SOURCE, VIDEO_S, BotProcess, running, shows
from tests.e2e.hosted.conftest import free_port
from tests.e2e.test_serve import Caller, Server, calling, server
from tests.e2e.test_video import ask

__all__ = ["server"]  # the fixture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PROMPT = "a red circle moving left"
SAME = {"steps": "1", "seed": "7", "guidance-scale": "7.5", "width": "256", "height": "256"}
ENGINE = {"LOCAL_ENABLED": "on", "LOCAL_DEVICES": "cpu"}
FRAMES = 40  # the v4 document's; that door takes no other number


@dataclass
class Front(Server):
    """A Flipbook without an engine of its own, whose provider is another Flipbook."""

    environment: dict[str, str] = field(default_factory=dict[str, str])

    @override
    async def _spawn(self, *words: str, **options: Any) -> asyncio.subprocess.Process:
        environment = {
            "FLIPBOOK_DATA_DIR": str(self.data_dir),
            "FLIPBOOK_WEBHOOK_ALLOW": "127.0.0.1",
            "PYTHONPATH": str(SOURCE),
            **self.environment,
        }
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *words,
            env=child_environment(environment),
            cwd=self.data_dir,
            stdin=asyncio.subprocess.DEVNULL,
            **options,
        )


def provider_at(server: Server, name: str, key: str) -> dict[str, str]:
    """Return what makes a Flipbook the provider of that name."""
    return {
        "LOCAL_ENABLED": "off",
        "FLIPBOOK_DEFAULT_PROVIDER": name,
        f"{name.upper()}_BASE_URL": server.url,
        f"{name.upper()}_API_KEY": key,
        "NOVITA_SUBMITS_PER_MINUTE": "1000",  # Novita's own number is not ours
        "MODELSLAB_DIALECT": "v4",
    }


@pytest.fixture
async def front(tmp_path: Path) -> AsyncGenerator[Front]:
    folder = tmp_path / "front"
    folder.mkdir()
    front = Front(folder)
    try:
        yield front
    finally:
        if front.process is not None:
            await front.end(signal.SIGKILL)


async def render(
    output: Path, environment: Mapping[str, str], *words: str, **options: str
) -> dict[str, Any]:
    """Run `python -m bot render` and return the receipt that it prints."""
    given = [word for name, value in options.items() for word in (f"--{name}", value)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "render",
        *(*words, *given, "--json", "-o", str(output)),
        env=child_environment({"PYTHONPATH": str(SOURCE), **ONE_THREAD, **environment}),
        cwd=output.parent,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    receipt: dict[str, Any] = json.loads(printed)
    return receipt


def frames_of(path: Path) -> list[str]:
    """Return the digest of each picture of a video."""
    with av.open(path, "r") as film:
        pictures = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    return [hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures]


async def fetch(caller: Caller, url: str, path: Path) -> Path:
    async with caller.session.get(url) as answer:
        assert answer.status == 200
        path.write_bytes(await answer.read())
    return path


async def by_novita(caller: Caller, path: Path, **changes: Any) -> Path:
    """Order at the Novita door with the settings that are the same everywhere."""
    prompts = [{"prompt": PROMPT, "frames": FRAMES}]
    order = {name.replace("-", "_"): json.loads(value) for name, value in SAME.items()}
    extra = {"webhook": {"url": caller.webhook}}
    body = {**order, "model_name": "shapes", "prompts": prompts, "extra": extra, **changes}
    status, answer = await caller.send(caller.key, body)
    assert status == 200, answer
    told = (await caller.until_told())["payload"]
    assert told["task"]["status"] == "TASK_STATUS_SUCCEED"
    assert told["extra"]["seed"] == "7"
    return await fetch(caller, told["videos"][0]["video_url"], path)


async def by_v4(caller: Caller, path: Path) -> Path:
    """Order the same at the v4 door, in that protocol's words and types."""
    body = {
        "key": caller.key,
        "model_id": "shapes",
        "prompt": PROMPT,
        "negative_prompt": None,
        "width": SAME["width"],
        "height": SAME["height"],
        "num_inference_steps": SAME["steps"],
        "guidance_scale": 7.5,
        "enhance_prompt": "no",
        "seed": 7,
        "webhook": caller.webhook,
        "track_id": "one",
    }
    url = f"{caller.server.url}/api/v4/dreambooth/text2video"
    async with caller.session.post(url, json=body) as answer:
        taken = await answer.json(content_type=None)
    assert taken["status"] == "processing", taken
    assert taken["meta"]["seed"] == 7
    told = await caller.until_told()
    assert (told["status"], told["track_id"]) == ("success", "one")
    return await fetch(caller, told["output"][0], path)


async def test_the_same_seed_gives_the_same_frames_through_every_door(
    server: Server, tmp_path: Path
) -> None:
    await server.start()
    own = tmp_path / "own.mp4"
    await render(own, ENGINE, PROMPT, model="shapes", frames=str(FRAMES), **SAME)
    async with calling(server) as caller:
        novita = await by_novita(caller, tmp_path / "novita.mp4")
        v4 = await by_v4(caller, tmp_path / "v4.mp4")
    frames = frames_of(own)
    assert len(frames) == FRAMES
    assert len(set(frames)) > FRAMES // 2  # it moves
    assert frames_of(novita) == frames
    assert frames_of(v4) == frames


async def test_a_slash_command_gives_the_frames_of_the_other_doors(
    sandbox: Sandbox, bot: BotProcess, tmp_path: Path
) -> None:
    own, posted = tmp_path / "own.mp4", tmp_path / "posted.mp4"
    await render(own, ENGINE, PROMPT, model="shapes", frames=str(FRAMES), **SAME)
    options = {name.replace("-", "_"): value for name, value in SAME.items()}
    settings = " ".join(f"{name}:{value}" for name, value in options.items())
    async with running(bot):
        line = f'/video prompt:"{PROMPT}" model:shapes frames:{FRAMES} {settings}'
        message = await ask(sandbox, line)
        await sandbox.wait_for(shows(sandbox.channel, "Done"), VIDEO_S)
    posted.write_bytes(message.attachments[0].content)
    frames = frames_of(posted)
    assert len(frames) == FRAMES
    assert frames == frames_of(own)


@pytest.mark.parametrize(
    ("name", "prompt", "options"),
    [
        ("novita", f"8: {PROMPT} | 8: a blue square", ("--closed-loop",)),
        ("modelslab", PROMPT, ("--frames", str(FRAMES))),
    ],
)
async def test_a_video_of_another_flipbook_is_the_same_as_ones_own(
    server: Server, tmp_path: Path, name: str, prompt: str, options: tuple[str, ...]
) -> None:
    await server.start()
    behind = provider_at(server, name, await server.keys("create", "front"))
    there, here = tmp_path / "there.mp4", tmp_path / "here.mp4"
    settings = {"model": "shapes", "negative-prompt": "green", **SAME}
    receipt = await render(there, behind, prompt, *options, provider=name, **settings)
    await render(here, ENGINE, prompt, *options, **settings)
    assert (receipt["provider"], receipt["seed"]) == (name, 7)
    assert [state for _, state in server.jobs()] == ["done"]
    frames = frames_of(there)
    assert len(frames) == (16 if name == "novita" else FRAMES)
    assert frames == frames_of(here)


async def test_webhooks_go_through_two_flipbooks(
    server: Server, front: Front, tmp_path: Path
) -> None:
    await server.start()
    port = str(free_port())
    front.environment = {
        **provider_at(server, "novita", await server.keys("create", "front")),
        "FLIPBOOK_HTTP_PORT": port,
        "FLIPBOOK_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    await front.start()
    async with calling(front) as caller:
        parts = [{"prompt": PROMPT, "frames": 8}, {"prompt": "a blue square", "frames": 12}]
        video = await by_novita(caller, tmp_path / "far.mp4", prompts=parts, closed_loop=True)
    assert len(frames_of(video)) == 20
    assert b"a webhook of novita came" in front.said
    assert await front.end(signal.SIGTERM) == 0, front.said.decode()
    assert [state for _, state in front.jobs()] == ["done"]
    assert [state for _, state in server.jobs()] == ["done"]


async def test_what_the_other_flipbook_refuses_fails_with_its_reason(
    server: Server, tmp_path: Path
) -> None:
    """A key that may not have it: nothing is rendered, and nobody waits in vain."""
    await server.start()
    key = await server.keys("create", "front", "--limit", "longest_side=128")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "render",
        *(PROMPT, "--provider", "novita", "--model", "shapes", "--width", "256", "--height", "256"),
        *("--frames", "8", "-o", str(tmp_path / "none.mp4")),
        env=child_environment(
            {
                "PYTHONPATH": str(SOURCE),
                **provider_at(server, "novita", key),
            }
        ),
        cwd=tmp_path,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode != 0
    assert b"INVALID_REQUEST_BODY That is too much for you here: the longer side" in said
    assert b"Traceback" not in said
    assert server.jobs() == []
