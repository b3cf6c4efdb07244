"""Comments in GIF files, and smaller copies of them; runs in the child process only.

A comment is put in as a block of its own behind the header, so not a byte of a frame changes
(GIF89a specification, section 24, "Comment Extension").
"""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageSequence
from PIL.ImageFile import ImageFile

from jobs.errors import MediaError

_COMMENT = b"\x21\xfe"
_MIN_SIDE = 64
_MAX_TRIES = 5
_PALETTE_SAMPLES = 8


def read_comment(path: Path) -> str:
    """Return the comment behind the header, or nothing."""
    with path.open("rb") as file:
        _read_header(file)
        return b"".join(_take_comments(file)).decode("utf-8", "replace")


def write_comment(source: Path, target: Path, comment: str) -> None:
    """Copy a GIF and put a comment behind its header, in place of any that is there."""
    with source.open("rb") as old, target.open("wb") as new:
        header = _read_header(old)
        for _ in _take_comments(old):
            pass
        new.write(b"GIF89a" + header[6:])  # a GIF87a knows no extensions
        new.write(_COMMENT)
        content = comment.encode()
        for start in range(0, len(content), 255):
            block = content[start : start + 255]
            new.write(bytes([len(block)]) + block)
        new.write(b"\0")
        shutil.copyfileobj(old, new)


def shrink(source: Path, target: Path, limit: int) -> None:
    """Write a copy of at most `limit` bytes: fewer frames first, then fewer pixels.

    Raises:
        MediaError: It cannot be made that small.
    """
    comment = read_comment(source)
    plain = target.with_name(f"{target.name}.plain")
    share = 0.9 * limit / source.stat().st_size
    for _ in range(_MAX_TRIES):
        _write_smaller(source, plain, share=share)
        write_comment(plain, target, comment)
        size = target.stat().st_size
        if size <= limit:
            return
        share *= 0.8 * limit / size
    raise MediaError("The GIF cannot be made small enough to post.")


def resize(source: Path, target: Path, size: tuple[int, int]) -> None:
    """Write a copy of another size, with every frame and the comment."""
    plain = target.with_name(f"{target.name}.plain")
    with Image.open(source, formats=("GIF",)) as image:
        _write_copy(image, plain, step=1, size=size)
    write_comment(plain, target, read_comment(source))


def _write_smaller(source: Path, target: Path, *, share: float) -> None:
    """Keep about `share` of the bytes: every second or fourth frame, and the rest by scale."""
    step = 1 if share > 0.6 else 2 if share > 0.25 else 4
    scale = min(1.0, math.sqrt(share * step))
    with Image.open(source, formats=("GIF",)) as image:
        width, height = (round(side * scale) for side in image.size)
        if min(width, height) < min(_MIN_SIDE, *image.size):
            raise MediaError("The GIF cannot be made small enough to post.")
        _write_copy(image, target, step=step, size=(width, height))


def _write_copy(image: ImageFile, target: Path, *, step: int, size: tuple[int, int]) -> None:
    durations = [_duration_of(frame) for frame in ImageSequence.Iterator(image)]
    palette = _palette_of(image, len(durations), size)
    frames = _frames(image, step, size, palette)
    next(frames).save(
        target,
        "GIF",
        save_all=True,
        append_images=frames,
        duration=[sum(durations[at : at + step]) for at in range(0, len(durations), step)],
        loop=image.info.get("loop", 0),
        comment=b"",  # ours goes where `read_comment` looks
        disposal=1,
    )


def _frames(
    image: Image.Image, step: int, size: tuple[int, int], palette: Image.Image
) -> Iterator[Image.Image]:
    for number, frame in enumerate(ImageSequence.Iterator(image)):
        if number % step == 0:
            yield frame.convert("RGB").resize(size).quantize(palette=palette)


def _palette_of(image: Image.Image, frames: int, size: tuple[int, int]) -> Image.Image:
    """Choose one palette for all frames, from a strip of samples."""
    picks = {frames * sample // _PALETTE_SAMPLES for sample in range(_PALETTE_SAMPLES)}
    strip = Image.new("RGB", (size[0], size[1] * len(picks)))
    at = 0
    for number, frame in enumerate(ImageSequence.Iterator(image)):
        if number in picks:
            strip.paste(frame.convert("RGB").resize(size), (0, at))
            at += size[1]
    return strip.quantize(256)


def _duration_of(frame: Image.Image) -> int:
    frame.load()
    return int(frame.info.get("duration", 0))


def _read_header(file: BinaryIO) -> bytes:
    """Return signature, screen descriptor and global colour table."""
    header = file.read(13)
    if len(header) < 13:
        raise MediaError("The GIF is cut off before its end.")
    flags = header[10]
    has_table = flags & 0x80
    return header + (file.read(3 << ((flags & 7) + 1)) if has_table else b"")


def _take_comments(file: BinaryIO) -> Iterator[bytes]:
    """Yield the content of comments at the file's position and end behind the last one."""
    while True:
        start = file.tell()
        if file.read(2) != _COMMENT:
            file.seek(start)
            return
        while length := file.read(1).strip(b"\0"):
            yield file.read(length[0])
