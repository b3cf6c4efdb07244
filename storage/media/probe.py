"""Looks into a video and decodes it to its end; runs in the child process only.

The demuxer is chosen by the file's first bytes and forced, so a playlist or an AVI under the
name of a video is never opened, and only local files can be reached from inside one.
"""

from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from jobs.errors import MediaError
from storage.media import gif

_DECODERS = frozenset({"h264", "hevc", "av1", "libdav1d", "vp9", "libvpx-vp9", "mpeg4", "gif"})
_MAX_PIXELS = 4096 * 4096
_THREADS = 2


class Kind(StrEnum):
    """The two files that we know; the values are libavformat's demuxers."""

    MP4 = "mov"
    GIF = "gif"


def kind_of(path: Path) -> Kind:
    """Tell the kind of a file by its first bytes.

    Raises:
        MediaError: It is neither MP4 nor GIF.
    """
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return Kind.MP4
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return Kind.GIF
    raise MediaError("The file is neither an MP4 nor a GIF.")


def open_input(path: Path) -> InputContainer:
    """Open a video with the demuxer of its kind and nothing but local files."""
    return av.open(
        f"file:{path}",
        format=kind_of(path).value,
        options={"protocol_whitelist": "file", "codec_whitelist": ",".join(sorted(_DECODERS))},
    )


def video_of(container: InputContainer) -> VideoStream:
    """Return the video stream, checked and ready to decode.

    Raises:
        MediaError: There is none, its codec is not one of ours, or it is too large.
    """
    if not container.streams.video:
        raise MediaError("The file holds no video.")
    stream = container.streams.video[0]
    codec = stream.codec_context
    if codec.name not in _DECODERS:
        raise MediaError(f"The file's codec {codec.name} is not one that is accepted.")
    if not 0 < codec.width * codec.height <= _MAX_PIXELS:
        raise MediaError(f"The video's size {codec.width}x{codec.height} is not acceptable.")
    codec.thread_count = _THREADS
    return stream


def probe(path: Path) -> dict[str, Any]:
    """Decode a video to its end and return the fields of a `MediaInfo`.

    Raises:
        MediaError: It does not decode, is cut off, or has no frame.
    """
    with open_input(path) as container:
        stream = video_of(container)
        frames, duration_s = _decode(container, stream)
        codec = stream.codec_context
        return {
            "width": codec.width,
            "height": codec.height,
            "frames": frames,
            "duration_s": duration_s,
            "codec": codec.codec.canonical_name,
            "comment": _comment_of(path, container),
        }


def _decode(container: InputContainer, stream: VideoStream) -> tuple[int, float]:
    frames, packets = 0, 0
    start, end = Fraction(0), Fraction(0)
    for packet in container.demux(stream):
        packets += packet.size > 0
        for frame in packet.decode():
            began, ended = _span(frame, stream)
            start = began if frames == 0 else min(start, began)
            end = max(end, ended)
            frames += 1
    if frames == 0:
        raise MediaError("The video has no frame that decodes.")
    if packets < stream.frames:
        raise MediaError("The video is cut off before its end.")
    return frames, float(end - start)


def _span(frame: VideoFrame, stream: VideoStream) -> tuple[Fraction, Fraction]:
    """Return when a frame is shown; a frame that does not say is shown at the mean rate."""
    if frame.is_corrupt:
        raise MediaError("The video is damaged.")
    base = frame.time_base or stream.time_base or Fraction(1)
    began = (frame.pts or 0) * base
    rate = stream.average_rate or Fraction(1)
    return began, began + (frame.duration * base if frame.duration else 1 / rate)


def _comment_of(path: Path, container: InputContainer) -> str:
    if kind_of(path) is Kind.GIF:
        return gif.read_comment(path)
    return container.metadata.get("comment", "")
