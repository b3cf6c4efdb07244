"""Media that behaves on made-up files: a file is good if it starts with `video`."""

import asyncio
import dataclasses
from pathlib import Path

from jobs.errors import MediaError, RequestError
from jobs.model import MediaInfo, Receipt

VIDEO = b"video " + bytes(2000)


class FakeMedia:
    """The `Media` port; `fit` halves a file until it is small enough, down to 100 bytes."""

    def __init__(self) -> None:
        self.tagged: list[Receipt] = []

    async def check_image(self, content: bytes) -> bytes:
        if not content.startswith(b"image"):
            raise RequestError("`image` is not an image.", field="image")
        return content

    async def probe(self, path: Path) -> MediaInfo:
        content = await asyncio.to_thread(path.read_bytes)
        if not content.startswith(b"video"):
            raise MediaError("The file is no video.")
        return MediaInfo(width=128, height=128, frames=16, duration_s=2.0, codec="h264")

    async def tag(self, path: Path, receipt: Receipt) -> None:
        self.tagged.append(receipt)

    async def fit(self, path: Path, limit: int) -> Path:
        if limit < 100:
            raise MediaError("It cannot be made that small.")
        smaller = path.with_suffix(".fit.mp4")
        await asyncio.to_thread(smaller.write_bytes, b"video"[:limit])
        return smaller

    async def scale(self, path: Path, width: int, height: int) -> MediaInfo:
        return dataclasses.replace(await self.probe(path), width=width, height=height)
