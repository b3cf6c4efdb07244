"""Init images: what strangers upload, made plain in a real child process."""

from io import BytesIO

import pytest
from PIL import Image

from jobs.errors import RequestError
from storage.media.orders import Limits, PyAvMedia
from tests.storage.samples import picture, png_bomb

RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def media() -> PyAvMedia:
    return PyAvMedia(limits=Limits(memory_bytes=1024**3, wall_s=30))


def opened(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content), formats=("PNG",))
    image.load()
    return image


def is_close(pixel: object, colour: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 60 for a, b in zip(pixel, colour, strict=True))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
async def test_a_picture_becomes_plain_rgb_png(media: PyAvMedia, kind: str) -> None:
    image = opened(await media.check_image(picture((40, 20), kind)))
    assert (image.mode, image.size, image.info) == ("RGB", (40, 20), {})
    assert is_close(image.getpixel((5, 5)), RED)
    assert is_close(image.getpixel((35, 15)), BLUE)


async def test_a_turned_photo_is_set_upright(media: PyAvMedia) -> None:
    image = opened(await media.check_image(picture((40, 20), "JPEG", turned=True)))
    assert image.size == (20, 40)
    assert is_close(image.getpixel((15, 5)), RED)
    assert is_close(image.getpixel((5, 5)), BLUE)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
async def test_an_animation_gives_its_first_frame(media: PyAvMedia, kind: str) -> None:
    output = BytesIO()
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(output, kind, save_all=True, append_images=frames[1:], lossless=True)
    image = opened(await media.check_image(output.getvalue()))
    assert is_close(image.getpixel((8, 8)), RED)


async def test_what_is_transparent_lies_on_white(media: PyAvMedia) -> None:
    output = BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(output, "PNG")
    image = opened(await media.check_image(output.getvalue()))
    assert image.getpixel((4, 4)) == (255, 255, 255)


async def test_sixteen_bits_of_grey_are_scaled_and_not_cut(media: PyAvMedia) -> None:
    output = BytesIO()
    Image.new("I;16", (8, 8), 32768).save(output, "PNG")
    image = opened(await media.check_image(output.getvalue()))
    assert is_close(image.getpixel((4, 4)), (128, 128, 128))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no image",
        picture((20, 20), "BMP"),
        picture((20, 20), "TIFF"),
        picture((64, 64))[:80],
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
    ids=["empty", "text", "bmp", "tiff", "cut off", "svg"],
)
async def test_what_is_no_picture_of_ours_is_refused_in_one_sentence(
    media: PyAvMedia, content: bytes
) -> None:
    with pytest.raises(RequestError) as caught:
        await media.check_image(content)
    assert caught.value.field == "image"
    sentence = "`image` is not a PNG, JPEG, WebP or GIF that can be decoded."
    assert caught.value.user_message == sentence


async def test_a_decompression_bomb_is_refused_by_its_header(media: PyAvMedia) -> None:
    bomb = png_bomb(30_000)
    assert len(bomb) < 200_000
    with pytest.raises(RequestError) as caught:
        await media.check_image(bomb)
    sentence = "`image` has 30000x30000 pixels; 4096x4096 is the most."
    assert caught.value.user_message == sentence


async def test_the_largest_picture_is_taken_and_one_pixel_more_is_not(media: PyAvMedia) -> None:
    assert opened(await media.check_image(png_bomb(4096))).size == (4096, 4096)
    with pytest.raises(RequestError, match="4104x4104"):
        await media.check_image(png_bomb(4104))


async def test_a_picture_with_too_many_bytes_is_refused_unseen(media: PyAvMedia) -> None:
    with pytest.raises(RequestError, match=r"21\.0 MiB; 20 MiB is the most") as caught:
        await media.check_image(b"x" * (21 * 1024**2))
    assert caught.value.field == "image"


async def test_a_picture_that_does_not_fit_the_child_s_memory_is_refused() -> None:
    media = PyAvMedia(limits=Limits(memory_bytes=150 * 1024**2))
    with pytest.raises(RequestError) as caught:
        await media.check_image(png_bomb(4096))
    assert caught.value.field == "image"
