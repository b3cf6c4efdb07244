"""Writes frames into the file that is posted: H.264 in MP4, or GIF.

The same frames give the same bytes on every machine: the number of encoder threads is fixed,
and no time is written into the file.
"""

import errno
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext
from numpy.typing import NDArray

from jobs.request import VideoFormat
from providers.local.ticket import RenderError
from providers.local.wire import FailureCode

THREADS = 2
BT709 = 1  # ITU-T H.273: primaries, transfer and matrix of HD video
LIMITED_RANGE = 1
X264 = {"crf": "18", "preset": "medium"}  # 700 kB for 40 frames of 512x512 (measured)
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

Frames = NDArray[np.uint8]  # frames x height x width x RGB


def write_video(
    frames: Frames,
    path: Path,
    *,
    kind: VideoFormat,
    fps: int,
    tell: Callable[[int], None],
) -> None:
    """Write a file; `tell` is called with the number of frames written so far.

    Raises:
        RenderError: The disk is full; nothing is left of the file.
    """
    write = write_gif if kind is VideoFormat.GIF else write_mp4
    try:
        with _full_disk_told():
            write(frames, path, fps=fps, tell=tell)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_mp4(frames: Frames, path: Path, *, fps: int, tell: Callable[[int], None]) -> None:
    """Write H.264, yuv420p, BT.709, with the index in front so that it plays while it loads."""
    options = {"movflags": "+faststart"}  # works with a path only, not with a file object
    with av.open(str(path), "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=fps, options=X264)
        codec = stream.codec_context
        codec.height, codec.width = frames.shape[1:3]
        codec.pix_fmt = "yuv420p"
        codec.thread_count = THREADS
        codec.color_primaries = codec.color_trc = codec.colorspace = BT709
        codec.color_range = LIMITED_RANGE
        for number, frame in enumerate(_av_frames(frames, fps)):
            yuv = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            container.mux(stream.encode(yuv))
            tell(number + 1)
        container.mux(stream.encode(None))


def write_gif(frames: Frames, path: Path, *, fps: int, tell: Callable[[int], None]) -> None:
    """Write a GIF that repeats for ever, with one palette made from all frames."""
    with av.open(str(path), "w", format="gif") as container:
        stream = container.add_stream("gif", rate=fps)
        codec = stream.codec_context
        codec.height, codec.width = frames.shape[1:3]
        codec.pix_fmt = "pal8"
        codec.time_base = Fraction(1, 100)  # a GIF counts in hundredths of a second
        for number, frame in enumerate(_with_palette(frames, fps)):
            container.mux(stream.encode(frame))
            tell(number + 1)
        container.mux(stream.encode(None))


def _with_palette(frames: Frames, fps: int) -> Iterator[av.VideoFrame]:
    graph, source, sink = _palette_graph(frames, fps)
    graph.configure()
    for frame in _av_frames(frames, fps):
        source.push(frame)
    source.push(None)
    for _ in range(len(frames)):
        frame = sink.pull()
        assert isinstance(frame, av.VideoFrame)  # noqa: S101 - the graph has no audio
        yield frame


def _palette_graph(frames: Frames, fps: int) -> tuple[Graph, FilterContext, FilterContext]:
    """Build ffmpeg's `split[a][b];[a]palettegen[p];[b][p]paletteuse`."""
    graph = Graph()
    height, width = frames.shape[1:3]
    source = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat("rgb24"), time_base=Fraction(1, fps)
    )
    split, choose = graph.add("split"), graph.add("palettegen")
    use, sink = graph.add("paletteuse"), graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(choose, 1, 0)
    choose.link_to(use, 0, 1)
    use.link_to(sink)
    return graph, source, sink


def _av_frames(frames: Frames, fps: int) -> Iterator[av.VideoFrame]:
    for number, pixels in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, fps)
        yield frame


@contextmanager
def _full_disk_told() -> Generator[None]:
    try:
        yield
    except OSError as error:  # PyAV's errors are OSErrors too
        if error.errno in FULL:
            message = "Flipbook's disk is full, so the video could not be written."
            raise RenderError(FailureCode.DISK_FULL, message) from error
        raise
