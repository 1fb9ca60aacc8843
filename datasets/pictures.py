"""Image files -> RGB pictures, with one-line errors for whatever may be wrong with a file."""

import contextlib
import io
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageOps

from tfodcl.errors import InputError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
LIMIT_BYTES = 1 << 26  # of a file
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_MAX_PIXELS = 1 << 26
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")  # 1 or 8 bits a channel


def decode(content: bytes, name: str) -> Image.Image:
    """The picture in a file's bytes; the first frame of an animation.

    Raises:
      InputError: another format, a damaged image, over 2**26 pixels, or over 8 bits a channel.
    """
    with _one_line_errors(name):
        picture = Image.open(io.BytesIO(content), formats=_FORMATS)
        if picture.width * picture.height > _MAX_PIXELS:
            size = f"{picture.width} x {picture.height}"
            raise InputError(f"{name} must have at most {_MAX_PIXELS} pixels. Received: {size}.")
        if picture.mode not in _MODES:
            raise InputError(f"{name} must have 1 or 8 bits a channel. Received: Pillow mode {picture.mode}.")
        picture.load()
        return picture


def decode_square(content: bytes, name: str, side: int, mode: str, what: str) -> Image.Image:
    """As `decode`, of `side` x `side` pixels in Pillow's `mode`, which errors call `what`, such as "in RGB".

    Raises:
      InputError: as `decode`; another size or mode.
    """
    picture = decode(content, name)
    if picture.size != (side, side) or picture.mode != mode:
        raise InputError(
            f"{name} must be {side} x {side} pixels {what}. "
            f"Received: {picture.width} x {picture.height}, Pillow mode {picture.mode}."
        )
    return picture


def is_grey(picture: Image.Image) -> bool:
    """Whether the file has one channel, black and white or grey."""
    return picture.mode in ("1", "L")


def to_rgb(picture: Image.Image, name: str) -> Image.Image:
    """The picture turned upright as its metadata says, and put on white where it is transparent."""
    with _one_line_errors(name):
        upright = ImageOps.exif_transpose(picture)
        if not upright.has_transparency_data:
            return upright.convert("RGB")
        layer = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


@contextlib.contextmanager
def _one_line_errors(name: str) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata, and about sizes, which have a limit of their own
            yield
    except InputError:
        raise
    except Image.UnidentifiedImageError as error:
        raise InputError(f"{name} must be an image ({', '.join(_FORMATS)}). Received: another format.") from error
    except Exception as error:  # Pillow's readers raise OSError, SyntaxError, ValueError, struct.error and others
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{name} must be a whole image. Received: {reason}.") from error


def squeeze(picture: Image.Image, side: int) -> np.ndarray:
    """(side, side, 3) uint8: the whole RGB picture, its sides scaled independently (Lanczos)."""
    return np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS))


def crop_square(picture: Image.Image, side: int) -> np.ndarray:
    """(side, side, 3) uint8: the largest centred square of the RGB picture, scaled (Lanczos)."""
    return np.asarray(ImageOps.fit(picture, (side, side), Image.Resampling.LANCZOS))
