"""The posted files: what players need, and the same bytes each time."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from jobs.request import VideoFormat
from providers.local.encode import Frames, write_video
from providers.local.ticket import RenderError
from providers.local.wire import FailureCode


@pytest.fixture
def frames() -> Frames:
    """Twelve frames of a red square that moves over a grey ramp."""
    ramp = np.linspace(40, 200, 64).astype(np.uint8)
    clip = np.repeat(np.tile(ramp, (12, 48, 1))[..., None], 3, axis=3)
    for number, frame in enumerate(clip):
        frame[8:24, 4 * number : 4 * number + 16] = (220, 20, 30)
    return clip


def ignore(_: int) -> None:
    """Take no interest in progress."""


def write(frames: Frames, path: Path, fps: int = 8) -> Path:
    kind = VideoFormat(path.suffix[1:])
    write_video(frames, path, kind=kind, fps=fps, tell=ignore)
    return path


def test_an_mp4_is_h264_in_the_colours_of_hd(frames: Frames, tmp_path: Path) -> None:
    with av.open(str(write(frames, tmp_path / "a.mp4")), "r") as container:
        stream = container.streams.video[0]
        codec = stream.codec_context
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
        assert (codec.color_primaries, codec.color_trc, codec.colorspace) == (1, 1, 1)
        assert codec.color_range == 1
        assert (codec.width, codec.height) == (64, 48)
        assert stream.average_rate == 8
        assert sum(1 for _ in container.decode(video=0)) == 12


def test_an_mp4_keeps_its_colours(frames: Frames, tmp_path: Path) -> None:
    with av.open(str(write(frames, tmp_path / "a.mp4")), "r") as container:
        seen = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert np.abs(np.stack(seen).astype(int) - frames).mean() < 4
    assert np.abs(seen[5][14:18, 26:30].astype(int) - [220, 20, 30]).max() < 24


def test_an_mp4_has_its_index_in_front_so_that_it_plays_while_it_loads(
    frames: Frames, tmp_path: Path
) -> None:
    content = write(frames, tmp_path / "a.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("fps", [1, 7, 12, 30])
def test_the_frame_rate_is_the_one_that_was_asked(frames: Frames, tmp_path: Path, fps: int) -> None:
    with av.open(str(write(frames, tmp_path / "a.mp4", fps)), "r") as container:
        assert container.streams.video[0].average_rate == fps
        assert container.duration == pytest.approx(12 / fps * 1e6, rel=0.01)


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_the_same_frames_give_the_same_bytes(frames: Frames, tmp_path: Path, name: str) -> None:
    first = write(frames, tmp_path / name).read_bytes()
    assert write(frames, tmp_path / name).read_bytes() == first


def test_a_gif_repeats_for_ever_at_its_rate(frames: Frames, tmp_path: Path) -> None:
    with Image.open(write(frames, tmp_path / "a.gif")) as image:
        durations: list[int] = []
        for number in range(12):
            image.seek(number)
            durations.append(image.info["duration"])
        assert image.info["loop"] == 0
    assert sum(durations) == pytest.approx(12 / 8 * 1000, abs=20)


def test_a_gif_keeps_its_colours(frames: Frames, tmp_path: Path) -> None:
    with Image.open(write(frames, tmp_path / "a.gif")) as image:
        image.seek(5)
        red = np.array(image.convert("RGB"))[14:18, 26:30]
    assert np.abs(red.astype(int) - [220, 20, 30]).max() < 24


def test_progress_counts_every_frame(frames: Frames, tmp_path: Path) -> None:
    told: list[int] = []
    path = tmp_path / "a.mp4"
    write_video(frames, path, kind=VideoFormat.MP4, fps=8, tell=told.append)
    assert told == list(range(1, 13))


@pytest.mark.parametrize("name", ["a.mp4", "a.gif"])
def test_a_full_disk_is_told_as_such_and_leaves_no_file(
    frames: Frames, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.symlink_to("/dev/full")
    with pytest.raises(RenderError) as caught:
        write(frames, path)
    assert caught.value.code is FailureCode.DISK_FULL
    assert not path.is_symlink()


def test_a_stop_in_the_middle_leaves_no_file(frames: Frames, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    path = tmp_path / "a.mp4"
    with pytest.raises(KeyboardInterrupt):
        write_video(frames, path, kind=VideoFormat.MP4, fps=8, tell=stop)
    assert not path.exists()
