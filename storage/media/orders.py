"""The way to the media child: one process for each order, with limits, and gone when it ends.

ffmpeg and Pillow decode what strangers made, so they run outside the bot: a file that crashes
them, fills the memory or never ends costs one child process and becomes a `MediaError`.
"""

import asyncio
import base64
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.errors import FlipbookError, MediaError, RequestError, StorageFullError
from jobs.model import MediaInfo, Receipt
from jobs.request import MAX_IMAGE_BYTES
from storage.children import open_child
from storage.media.tags import tags_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one child may take."""

    memory_bytes: int = 2 * 1024**3
    cpu_s: int = 240
    wall_s: float = 180.0
    children: int = 2  # at once


class PyAvMedia:
    """The `Media` of PyAV and Pillow, each order in a child process of its own."""

    def __init__(self, *, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._places = asyncio.Semaphore(self._limits.children)

    async def check_image(self, content: bytes) -> bytes:
        """Decode an init image within limits and return it as plain RGB PNG.

        Raises:
            RequestError: It is no image, or one that is too large to decode.
        """
        if len(content) > MAX_IMAGE_BYTES:
            raise RequestError(
                f"`image` has {len(content) / 1024**2:.1f} MiB; "
                f"{MAX_IMAGE_BYTES // 1024**2} MiB is the most.",
                field="image",
            )
        try:
            result = await self._ask("check_image", content=base64.b64encode(content).decode())
        except MediaError as error:
            raise RequestError(
                "`image` cannot be decoded within the limits of this bot.", field="image"
            ) from error
        return base64.b64decode(result)

    async def probe(self, path: Path) -> MediaInfo:
        """Decode a video to its end.

        Raises:
            MediaError: It is no video that decodes.
        """
        return MediaInfo(**await self._ask("probe", path=str(path)))

    async def tag(self, path: Path, receipt: Receipt) -> None:
        """Write the receipt into the file: JSON in `comment`, and named tags; pixels stay.

        A file that carries a C2PA manifest is left as it is.

        Raises:
            MediaError: It is no video that can be rewritten.
            StorageFullError: The disk is full.
        """
        await self._ask("tag", path=str(path), tags=dict(tags_of(receipt)))

    async def fit(self, path: Path, limit: int) -> Path:
        """Write a smaller copy of at most `limit` bytes beside `path`.

        Raises:
            MediaError: It cannot be made that small.
            StorageFullError: The disk is full.
        """
        return Path(await self._ask("fit", path=str(path), limit=limit))

    async def scale(self, path: Path, width: int, height: int) -> MediaInfo:
        """Bring a video to another size, in its place; an MP4's sides are even.

        Raises:
            MediaError: It is no video that decodes.
            StorageFullError: The disk is full.
        """
        return MediaInfo(**await self._ask("scale", path=str(path), width=width, height=height))

    async def _ask(self, action: str, **order: object) -> Any:  # noqa: ANN401 - JSON of the child
        limits = {"memory_bytes": self._limits.memory_bytes, "cpu_s": self._limits.cpu_s}
        message = json.dumps({"action": action, **limits, **order}).encode()
        async with self._places, open_child("storage.media.child") as child:
            try:
                async with asyncio.timeout(self._limits.wall_s):
                    output, _ = await child.communicate(message)
            except TimeoutError as error:
                raise MediaError("The file took too long to work on.") from error
        return _result_of(action, output, child.returncode)


def _result_of(action: str, output: bytes, code: int | None) -> Any:  # noqa: ANN401 - JSON
    try:
        answer: dict[str, Any] = json.loads(output)
    except ValueError:
        answer = {"error": "broken", "message": f"the child ended with {code} and no answer"}
    if "error" not in answer:
        return answer["result"]
    kind, message = answer["error"], answer["message"]
    logger.info("Media child failed: %s: %s", action, message, extra={"action": "media_failed"})
    raise _error_of(kind, message)


def _error_of(kind: str, message: str) -> FlipbookError:
    match kind:
        case "request":
            return RequestError(message, field="image")
        case "media":
            return MediaError(message)
        case "full":
            return StorageFullError(f"No room for a video: {message}")
        case _:
            return MediaError("The file is damaged, or no file of its kind.")
