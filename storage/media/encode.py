"""Encodes frames of a video again at another size; runs in the child process only.

Times and colours stay as they were; what a source leaves open about its colours is BT.709.
"""

from collections.abc import Mapping
from fractions import Fraction

from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

_THREADS = 2
_BT709 = 1  # ITU-T H.273, like the two below
_LIMITED_RANGE = 1
_UNSPECIFIED = 2


def add_stream(
    target: OutputContainer,
    source: VideoStream,
    size: tuple[int, int],
    options: Mapping[str, str],
) -> VideoStream:
    """Add an H.264 stream for a source's frames at another size.

    Args:
        target: The file that is written.
        source: The stream that is read.
        size: Width and height, both even.
        options: Of libx264.
    """
    stream = target.add_stream("libx264", rate=source.average_rate, options=dict(options))
    codec = stream.codec_context
    codec.width, codec.height = size
    codec.pix_fmt = "yuv420p"
    codec.thread_count = _THREADS
    codec.time_base = source.time_base or Fraction(1, 90000)
    _copy_colours(source.codec_context, codec)
    return stream


def scaled(frame: VideoFrame, size: tuple[int, int]) -> VideoFrame:
    """Return a frame at another size, at the same time, its type left to x264."""
    width, height = size
    other = frame.reformat(
        width=width,
        height=height,
        format="yuv420p",
        dst_colorspace="ITU709" if frame.format.is_rgb else None,
        interpolation="LANCZOS",
    )
    other.pts, other.time_base = frame.pts, frame.time_base
    other.pict_type = 0
    return other


def even(side: float) -> int:
    """Return the nearest even number of pixels that is not larger; H.264 takes no odd ones."""
    return max(2, int(side) // 2 * 2)


def _copy_colours(source: VideoCodecContext, target: VideoCodecContext) -> None:
    """Keep what the source says of its colours; what it leaves open is called BT.709."""

    def known(value: int) -> int:
        return _BT709 if value in (0, _UNSPECIFIED) else value

    target.color_primaries = known(source.color_primaries)
    target.color_trc = known(source.color_trc)
    target.colorspace = known(source.colorspace)
    target.color_range = source.color_range or _LIMITED_RANGE
