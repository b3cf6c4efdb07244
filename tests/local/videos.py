"""Takes jobs through an engine, and looks at what came of them."""

import asyncio
import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from jobs.errors import UnavailableError
from jobs.model import Job, Progress
from providers.local.library.roots import EMBEDDED
from providers.local.provider import LocalProvider
from tests.factories import make_job, make_request

Opener = Callable[..., LocalProvider]
SHAPES = EMBEDDED / "shapes"
ENVIRONMENT = {"OMP_NUM_THREADS": "1"}  # the suite shares its cores


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of one render."""

    content: bytes
    frames: NDArray[np.uint8]
    effective: dict[str, Any]
    versions: dict[str, str]
    news: list[Progress]


def decode(content: bytes) -> NDArray[np.uint8]:
    with av.open(BytesIO(content), "r") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack(frames).astype(np.uint8)


def distance(one: Made, other: Made) -> float:
    """Return by how much two clips differ, 0-255."""
    return float(np.abs(one.frames.astype(int) - other.frames.astype(int)).mean())


def small(**overrides: Any) -> Job:
    """Return a job that renders in a fraction of a second."""
    values: dict[str, Any] = {"model": "shapes", "frames": 8, "steps": 2, **overrides}
    return make_job(request=make_request(**values))


async def submitted(provider: LocalProvider, job: Job, image: Path | None = None) -> Job:
    submission = await provider.submit(job, token="a-token", image=image)
    return job.evolve(provider_job_id=submission.provider_job_id)


async def render(
    provider: LocalProvider, job: Job, image: Path | None = None, *, patience_s: float = 0
) -> Made:
    """Take a job from submit to the end of fetch; `patience_s` for a worker that is still busy."""
    async with asyncio.timeout(patience_s or None):
        job = await _taken(provider, job, image, is_patient=patience_s > 0)
    news = [progress async for progress in provider.watch(job)]
    async with provider.fetch(job) as rendering:
        content = b"".join([chunk async for chunk in rendering.chunks])
        return Made(
            content=content,
            frames=decode(content),
            effective=dict(rendering.effective),
            versions=dict(rendering.versions),
            news=news,
        )


async def _taken(provider: LocalProvider, job: Job, image: Path | None, *, is_patient: bool) -> Job:
    while True:
        try:
            return await submitted(provider, job, image)
        except UnavailableError:
            if not is_patient:
                raise
        await asyncio.sleep(0.05)


def add_adapters(models: Path) -> None:
    """Write a LoRA and a textual inversion for the embedded model, and a LoRA for another one."""
    random = np.random.default_rng(1)
    place = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
    unet = json.loads((SHAPES / "unet" / "config.json").read_text())
    channels, width = unet["block_out_channels"][1], unet["cross_attention_dim"]

    def draw(*shape: int) -> NDArray[np.float32]:
        return random.normal(size=shape).astype(np.float32)

    def lora(width: int) -> dict[str, NDArray[np.float32]]:
        up = draw(channels, 4)
        return {f"{place}.lora_A.weight": draw(4, width), f"{place}.lora_B.weight": up}

    files = {
        "loras/glow": lora(width),
        "loras/for-another-model": lora(768),
        "embeddings/swirl": {"emb_params": draw(2, width)},
    }
    for name, tensors in files.items():
        path = models / f"{name}.safetensors"
        path.parent.mkdir(exist_ok=True)
        save_file(tensors, path)


def add_crooked_model(models: Path) -> None:
    """Add a folder whose files are whole, but whose VAE is none: only loading it shows that."""
    folder = models / "crooked"
    shutil.copytree(SHAPES, folder)
    save_file({"weight": np.zeros(3)}, folder / "vae" / "diffusion_pytorch_model.safetensors")
    config = folder / "vae" / "config.json"
    config.write_text(config.read_text().replace('"DownEncoderBlock2D"', '"NoSuchBlock"'))


def impostor(folder: Path, *commands: str) -> str:
    """Write a shell script to be started in place of Python, and return its path."""
    path = folder / "python"
    path.write_text("\n".join(["#!/bin/sh", *commands, ""]))
    path.chmod(0o755)
    return str(path)


def write_terabytes(path: Path) -> None:
    """Write a whole safetensors file that takes hours to read and no room: it is sparse."""
    size = 2 * 1024**4
    header = json.dumps({"a": {"data_offsets": [0, size]}}).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + size)


async def gone(handle: int) -> None:
    """Wait until a process has ended, also one that is not our child; closes the handle."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, ended.set)
    async with asyncio.timeout(20):
        await ended.wait()
    loop.remove_reader(handle)
    os.close(handle)
