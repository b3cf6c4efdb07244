"""Brings a video to the size that was asked for; runs in the child process only.

A model renders the nearest size that it can, and clients of the HTTP door get the one they asked
for. The copy is made at a rate at which nobody sees the second encoding.
"""

from pathlib import Path
from typing import Any

from storage.media import gif
from storage.media.encode import add_stream, even, scaled
from storage.media.probe import Kind, kind_of, open_input, probe, video_of
from storage.media.tag import kept_metadata, open_output

# x264's constant rate factor: 18 is "visually lossless or nearly so", and this is a second loss
# (https://trac.ffmpeg.org/wiki/Encode/H.264). Why without the tree: see the engine's own `encode`.
_X264 = {"preset": "medium", "crf": "14", "x264-params": "mbtree=0"}


def scale(path: Path, width: int, height: int) -> dict[str, Any]:
    """Put a copy of another size in a video's place; return the fields of its `MediaInfo`.

    The sides of an MP4 are even, so it may be a pixel smaller than asked.

    Raises:
        MediaError: It does not decode.
    """
    is_gif = kind_of(path) is Kind.GIF
    size = (width, height) if is_gif else (even(width), even(height))
    part = path.with_name(f"{path.name}.scale.part")
    try:
        if is_gif:
            gif.resize(path, part, size)
        else:
            _write(path, part, size)
        part.replace(path)
    finally:
        for leftover in path.parent.glob(f"{part.name}*"):
            leftover.unlink(missing_ok=True)
    return probe(path)


def _write(path: Path, part: Path, size: tuple[int, int]) -> None:
    with open_input(path) as container, open_output(part) as target:
        target.metadata.update(kept_metadata(container))
        source = video_of(container)
        stream = add_stream(target, source, size, _X264)
        for frame in container.decode(source):
            target.mux(stream.encode(scaled(frame, size)))
        target.mux(stream.encode(None))
