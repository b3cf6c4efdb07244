"""Turns a stranger's picture into plain pixels; runs in the child process only."""

from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from jobs.errors import RequestError

MAX_SIDE = 4096
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_BRIGHTEST_16_BIT = 65535


def plain_png(content: bytes) -> bytes:
    """Decode a picture's first frame, upright, and return it as RGB PNG without metadata.

    Raises:
        RequestError: It is no picture of a format that we take, or has too many pixels.
    """
    Image.MAX_IMAGE_PIXELS = None  # our own check below is stricter, and tells the sizes
    try:
        with Image.open(BytesIO(content), formats=_FORMATS) as image:
            _check_size(*image.size)
            return _write_png(_flat(ImageOps.exif_transpose(image)))
    except RequestError:
        raise
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise RequestError(
            "`image` is not a PNG, JPEG, WebP or GIF that can be decoded.", field="image"
        ) from error


def _check_size(width: int, height: int) -> None:
    """Judge by the header, before a single pixel is decoded."""
    if width * height > MAX_SIDE * MAX_SIDE:
        raise RequestError(
            f"`image` has {width}x{height} pixels; {MAX_SIDE}x{MAX_SIDE} is the most.",
            field="image",
        )


def _flat(image: Image.Image) -> Image.Image:
    """Return RGB: 16-bit grey scaled down, transparency laid on white."""
    if image.mode.startswith("I"):
        image = image.convert("F").point(lambda value: value * (255 / _BRIGHTEST_16_BIT))
        return image.convert("L").convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(ground, layer).convert("RGB")


def _write_png(image: Image.Image) -> bytes:
    image.info.clear()
    output = BytesIO()
    image.save(output, "PNG")
    return output.getvalue()
