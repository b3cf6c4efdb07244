"""Copies that fit what a channel takes."""

from pathlib import Path

import pytest
from PIL import Image

from jobs.errors import MediaError
from storage.media.fit import Clip, plan_for
from storage.media.orders import PyAvMedia
from tests.factories import make_receipt
from tests.storage.samples import boxes, colours, content, decoded, metadata, write_gif, write_mp4


@pytest.fixture
def media() -> PyAvMedia:
    return PyAvMedia()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    return write_mp4(tmp_path / "job1.mp4", side=256, frames=16, noise=True)


@pytest.mark.parametrize("share", [0.5, 0.1, 0.03])
async def test_a_video_is_made_to_fit_and_stays_what_it_is(
    media: PyAvMedia, large: Path, share: float
) -> None:
    await media.tag(large, make_receipt())
    before = content(large)
    limit = int(len(before) * share)
    smaller = await media.fit(large, limit)
    assert smaller == large.with_name("job1.fit.mp4")
    assert limit * 0.4 < smaller.stat().st_size <= limit
    assert boxes(smaller)[:2] == [b"ftyp", b"moov"]
    assert colours(smaller) == (1, 1, 1, 1)
    old, new = metadata(large), metadata(smaller)
    assert new["comment"] == old["comment"]
    assert new["seed"] == "7"
    info = await media.probe(smaller)
    assert (info.frames, info.duration_s) == (16, 2.0)
    assert [time for time, _ in decoded(smaller)] == [time for time, _ in decoded(large)]
    assert content(large) == before
    assert sorted(item.name for item in large.parent.iterdir()) == ["job1.fit.mp4", "job1.mp4"]


async def test_a_low_rate_makes_the_picture_smaller(media: PyAvMedia, large: Path) -> None:
    info = await media.probe(await media.fit(large, 5000))
    assert 64 <= info.width < 256
    assert info.width == info.height


async def test_what_cannot_fit_is_told_and_leaves_nothing(media: PyAvMedia, large: Path) -> None:
    for limit in (0, 1500, 2700):
        with pytest.raises(MediaError, match="small enough"):
            await media.fit(large, limit)
    assert [item.name for item in large.parent.iterdir()] == ["job1.mp4"]


async def test_the_same_file_is_fitted_again_after_a_crash(media: PyAvMedia, large: Path) -> None:
    for name in ("job1.fit.part", "job1.fit.part.stats", "job1.fit.mp4"):
        large.with_name(name).write_text("left over")
    smaller = await media.fit(large, 100_000)
    assert (await media.probe(smaller)).frames == 16
    assert sorted(item.name for item in large.parent.iterdir()) == ["job1.fit.mp4", "job1.mp4"]


@pytest.mark.parametrize("share", [0.7, 0.3, 0.15])
async def test_a_gif_is_made_to_fit_and_plays_as_long(
    media: PyAvMedia, tmp_path: Path, share: float
) -> None:
    gif = write_gif(tmp_path / "job1.gif", side=128, frames=9, noise=True)
    await media.tag(gif, make_receipt())
    limit = int(gif.stat().st_size * share)
    smaller = await media.fit(gif, limit)
    assert smaller == gif.with_name("job1.fit.gif")
    assert smaller.stat().st_size <= limit
    old, new = await media.probe(gif), await media.probe(smaller)
    assert new.comment == old.comment
    assert new.duration_s == pytest.approx(old.duration_s, abs=0.05)
    with Image.open(smaller) as image:
        assert image.info["loop"] == 0


async def test_a_gif_that_cannot_fit_is_told(media: PyAvMedia, gif: Path) -> None:
    with pytest.raises(MediaError, match="small enough"):
        await media.fit(gif, 300)
    assert [item.name for item in gif.parent.iterdir()] == [gif.name]


def test_a_plan_keeps_the_shape_and_even_sides() -> None:
    clip = Clip(
        path=Path("x.mp4"), width=1024, height=576, frames=128, duration_s=16.0, overhead=5000
    )
    roomy = plan_for(clip, 8_000_000)
    assert (roomy.width, roomy.height) == (1024, 576)
    tight = plan_for(clip, 100_000)
    assert (tight.width % 2, tight.height % 2) == (0, 0)
    assert tight.width / tight.height == pytest.approx(1024 / 576, rel=0.02)
    assert tight.bitrate * clip.duration_s / 8 < 100_000
