"""Small pictures made from pictures that nobody vouches for.

A picture of a few kilobytes may ask for gigabytes of memory. So what is decoded is bounded beforehand: four
kinds only, told by their bytes, never by a name; bytes, pixels and scans are counted in the header. What a
decoder may still do, take very long, is bounded by the caller: run this in a worker, under
``jobs.limits.processor_time``.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageCms, WebPImagePlugin

from phonotheque.audio.artwork import measure
from phonotheque.model.errors import PhonothequeError

MAX_BYTES: Final = 64 << 20  # of the picture as it is stored
MAX_PIXELS: Final = 1 << 26  # of a JPEG: 8192 × 8192, an LP's sleeve at 600 dots per inch
MAX_PIXELS_WHOLE: Final = 1 << 25  # of the other kinds, which have to be decoded at their full size
MAX_EDGE: Final = 4096  # of a thumbnail
MIME: Final = "image/jpeg"  # of every thumbnail

# Pillow looks a kind's plugin up by this name. Importing WebP's here keeps it from importing all of them.
_FORMATS: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": WebPImagePlugin.WebPImageFile.format,
}
_MAX_SCANS: Final = 100  # of a JPEG: each goes over all its pixels again. Encoders write about ten
_MAX_PROFILE: Final = 4 << 20  # bytes: profiles of printing presses have one or two
_QUALITY: Final = 85
_ORIENTATION: Final = 0x0112  # EXIF 3.0 §4.6.5.1.5: how to turn what is stored
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow raises on malformed input, by its history of reports.
_MALFORMED: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    Image.DecompressionBombError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


class PictureError(PhonothequeError):
    """No thumbnail is made of this picture, and why. The picture itself may still be kept."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A JPEG in sRGB, without any metadata. ``width`` and ``height`` in pixels."""

    data: bytes
    width: int
    height: int
    mime: str = MIME


def thumbnail(data: bytes, *, edge: int) -> Thumbnail:
    """Return the picture ``data`` scaled to fit a square of ``edge`` pixels; smaller ones keep their size.

    Takes JPEG, PNG, WebP and GIF; of an animation, the first frame. It is turned as its EXIF says, brought to
    sRGB if its colour profile can be read, and laid on white where it is transparent. The same bytes give the
    same thumbnail with the same release of Pillow.

    It takes 700 MB at most, for a WebP. Raises PictureError for another kind of file, one that is broken or
    cut short, and one with more than MAX_BYTES, MAX_PIXELS or MAX_PIXELS_WHOLE; ValueError for an ``edge``
    outside 1–MAX_EDGE.
    """
    if not 1 <= edge <= MAX_EDGE:
        raise ValueError(f"a thumbnail's edge has 1 to {MAX_EDGE} pixels, not {edge}")
    kind = _check(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata: none of it is kept
            small = _shrink(data, kind, edge)
    except _MALFORMED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the system; a decoder's have no number
        raise PictureError(
            f"The picture is broken: {error}.", "It is kept as it is; replace it if there is a better one."
        ) from error
    return _encoded(small)


def _check(data: bytes) -> str:
    """Return Pillow's name for the kind of picture, or refuse it by its header alone."""
    if len(data) > MAX_BYTES:
        raise PictureError(f"The picture has {len(data):,} bytes, more than {MAX_BYTES:,}.")
    mime, width, height = measure(data)
    kind = _FORMATS.get(mime or "")
    if kind is None:
        raise PictureError("The picture is not a JPEG, PNG, WebP or GIF.")
    _check_size(kind, width or 0, height or 0)
    if kind == "JPEG" and data.count(b"\xff\xda") > _MAX_SCANS:  # no pixel's data hold these two bytes
        raise PictureError(f"The picture has more than {_MAX_SCANS} scans.")
    return kind


def _check_size(kind: str, width: int, height: int) -> None:
    limit = MAX_PIXELS if kind == "JPEG" else MAX_PIXELS_WHOLE
    if width * height > limit:
        raise PictureError(f"The picture has {width} × {height} pixels, more than {limit:,} in all.")


def _shrink(data: bytes, kind: str, edge: int) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=(kind,)) as picture:
        _check_size(kind, *picture.size)  # a decoder may see another size than the header's: a GIF's frame
        picture.draft(None, (2 * edge, 2 * edge))  # a JPEG is decoded at ½, ¼ or ⅛ if that is large enough
        picture.load()
        profile, turn = picture.info.get("icc_profile"), _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
        small = _scaled(_plain(picture), edge)
    flat = _flat(_in_srgb(small, profile if isinstance(profile, bytes) else b""))
    return flat if turn is None else flat.transpose(turn)


def _plain(picture: Image.Image) -> Image.Image:
    """Return it in a mode whose pixels can be averaged: L, LA, RGB, RGBA or CMYK."""
    if picture.mode.startswith("I"):  # a PNG's greys of 16 bits
        return picture.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
    if (picture.mode == "RGB" and "transparency" not in picture.info) or picture.mode in ("L", "CMYK"):
        return picture
    if picture.mode == "1":
        return picture.convert("L")
    return picture.convert("RGBA")


def _scaled(picture: Image.Image, edge: int) -> Image.Image:
    width, height = picture.size
    scale = min(1.0, edge / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    """Return it in sRGB by its colour profile; as it is if that is absent, too large, broken or another's."""
    if not profile or len(profile) > _MAX_PROFILE or picture.mode not in ("L", "RGB", "CMYK"):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(
            picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return picture
    return picture if converted is None else converted


def _flat(picture: Image.Image) -> Image.Image:
    """Return it as RGB in an image of its own, on white where it is transparent."""
    flat = Image.new("RGB", picture.size, "white")
    flat.paste(picture.convert("RGB"), mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
    return flat


def _encoded(picture: Image.Image) -> Thumbnail:
    """Write a JPEG with nothing in it but pixels."""
    written = io.BytesIO()
    clean = Image.frombytes("RGB", picture.size, picture.tobytes())
    clean.save(written, format="JPEG", quality=_QUALITY)
    return Thumbnail(written.getvalue(), *clean.size)
