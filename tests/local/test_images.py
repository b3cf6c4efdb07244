"""Init images of every kind become upright, opaque RGB of the clip's shape."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's own warnings

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)
ORIENTATION = 0x0112  # Exif 2.32, tag 274


@pytest.fixture(scope="module")
def images() -> Any:
    """The module under test; it loads torch."""
    from providers.local.engine import images  # noqa: PLC0415

    return images


def halves(size: tuple[int, int] = (64, 64), mode: str = "RGB") -> Image.Image:
    """Return an image whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image.convert(mode)


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("size", [(1, 1), (3, 1000), (1000, 3), (257, 129), (64, 64)])
def test_any_size_is_cut_to_the_clips_shape(
    images: Any, tmp_path: Path, size: tuple[int, int]
) -> None:
    path = saved(Image.new("RGB", size, RED), tmp_path / "a.png")
    pixels = images.read_image(path, width=48, height=32)
    assert pixels.shape == (32, 48, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == RED).all()


def test_the_middle_is_kept(images: Any, tmp_path: Path) -> None:
    path = saved(halves((200, 50)), tmp_path / "a.png")
    pixels = images.read_image(path, width=64, height=64)
    assert (pixels[:, :28] == RED).all()
    assert (pixels[:, 36:] == BLUE).all()


def test_a_photo_is_turned_as_its_camera_was_held(images: Any, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned clockwise: what lies left comes up
    path = saved(halves(), tmp_path / "a.png", exif=exif)
    pixels = images.read_image(path, width=64, height=64)
    assert (pixels[:28] == RED).all()
    assert (pixels[36:] == BLUE).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_transparent_is_white(images: Any, tmp_path: Path, mode: str) -> None:
    seen = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    seen.paste((0, 0, 0, 255), (0, 0, 32, 64))
    path = saved(seen.convert("RGBA" if mode == "PA" else mode), tmp_path / "a.png")
    if mode == "PA":
        path = saved(seen.quantize(8), tmp_path / "b.png")
    pixels = images.read_image(path, width=64, height=64)
    assert (pixels[:, :32] == 0).all()
    assert (pixels[:, 32:] == WHITE).all()


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK"])
def test_other_kinds_of_pixels_are_read(images: Any, tmp_path: Path, mode: str) -> None:
    kind = "tiff" if mode == "CMYK" else "png"
    path = saved(Image.new("RGB", (8, 8), WHITE).convert(mode), tmp_path / f"a.{kind}")
    assert (images.read_image(path, width=16, height=16) == WHITE).all()


def test_16_bits_a_pixel_are_scaled_not_cut_off(images: Any, tmp_path: Path) -> None:
    grey = np.full((64, 64), 0x8000, np.uint16)
    path = saved(Image.fromarray(grey), tmp_path / "a.png")
    assert (images.read_image(path, width=16, height=16) == 128).all()


def test_of_a_moving_image_the_first_frame_counts(images: Any, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    path = saved(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    pixels = images.read_image(path, width=16, height=16).astype(int)
    assert np.abs(pixels - RED).max() < 8


@pytest.mark.parametrize(
    "content",
    [b"", b"no image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"GIF89a", b"BM" + b"\xff" * 99],
)
def test_a_broken_image_is_one_clear_error(images: Any, tmp_path: Path, content: bytes) -> None:
    from providers.local.engine.ticket import RenderError  # noqa: PLC0415

    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(RenderError, match="init image cannot be read") as caught:
        images.read_image(path, width=16, height=16)
    assert caught.value.code == "bad_image"


def test_an_image_that_is_cut_off_is_one_clear_error(images: Any, tmp_path: Path) -> None:
    from providers.local.engine.ticket import RenderError  # noqa: PLC0415

    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    path = saved(Image.fromarray(noise), tmp_path / "a.png")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(RenderError, match="init image cannot be read"):
        images.read_image(path, width=16, height=16)
