"""Novita's official Python client, unchanged, through a whole job of `python -m bot serve`.

It is `novita-client` 0.7.1 with `dataclass-wizard` below 1, with which its own README works.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from tests.e2e.conftest import SOURCE
from tests.e2e.test_serve import Server, server

__all__ = ["server"]  # the fixture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PIPE = asyncio.subprocess.PIPE
ORDER: dict[str, Any] = {
    "model_name": "shapes",
    "height": 256,
    "width": 256,
    "steps": 4,
    "guidance_scale": 4.0,
    "prompts": [
        {"frames": 8, "prompt": "a red circle moving left"},
        {"frames": 8, "prompt": "a blue square moving up"},
    ],
}


async def buy(server: Server, folder: Path, **changes: Any) -> Any:
    """Have the official client order a video; return what it understood of the answers."""
    key = await server.keys("create", "ana")
    words = ("-m", "tests.e2e.novita_customer", server.url, key, str(folder))
    customer = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=SOURCE, stdin=PIPE, stdout=PIPE
    )
    printed, _ = await customer.communicate(json.dumps({**ORDER, **changes}).encode())
    assert customer.returncode == 0, server.said.decode()
    return json.loads(printed)


async def test_a_whole_job_ends_with_a_video_that_plays(server: Server, tmp_path: Path) -> None:
    await server.start()
    told = await buy(server, tmp_path, negative_prompt="blurry", seed=7)
    with av.open(tmp_path / "0.mp4", "r") as film:
        stream = film.streams.video[0]
        assert (stream.width, stream.height) == (256, 256)
        assert sum(1 for _ in film.decode(video=0)) == 16
    assert ["shapes", "checkpoint"] in told["models"]
    assert len(told["models"]) == len({name for name, _ in told["models"]})
    assert told["task"]["task_type"] == "TXT_TO_VIDEO"
    assert told["task"]["progress_percent"] == 100
    info = told["extra"]["debug_info"]
    assert info["submit_time_ms"] <= info["execute_time_ms"] <= info["complete_time_ms"]
    assert json.loads(info["request_info"])["model"] == "shapes"


async def test_a_whole_job_ends_with_a_gif_that_plays(server: Server, tmp_path: Path) -> None:
    await server.start()
    await buy(server, tmp_path, response_video_type="gif", loras=[], embeddings=[], clip_skip=1)
    with Image.open(tmp_path / "0.gif") as image:
        assert (image.format, image.size) == ("GIF", (256, 256))
        assert getattr(image, "n_frames", 1) == 16
